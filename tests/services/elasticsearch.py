"""Real Elasticsearch, one node on loopback, without security (nginx in front plays that) on a port that survives a restart."""

from __future__ import annotations

import json
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.services import installed
from tests.services.process import Process, free_port

READY_S = 150
_SETTINGS = """\
cluster.name: trimwatch-tests
node.name: one
path.data: {data}
path.logs: {logs}
network.host: 127.0.0.1
http.port: {port}
transport.port: {transport}
discovery.type: single-node
xpack.security.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
action.destructive_requires_name: false
"""
_JVM = "-Xms512m -Xmx512m -XX:-UseG1GC -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
_NOBODY = "65534"  # Elasticsearch refuses to run as uid 0


class Elasticsearch:
    """`address` is its URL. `settings` are lines for elasticsearch.yml."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        home = installed.elasticsearch_home()
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self.log = folder / "server.log"
        conf = folder / "config"
        shutil.copytree(home / "config", conf)
        options = (conf / "jvm.options").read_text().splitlines()  # a small Java has no incubating modules, and none is needed
        (conf / "jvm.options").write_text("\n".join(line for line in options if "jdk.incubator" not in line) + "\n")
        places = {"data": folder / "data", "logs": folder / "logs", "port": port, "transport": free_port()}
        (conf / "elasticsearch.yml").write_text(_SETTINGS.format(**places) + settings)
        environment = {
            "ES_JAVA_HOME": str(installed.java().parents[1]),
            "ES_PATH_CONF": str(conf),
            "ES_JAVA_OPTS": _JVM,
            "CLI_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            "ES_TMPDIR": str(folder / "tmp"),
            "HOME": str(folder),
        }
        (folder / "tmp").mkdir()
        self._process = Process([*_as_somebody_else(), str(home / "bin/elasticsearch")], self.log, folder / "data", environment)

    def start(self, owner: int | None = None) -> None:
        """Returns when its indices can be written. Raises NotReady."""
        self._process.start(owner)
        self._process.wait_until(self.answers, READY_S)

    def answers(self) -> bool:
        """Whether its indices can be written."""
        try:
            return bool(self.ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")["status"] != "red")
        except (OSError, KeyError):
            return False

    def tail(self) -> str:
        """The end of its log."""
        return self._process.tail()

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        self._process.stop()

    def restart(self) -> None:
        """Comes back with its data, on its port."""
        self.stop()
        self.start()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What it answers, parsed; a refusal is an OSError (HTTPError)."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = answer.read()
        return json.loads(said) if said else None

    def remove(self, pattern: str) -> None:
        """Indices, data streams and templates whose name matches."""
        for kind in ("_data_stream", "_index_template", "_component_template", ""):
            try:
                self.ask("DELETE", f"/{kind}/{pattern}".replace("//", "/"))
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise


def _as_somebody_else() -> list[str]:
    """The right to read and write all files stays, so that folders may lie in the home of the user who runs the tests."""
    if os.geteuid() != 0:
        return []
    rights = ("--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    return [installed.program("setpriv"), f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", *rights, "--"]
