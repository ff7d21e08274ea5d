"""The whole daemon as a member of a consumer group, and what the receiver must have heard in the end."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from detector.edges.store.store import Store
from detector.settings import StoreSettings
from tests.acceptance.daemon import Daemon
from tests.acceptance.receiver import Receiver
from tests.faults.kafka_load import failure, write_records
from tests.integration.test_run import free_port

START_S = 60  # two workers on two cores compile rules at the same time
WITHIN_S = 30  # five seconds by FAULTS after a rebalance, on a machine that others use too


class Member:
    """One daemon with a folder of its own."""

    def __init__(self, folder: Path, address: str, topic: str, receiver: Receiver, **source: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.receiver = receiver
        self.address = address
        self.topic = topic
        self.port = free_port()
        kafka = {"type": "kafka", "servers": [address], "topics": [topic], "commit_every": "200ms", "session_timeout": "3s"}
        self.settings: dict[str, object] = {
            "sources": [{**kafka, **source}],
            "sinks": [{"type": "webhook", "url": receiver.url, "allow_private": True}],
            "incidents": {"resolve": "never"},
            "outbox": {"first_retry": "100ms"},
            "store": {"path": str(folder / "state"), "commit_every": "20ms"},
            "telemetry": {"listen": f"127.0.0.1:{self.port}"},
            "api": {"listen": ""},
            "log": {"format": "json"},
        }
        self.daemon = Daemon(folder, self.settings)
        self.starts = 0
        self.may_crash = False

    def start(self, crash_at: str = "", until: str = "source_started") -> None:
        """Returns when its log has this word since now."""
        said = self._times(until)
        self.starts += 1
        self.may_crash = bool(crash_at)
        self.daemon.start(crash_at)
        if not crash_at:
            self.daemon.wait_for_log(f'"{until}"', said + 1, START_S)

    def _times(self, word: str) -> int:
        return self.daemon.log.read_text().count(f'"{word}"') if self.daemon.log.exists() else 0

    def stop(self) -> None:
        assert self.daemon.stop() == 0 or self.may_crash, self.said()

    def kill(self) -> None:
        self.daemon.kill()

    def end(self) -> None:
        """For the end of a test that failed."""
        if self.starts and not self.daemon.has_ended():
            self.daemon.kill()

    def said(self) -> str:
        return self.daemon.log.read_text()[-4000:]

    def ask(self, path: str) -> str:
        """What it answers on its telemetry port, whatever the status."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                text: str = answer.read().decode()
                return text
        except urllib.error.HTTPError as error:
            return str(error.read().decode())

    def finds_something_fresh(self, name: str, partition: int = 0) -> None:
        """A failure that is written now is told."""
        more = b"2026-11-24T10:00:00.000Z  INFO 1 --- [main] shop.Cart : next"
        write_records(self.address, self.topic, [*failure(f"planted.{name}", in_one_record=True), more], partition)
        assert self.receiver.wait_for({f"planted.{name}"}, WITHIN_S) == set(), self.said()

    def counts(self) -> dict[str | None, int]:
        """How many events each entity has, as the store holds it; when it has stopped."""
        store = Store.open(StoreSettings(path=str(self.daemon.folder / "state")), 0)
        try:
            return {incident.entity: incident.count for incident in store.history.incidents(limit=None)}
        finally:
            store.close()


@dataclass(frozen=True)
class Reckoning:
    """What was planted against what was told. `again` counts triggers beyond the first of an entity: a pager folds them."""

    planted: int
    missing: set[str]
    invented: set[str]
    keys: dict[str, set[str]]
    again: int

    @property
    def is_right(self) -> bool:
        """Each planted failure at least once, under one key, and nothing else."""
        return not self.missing and not self.invented and not self.keys

    def __str__(self) -> str:
        return (
            f"planted {self.planted}, missing {len(self.missing)} {sorted(self.missing)[:3]}, invented {len(self.invented)} "
            f"{sorted(self.invented)[:3]}, with two keys {len(self.keys)}, told again {self.again}"
        )


def reckon(receiver: Receiver, planted: Iterable[str], timeout_s: float = WITHIN_S) -> Reckoning:
    """Waits for all of them, prints the counts."""
    wanted = set(planted)
    missing = receiver.wait_for(wanted, timeout_s)
    about_logs = [body for body in receiver.told if body["service"] != "trimwatch"]
    keys: dict[str, set[str]] = defaultdict(set)
    for body in about_logs:
        keys[body["entity"]].add(body["dedup_key"])
    rings = Counter(body["entity"] for body in about_logs if body["action"] == "trigger")
    told = Reckoning(
        len(wanted),
        missing,
        {body["entity"] for body in about_logs} - wanted,
        {entity: several for entity, several in keys.items() if len(several) > 1},
        sum(count - 1 for count in rings.values()),
    )
    print(told)
    return told


def losses(receiver: Receiver) -> list[str]:
    """What was told of lost records, each as `records BEGIN-END reason`."""
    return [body["evidence"][0]["text"] for body in receiver.told if body["rule"] == "trimwatch/lost-range"]
