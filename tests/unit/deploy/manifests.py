"""The Kubernetes manifests of deploy/, parsed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[3] / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
Object = dict[str, Any]


def objects_of(manifest: Path) -> list[Object]:
    return list(yaml.safe_load_all(manifest.read_text()))


def one(objects: list[Object], kind: str) -> Object:
    """The only object of a kind."""
    (found,) = [each for each in objects if each["kind"] == kind]
    return found


def pod_of(objects: list[Object]) -> Object:
    """The pod's specification of the one workload."""
    (workload,) = [each for each in objects if each["kind"] in ("Deployment", "DaemonSet")]
    spec: Object = workload["spec"]["template"]["spec"]
    return spec


def trimwatch_in(pod: Object) -> Object:
    """Our container, wherever it stands."""
    (found,) = [each for each in [*pod.get("initContainers", []), *pod["containers"]] if each["name"] == "trimwatch"]
    return dict(found)
