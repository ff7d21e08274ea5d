"""`trimwatch replay --pod` against a server that speaks the Kubernetes API's wire format."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.unit.edges.sources.cluster import Cluster


async def replayed(*arguments: str) -> tuple[int, list[dict], str]:
    command = [sys.executable, "-P", "-m", "detector.cli", "replay", "--json", *arguments]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env={"PATH": "/usr/bin:/bin"})
    said, complained = await process.communicate()
    assert process.returncode is not None
    return process.returncode, [json.loads(line) for line in said.splitlines()], complained.decode()


async def cluster_with_a_crash(check) -> None:
    async with Cluster().serving() as cluster:
        cluster.token = ""
        app = cluster.container("app")
        app.start()
        app.write("java.lang.ClassNotFoundException: a.Before", "\tat a.B.c(B.java:1)")
        app.restart()
        app.write("listening on :8080")
        await check(cluster)


@pytest.mark.parametrize(("flags", "entities"), [(["--previous"], ["a.Before"]), ([], [])])
def test_the_log_of_the_instance_before_names_what_it_missed(flags, entities):
    """`--previous` reads the instance that crashed, without it the one that runs; the service is the pod's own label."""

    async def check(cluster: Cluster) -> None:
        code, found, complained = await replayed("--pod", "api-0", "-n", "shop", "--api", cluster.address, *flags)
        assert code == 0, complained
        assert [one["entity"] for one in found[:-1]] == entities
        assert {one["service"] for one in found[:-1]} <= {"shop-api"}

    asyncio.run(cluster_with_a_crash(check))


def test_a_pod_that_is_not_there_is_one_clear_line(tmp_path: Path):
    """Exit status 2, the API's own words, no traceback."""

    async def check(cluster: Cluster) -> None:
        code, _, complained = await replayed("--pod", "none", "-n", "shop", "--api", cluster.address)
        assert code == 2
        assert 'pods "none" not found' in complained
        assert "Traceback" not in complained

    asyncio.run(cluster_with_a_crash(check))
