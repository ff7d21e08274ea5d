"""The manifests are what Kubernetes accepts and what FAULTS.md asks of a sidecar."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from detector.edges.sinks.problems import problems_of
from detector.settings import KafkaSourceSettings, ListenSettings, load_settings
from tests.unit.deploy.manifests import DEPLOY, MANIFESTS, objects_of, one, pod_of, trimwatch_in

SCHEMAS = sorted((Path(__file__).parents[2] / "data" / "kubernetes").glob("*.json"))
SIDECARS = [DEPLOY / "kubernetes" / name for name in ("sidecar.yaml", "sidecar-log-file.yaml")]

every_manifest = pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
every_sidecar = pytest.mark.parametrize("manifest", SIDECARS, ids=lambda path: path.stem)


@every_manifest
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda path: path.stem)
def test_kubernetes_would_take_it(manifest: Path, schema: Path) -> None:
    """The release's own schema, strict: an unknown field is a fault."""
    definitions = json.loads(schema.read_text())
    for each in objects_of(manifest):
        jsonschema.Draft202012Validator({**definitions, "$ref": f"#/$defs/{each['kind']}"}).validate(each)


def test_the_schema_would_see_a_fault() -> None:
    """A typing error in a probe is found, so the test above says something."""
    definitions = json.loads(SCHEMAS[0].read_text())
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "livenesProbe": {}}]}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator({**definitions, "$ref": "#/$defs/Pod"}).validate(pod)


@every_sidecar
def test_the_sidecar_is_native_and_holds_up_nobody(manifest: Path) -> None:
    """Before the application, stopped after it; it decides neither its readiness nor its start."""
    pod = pod_of(objects_of(manifest))
    ours = trimwatch_in({**pod, "containers": []})
    assert ours["restartPolicy"] == "Always"
    assert "readinessProbe" not in ours
    assert "startupProbe" not in ours
    assert "preStop" not in ours.get("lifecycle", {})


@every_manifest
def test_liveness_asks_only_whether_the_loop_turns(manifest: Path) -> None:
    """/healthz on the port that telemetry listens on by default."""
    ours = trimwatch_in(pod_of(objects_of(manifest)))
    assert ours["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "telemetry"}
    (port,) = ours["ports"]
    assert port == {"name": "telemetry", "containerPort": int(ListenSettings().listen.rpartition(":")[2])}


@every_manifest
def test_the_container_may_do_next_to_nothing(manifest: Path) -> None:
    """Not root, a root file system it cannot write, no capability, the runtime's seccomp profile, memory bounded."""
    ours = trimwatch_in(pod_of(objects_of(manifest)))
    context = ours["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] >= 10_000
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert ours["resources"]["limits"]["memory"]
    assert not ours["image"].endswith(":latest")


@every_manifest
def test_only_data_can_be_written(manifest: Path) -> None:
    """Every other mount is read-only, and every mount has its volume."""
    pod = pod_of(objects_of(manifest))
    ours = trimwatch_in(pod)
    assert [mount["mountPath"] for mount in ours["volumeMounts"] if not mount.get("readOnly")] == ["/data"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert {mount["name"] for mount in ours["volumeMounts"]} <= set(volumes)


@every_sidecar
def test_a_sidecars_state_goes_with_its_pod(manifest: Path) -> None:
    """An emptyDir of bounded size."""
    pod = pod_of(objects_of(manifest))
    (data,) = [mount["name"] for mount in trimwatch_in(pod)["volumeMounts"] if mount["mountPath"] == "/data"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == data]
    assert volume["emptyDir"]["sizeLimit"]


@every_manifest
def test_the_settings_in_the_manifest_are_right(manifest: Path) -> None:
    """They load, the sinks find nothing wrong, and the pager is never told that another pod's incident is over."""
    text = one(objects_of(manifest), "ConfigMap")["data"]["settings.yaml"]
    settings = load_settings("settings.yaml", text, {})
    is_shared = bool(settings.elasticsearch.urls)
    assert settings.incidents.resolve == ("shared" if is_shared else "never")
    assert [problems_of(sink) for sink in settings.sinks] == [[]] * len(settings.sinks)
    assert trimwatch_in(pod_of(objects_of(manifest)))["args"] == ["run", "--config", "/etc/trimwatch/settings.yaml"]


def test_a_consumer_group_is_as_large_as_its_settings_say() -> None:
    """replicas stands twice; and a pod is gone before the next one comes, which keeps the group's shares quiet."""
    objects = objects_of(DEPLOY / "kubernetes" / "consumer-group.yaml")
    workload = one(objects, "Deployment")["spec"]
    (source,) = load_settings("settings.yaml", one(objects, "ConfigMap")["data"]["settings.yaml"], {}).sources
    assert isinstance(source, KafkaSourceSettings)
    assert source.replicas == workload["replicas"] > 1
    assert workload["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}
    mounts = trimwatch_in(pod_of(objects))["volumeMounts"]
    files = [file for file in (source.ca_file, source.password and source.password.file) if file]
    assert [file for file in files if not any(file.startswith(mount["mountPath"]) for mount in mounts)] == []


def test_the_sidecar_may_read_its_pods_log_and_nothing_else() -> None:
    """get on pods and pods/log; the token is mounted into the sidecar alone."""
    objects = objects_of(SIDECARS[0])
    assert one(objects, "Role")["rules"] == [{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get"]}]
    binding, account, pod = one(objects, "RoleBinding"), one(objects, "ServiceAccount"), pod_of(objects)
    assert binding["roleRef"]["name"] == one(objects, "Role")["metadata"]["name"]
    assert [subject["name"] for subject in binding["subjects"]] == [account["metadata"]["name"]] == [pod["serviceAccountName"]]
    assert account["automountServiceAccountToken"] is pod["automountServiceAccountToken"] is False
    (projected,) = [volume for volume in pod["volumes"] if "projected" in volume]
    assert projected["name"] in {mount["name"] for mount in trimwatch_in(pod)["volumeMounts"]}
    assert all(projected["name"] not in str(container) for container in pod["containers"])


@pytest.mark.parametrize("manifest", [path for path in MANIFESTS if path != SIDECARS[0]], ids=lambda path: path.stem)
def test_whoever_needs_no_token_has_none(manifest: Path) -> None:
    """Only the source `kubernetes` talks to the API."""
    assert pod_of(objects_of(manifest))["automountServiceAccountToken"] is False


def test_the_daemon_set_never_reads_its_own_log() -> None:
    """Its namespace is in none of its globs."""
    objects = objects_of(DEPLOY / "kubernetes" / "daemonset.yaml")
    settings = load_settings("settings.yaml", one(objects, "ConfigMap")["data"]["settings.yaml"], {})
    namespace = one(objects, "DaemonSet")["metadata"]["namespace"]
    assert [path for source in settings.sources for path in source.paths if namespace in path] == []  # type: ignore[union-attr]
    assert all("_" in path for source in settings.sources for path in source.paths)  # type: ignore[union-attr]
