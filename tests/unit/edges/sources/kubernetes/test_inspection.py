"""What `check --connect` says of a pod, against an API server on a real socket."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from detector.edges.inspected import Inspected
from detector.edges.sources.kubernetes.inspection import inspect_source
from detector.settings import KubernetesSourceSettings
from tests.unit.edges.sources.cluster import Cluster


@pytest.fixture
def settings(tmp_path: Path) -> KubernetesSourceSettings:
    (tmp_path / "token").write_text("token-1")
    return KubernetesSourceSettings("kubernetes", pod="api-0", namespace="shop", token_file=str(tmp_path / "token"))


def ask(settings: KubernetesSourceSettings, refusal: tuple[int, str, str] | None = None, token: str = "token-1") -> Inspected:
    async def within() -> Inspected:
        async with Cluster().serving() as cluster:
            cluster.token, cluster.refusal = token, refusal
            cluster.container("api").start()
            return await inspect_source(replace(settings, api=cluster.address), {})

    return asyncio.run(within())


def test_the_pod_and_its_containers_are_named(settings: KubernetesSourceSettings) -> None:
    """All is well."""
    assert ask(settings) == Inspected("pod shop/api-0, containers api")


def test_each_refusal_names_its_setting(settings: KubernetesSourceSettings) -> None:
    """No token, no right, no such pod, no such container."""
    ((field, _),) = ask(settings, token="another").problems
    assert field == "token_file"
    ((field, problem),) = ask(settings, (403, "Forbidden", "pods is forbidden")).problems
    assert (field, "grant `get` on `pods` in the namespace shop" in problem) == ("token_file", True)
    ((field, problem),) = ask(replace(settings, pod="api-9")).problems
    assert (field, "404" in problem) == ("pod", True)
    ((field, problem),) = ask(replace(settings, containers=("apo",))).problems
    assert (field, problem) == ("containers", "the pod has no container apo; it has api")


def test_nobody_there_and_no_cluster(settings: KubernetesSourceSettings) -> None:
    """Both under `api`."""
    refused = asyncio.run(inspect_source(replace(settings, api="http://127.0.0.1:1"), {}))
    assert [field for field, _ in refused.problems] == ["api"]
    outside = asyncio.run(inspect_source(settings, {"HOME": "/nonexistent", "KUBECONFIG": ""}))
    assert [field for field, _ in outside.problems] == ["api"]
