"""The real Alertmanager from the distribution's package, on loopback, with a web hook that shows what it notifies."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_PROGRAM = "prometheus-alertmanager"
_CONFIG = """
route: {receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: '%s', send_resolved: true}]}]
"""


@dataclass(frozen=True)
class Alertmanager:
    url: str

    async def alerts(self) -> list[dict[str, Any]]:
        """What fires; it leaves out resolved ones."""
        held: list[dict[str, Any]] = json.loads(await asyncio.to_thread(_get, f"{self.url}/api/v2/alerts"))
        return held


@asynccontextmanager
async def running_alertmanager(folder: Path, hook_url: str) -> AsyncIterator[Alertmanager]:
    """Stopped by its own process id when the block ends."""
    config = folder / "alertmanager.yml"
    config.write_text(_CONFIG % hook_url)
    port = _free_port()
    command = [_found_or_skipped(), f"--config.file={config}", f"--storage.path={folder / 'data'}", "--cluster.listen-address="]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        async with asyncio.timeout(20):
            yield Alertmanager(await _when_ready(f"http://127.0.0.1:{port}", process))
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 10)


def _found_or_skipped() -> str:
    """The program's path; a desk without it skips the test, CI fails."""
    path = shutil.which(_PROGRAM)
    if path is None and os.environ.get("CI") == "true":
        pytest.fail(f"{_PROGRAM} is not installed; deploy/ci/install.sh does it")
    if path is None:
        pytest.skip(f"{_PROGRAM} is not installed")
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        body: bytes = answer.read()
        return body


async def _when_ready(url: str, process: subprocess.Popen[bytes]) -> str:
    while process.poll() is None:
        try:
            await asyncio.to_thread(_get, f"{url}/-/ready")
        except OSError:
            await asyncio.sleep(0.05)
        else:
            return url
    raise RuntimeError(f"{_PROGRAM} ended with {process.returncode}")
