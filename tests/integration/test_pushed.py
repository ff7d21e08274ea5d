"""The daemon as agents see it that push to it: its own process, real sockets, and a kill between two answers."""

from __future__ import annotations

import http.client
import json
import signal
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cramjam
import pytest

from detector.edges.ingest.pushed import KEY
from detector.edges.store.store import Store
from detector.settings import StoreSettings
from tests.acceptance.daemon import Daemon
from tests.integration.test_run import free_port
from tests.services.certificates import make_certificates
from tests.unit.core.decode.metrics import written
from tests.unit.core.decode.metrics.requests import as_protobuf
from tests.unit.edges.ingest.test_ingest import OTLP_JSON, UP

TOKEN = "a-token-of-the-test"
T0 = 1_795_600_000_000
PROTOBUF = {"Content-Type": "application/x-protobuf"}
FIRST = {**PROTOBUF, "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}
SECOND = {**FIRST, "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"}


class Place:
    """A daemon that nothing but pushes come to."""

    def __init__(self, folder: Path, **ingest: object) -> None:
        folder.mkdir(exist_ok=True)
        self.port, self.telemetry = free_port(), free_port()
        (folder / "token").write_text(TOKEN)
        self.state = folder / "state"
        settings = {
            "sources": [],
            "store": {"path": str(self.state)},
            "telemetry": {"listen": f"127.0.0.1:{self.telemetry}"},
            "api": {"listen": ""},
            "ingest": {"listen": f"127.0.0.1:{self.port}", "token_file": str(folder / "token"), **ingest},
            "log": {"format": "json"},
        }
        self.daemon = Daemon(folder, settings)
        self.tls: ssl.SSLContext | None = None

    def start(self, crash_at: str = "") -> None:
        listening = self.daemon.log.read_text().count(f":{self.port}") if self.daemon.log.exists() else 0
        self.daemon.start(crash_at)
        self.daemon.wait_for_log(f":{self.port}", listening + 1)

    def connection(self) -> http.client.HTTPConnection:
        if self.tls is not None:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def push(self, path: str, body: bytes, headers: dict[str, str], token: str = TOKEN) -> int:
        """The status; 0 when there was no answer."""
        connection = self.connection()
        try:
            connection.request("POST", path, body, {**headers, "Authorization": f"Bearer {token}"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def kept(self) -> int:
        """How many pushes the store holds, while nobody else has it open."""
        store = Store.open(StoreSettings(path=str(self.state)), T0)
        try:
            return store.positions()[KEY].offset if KEY in store.positions() else 0
        finally:
            store.close()

    def metric(self, line: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.telemetry, timeout=10)
        connection.request("GET", "/metrics")
        found = line in connection.getresponse().read().decode()
        connection.close()
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    if not place.daemon.has_ended():
        place.daemon.kill()


def snappy(content: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(content))


def sample(at: int) -> bytes:
    return snappy(written.first([(UP, [(float(at), T0 + at)])]))


def test_every_protocol_is_taken(place: Place) -> None:
    """Each push is answered as done, counted, numbered, and in the store; a wrong token is not let in; SIGTERM ends it."""
    place.start()
    assert place.push("/api/v1/write", sample(1), FIRST) == 204
    assert place.push("/api/v1/write", snappy(written.second([(UP, [(1.0, T0)])], 2)), SECOND) == 204
    assert place.push("/v1/metrics", OTLP_JSON, {"Content-Type": "application/json"}) == 200
    assert place.push("/v1/metrics", as_protobuf(json.loads(OTLP_JSON)), PROTOBUF) == 200
    assert place.push("/write", b"cpu usage=1.5\n", {}) == 204
    assert place.push("/api/v1/write", sample(1), FIRST, "wrong") == 401
    end = time.monotonic() + 5
    while not place.metric('trimwatch_source_points_total{source="push"} 5'):
        assert time.monotonic() < end
    assert place.daemon.stop() == 0
    assert TOKEN not in place.daemon.log.read_text()
    assert place.kept() == 5


@pytest.mark.parametrize("crash_at", ["store_begin:3", "store_alerts:3", "store_committed:3", "source_handed_over:4", ""])
def test_what_was_answered_is_in_the_store(place: Place, crash_at: str) -> None:
    """The process is killed while two agents push one after the other: what was answered is there, and numbers go on."""
    place.start(crash_at)
    answered: list[int] = []
    agents = [threading.Thread(target=push_until_it_dies, args=(place, answered)) for _ in range(2)]
    for agent in agents:
        agent.start()
    if not crash_at:
        time.sleep(0.5)
        place.daemon.signal(signal.SIGKILL)
    for agent in agents:
        agent.join(30)
    assert place.daemon.ended_within(10)
    kept = place.kept()
    assert len(answered) <= kept <= len(answered) + 2  # one each may be written and not answered
    assert answered
    place.start()
    assert place.push("/api/v1/write", sample(9), FIRST) == 204
    assert place.daemon.stop() == 0
    assert place.kept() == kept + 1


def push_until_it_dies(place: Place, answered: list[int]) -> None:
    for at in range(2000):
        status = place.push("/api/v1/write", sample(at), FIRST)
        if status != 204:
            return
        answered.append(at)


def test_it_is_served_by_tls(tmp_path: Path) -> None:
    """On an address that others can reach: with a certificate, and to nobody who speaks in the clear."""
    made = make_certificates(tmp_path / "certificates")
    place = Place(tmp_path, cert_file=str(made.server), key_file=str(made.server_key))
    place.start()
    try:
        assert place.push("/api/v1/write", sample(1), FIRST) == 0
        place.tls = ssl.create_default_context(cafile=str(made.ca))
        assert place.push("/api/v1/write", sample(1), FIRST) == 204
    finally:
        assert place.daemon.stop() == 0
