"""The main job in a minute, with real parts: the recording of a trimmed service is played into a file, the daemon follows the
file as its own process, and a webhook on this machine is told."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from pathlib import Path

import orjson
from rich.console import Console

from detector.analysis.report.findings import show_incidents
from detector.edges.store.store import Store
from detector.interface import Json
from detector.plain_text import one_line
from detector.settings import StoreSettings

PLAY_S = 5.0
WAIT_S = 30.0


class DemoFailed(Exception):
    """A step did not happen in time; says which, and what the daemon printed."""


@dataclass(slots=True)
class Webhook:
    """The receiver on this machine. `arrived` is set with the first alert."""

    url: str
    bodies: list[dict[str, Json]]
    arrived: threading.Event


def demo(console: Console) -> None:
    """Raises DemoFailed."""
    with tempfile.TemporaryDirectory(prefix="trimwatch-demo-") as name, _webhook() as webhook:
        folder = Path(name)
        log = folder / "checkout.log"
        console.print("[bold]1[/] A Spring Boot 3 service was built without its validation starter. It starts, and looks well.")
        log.touch()
        with _daemon(folder, log, webhook) as process:
            console.print(f"[bold]2[/] `trimwatch run` follows checkout.log (process {process.pid}, rules and SQLite built in).")
            _wait_for_start(folder, process)
            console.print("[bold]3[/] Playing what the service printed:")
            _play(log, console)
            if not webhook.arrived.wait(WAIT_S):
                raise DemoFailed(f"no alert arrived within {WAIT_S:.0f} s\n{_said(folder)}")
            body = webhook.bodies[0]
            what = one_line(f"{body['action']} {body['severity']} {body['entity_kind']} {body['entity']}")
            console.print(f"[bold]4[/] The webhook at {webhook.url} was told: [bold]{what}[/]", highlight=False)
            console.print(f"  dedup key {body['dedup_key']}", highlight=False)
            _settle(process)
        console.print("[bold]5[/] The incident, as the store of the stopped daemon holds it:")
        _show(console, folder)
        console.print("That was a file, the rules, SQLite and a webhook. Your own log: [bold]trimwatch replay FILE[/]")


def _play(log: Path, console: Console) -> None:
    """Line by line, as the service wrote it, in PLAY_S seconds."""
    lines = (files("detector") / "demo_data" / "trimmed.log").read_bytes().splitlines(keepends=True)
    with log.open("ab", buffering=0) as target:
        for number, line in enumerate(lines):
            target.write(line)
            if b" ERROR " in line or number in (0, 10, 11):
                console.print("  " + one_line(line.decode().rstrip()[:150]), style="dim", markup=False, highlight=False)
            time.sleep(PLAY_S / len(lines))


def _show(console: Console, folder: Path) -> None:
    store = Store.open(StoreSettings(path=str(folder / "state")), time.time_ns() // 1_000_000)
    try:
        show_incidents(console, store.history.incidents())
    finally:
        store.close()


@contextlib.contextmanager
def _daemon(folder: Path, log: Path, webhook: Webhook) -> Iterator[subprocess.Popen[bytes]]:
    settings = {
        "service": "checkout",
        "sources": [{"type": "file", "paths": [str(log)]}],
        "sinks": [{"type": "webhook", "url": webhook.url, "allow_private": True}],
        "store": {"path": str(folder / "state")},
        "telemetry": {"listen": ""},
        "api": {"listen": ""},
        "log": {"format": "json"},
    }
    (folder / "settings.yaml").write_bytes(orjson.dumps(settings))  # JSON is YAML
    command = [sys.executable, "-P", "-m", "detector.cli", "run", "--config", str(folder / "settings.yaml")]
    with (folder / "daemon.log").open("wb") as said, subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=said) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for_start(folder: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + WAIT_S
    while b'"source_started"' not in (folder / "daemon.log").read_bytes():
        if process.poll() is not None or time.monotonic() > end:
            raise DemoFailed(f"the daemon did not start\n{_said(folder)}")
        time.sleep(0.05)


def _settle(process: subprocess.Popen[bytes]) -> None:
    """A trace is whole when nothing follows it for two seconds: let the last one be counted."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(4)


def _said(folder: Path) -> str:
    return one_line((folder / "daemon.log").read_text(errors="replace")[-2000:])


@contextlib.contextmanager
def _webhook() -> Iterator[Webhook]:
    bodies: list[dict[str, Json]] = []
    arrived = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, *args: object) -> None:
            """The demo says itself what arrived."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Webhook(f"http://127.0.0.1:{server.server_port}/hook", bodies, arrived)
    finally:
        server.shutdown()
        server.server_close()
