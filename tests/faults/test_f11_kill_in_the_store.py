"""F11 at the store: the process is killed at each step of a checkpoint and of a delivery."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from detector.crash_points import CrashPoint
from detector.edges.store.store import Store
from detector.records import AlertAction
from detector.settings import StoreSettings

WRITE = """
import sys
from detector.edges.store.store import Store
from detector.records import Checkpoint, Position
from detector.settings import StoreSettings
from tests.unit.edges.records import alert, incident
from detector.records import AlertAction
store = Store.open(StoreSettings(path=sys.argv[1]), 1000)
for number in range(1, 400):
    key = f"key-{number}"
    store.write(Checkpoint(
        1000 + number,
        positions=(Position("stream", "orders.log", number),),
        state=(("counted", str(number).encode() + b" " * 9000),),
        incidents=(incident(key),),
        alerts=(alert(AlertAction.TRIGGER, number, key),),
    ))
"""
DELIVER = """
import asyncio, sys
from detector.edges.store.store import Store
from detector.settings import StoreSettings
from detector.records import AlertAction
from tests.unit.edges.outbox.sinks import Post, ScriptedSink
from tests.unit.edges.records import alerts
store = Store.open(StoreSettings(path=sys.argv[1]), 1000)
store.write(alerts(AlertAction.TRIGGER))
sink = ScriptedSink("pager", on_send=lambda sent: print(sent.incident.dedup_key, flush=True))
asyncio.run(Post(store, [sink]).send_due())
"""


def run_killed(code: str, settings: StoreSettings, point: CrashPoint, times: int) -> str:
    environment = {**os.environ, "TRIMWATCH_CRASH_AT": f"{point.value}:{times}"}
    command = [sys.executable, "-c", code, settings.path]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=environment)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    return ended.stdout


@pytest.mark.parametrize(
    ("point", "times"),
    [
        (CrashPoint.STORE_BEGIN, 3),
        (CrashPoint.STORE_POSITIONS, 3),
        (CrashPoint.STORE_ALERTS, 3),
        (CrashPoint.STORE_COMMITTED, 3),
        (CrashPoint.STORE_WAL, 1),
        (CrashPoint.STORE_WAL, 2),
    ],
)
def test_a_checkpoint_is_there_whole_or_not_at_all(settings: StoreSettings, point: CrashPoint, times: int) -> None:
    """Killed at any step, position, state, incident and alert agree on how far it got, and nothing counts as damage."""
    run_killed(WRITE, settings, point, times)
    store = Store.open(settings, 9_000)
    assert store.loss is None
    position = store.positions().get("stream")
    reached = position.offset if position else 0
    assert (int(store.state().get("counted", b"0"))) == reached
    assert len(store.open_incidents()) == reached
    assert sorted(row.alert.seq for row in store.outbox.due("pager", 1 << 60, 1_000)) == list(range(1, reached + 1))
    if point is CrashPoint.STORE_COMMITTED:
        assert reached == times
    elif point is not CrashPoint.STORE_WAL:
        assert reached == times - 1
    else:
        assert reached > 0
    store.close()


@pytest.mark.parametrize(("point", "sent", "owed"), [(CrashPoint.OUTBOX_TAKEN, 0, 1), (CrashPoint.OUTBOX_NOTED, 1, 0)])
def test_a_delivery_is_noted_or_still_owed(settings: StoreSettings, point: CrashPoint, sent: int, owed: int) -> None:
    """Killed before the send, the alert is owed; killed after it was noted, it is not sent again."""
    assert len(run_killed(DELIVER, settings, point, 1).split()) == sent
    store = Store.open(settings, 9_000)
    rows = store.outbox.due("pager", 1 << 60, 10)
    assert [row.alert.action for row in rows] == [AlertAction.TRIGGER] * owed
    store.close()
