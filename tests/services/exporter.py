"""A real exporter of Prometheus metrics on loopback; what it tells of is up already."""

from __future__ import annotations

import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.services import installed
from tests.services.process import Process, free_port

READY_S = 30


class Exporter:
    """`address` is its URL. `{listen}` in `words` becomes its host and port, which survive a restart."""

    def __init__(self, folder: Path, program: str, words: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.instance = f"127.0.0.1:{free_port()}"
        self.address = f"http://{self.instance}/metrics"
        command = [installed.program(program), *(word.format(listen=self.instance) for word in words)]
        self._process = Process(command, folder / f"{program}.log", folder / program, environment)

    def start(self, owner: int | None = None) -> None:
        """Returns when it answers. Raises NotReady."""
        self._process.start(owner)
        self._process.wait_until(self.answers, READY_S)

    def restart(self) -> None:
        """What it has counted itself begins anew."""
        self.kill()
        self.start()

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.address, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def tail(self) -> str:
        """The end of its log."""
        return self._process.tail()

    def kill(self) -> None:
        self._process.kill()


def redis_exporter(folder: Path, redis: str) -> Exporter:
    return Exporter(folder, "prometheus-redis-exporter", ("--web.listen-address={listen}", f"--redis.addr=redis://{redis}"))


def mysqld_exporter(folder: Path, server: str) -> Exporter:
    login = {"DATA_SOURCE_NAME": f"root@({server})/"}
    return Exporter(folder, "prometheus-mysqld-exporter", ("--web.listen-address={listen}", "--no-collect.slave_status"), login)


def blackbox_exporter(folder: Path) -> Exporter:
    """Probes what `probe_of` names, by HTTP."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "blackbox.yml"
    config.write_text("modules: {http_2xx: {prober: http, http: {preferred_ip_protocol: ip4}}}\n")
    return Exporter(folder, "prometheus-blackbox-exporter", ("--web.listen-address={listen}", f"--config.file={config}"))


def probe_of(exporter: Exporter, target: str) -> str:
    """Where to scrape what it finds out about a target."""
    query = urllib.parse.urlencode({"module": "http_2xx", "target": target})
    return f"http://{exporter.instance}/probe?{query}"
