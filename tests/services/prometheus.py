"""Real Prometheus on loopback, 2 of the distribution or 3 built by Go: it scrapes every 0.1 s what a test names, else itself."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.services import installed
from tests.services.process import Process, free_port

READY_S = 30
_CONFIG = """\
global: {{scrape_interval: 100ms, scrape_timeout: 100ms, evaluation_interval: 1s{native}}}
scrape_configs:
{jobs}{more}
"""
_NATIVE = ", scrape_native_histograms: true"  # 2 has a flag for it
_JOB = "- {{job_name: {job}, metrics_path: {path}, static_configs: [{{targets: {targets}}}]}}\n"


class Prometheus:
    """`address` is its URL. `targets` are URLs by job. `more` is further YAML at the top of its settings, like
    `remote_write: ...`. `version` is 2 or 3."""

    def __init__(
        self,
        folder: Path,
        targets: Mapping[str, Sequence[str]] | None = None,
        more: str = "",
        flags: Sequence[str] = (),
        version: int = 2,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.instance = f"127.0.0.1:{free_port()}"
        self.address = f"http://{self.instance}"
        self.log = folder / "server.log"
        jobs = "".join(_job(job, urls) for job, urls in (targets or {"prometheus": [f"{self.address}/metrics"]}).items())
        config = folder / "prometheus.yml"
        config.write_text(_CONFIG.format(jobs=jobs, more=more, native=_NATIVE if version > 2 else ""))
        command = [
            installed.prometheus(version),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={self.instance}",
            *flags,
        ]
        self._process = Process(command, self.log, folder / "data")

    def start(self, owner: int | None = None) -> None:
        """Returns when it serves. Raises NotReady."""
        self._process.start(owner)
        self._process.wait_until(self.answers, READY_S)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def tail(self) -> str:
        """The end of its log."""
        return self._process.tail()

    def kill(self) -> None:
        self._process.kill()

    def ask(self, expression: str) -> list[Any]:
        """The result of a query now."""
        with urllib.request.urlopen(f"{self.address}/api/v1/query?{urllib.parse.urlencode({'query': expression})}") as answer:
            result: list[Any] = json.load(answer)["data"]["result"]
            return result

    def wait_until(self, expression: str) -> None:
        """Until the query has a result. Raises NotReady."""
        self._process.wait_until(lambda: bool(self.ask(expression)), READY_S)


def _job(job: str, urls: Sequence[str]) -> str:
    """All targets of a job have one path."""
    parts = [urllib.parse.urlsplit(url) for url in urls]
    return _JOB.format(job=job, path=parts[0].path or "/metrics", targets=json.dumps([part.netloc for part in parts]))
