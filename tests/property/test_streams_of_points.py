"""Backlogs of several streams, in whatever order they are read, give the cells that they give in order of their time."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.signals.flow import SignalFlow
from detector.records import Cell, MetricPoint, Remembered
from tests.unit.core.signals.shipped import point, shipped

HTTP = "http_server_requests_seconds_count"
SIGNALS = shipped("application/request-rate", "application/http-5xx-share", "storage/redis-clients")
EVERY_S, MOST_STREAMS = 15, 4
Cells = dict[tuple[str, str, int], tuple[float, float]]


def backlog(number: int, rounds: int) -> list[list[MetricPoint]]:
    """A counter of a service of its own, and a part of what all of them share; a push a round."""
    pushes = []
    for at in range(rounds):
        when, own = at * EVERY_S + number / 8, f"s{number}"
        pushes.append(
            [
                point(HTTP, float((number + 1) * at * at), when, service=own, instance=own, status="503" if at % 2 else "200"),
                point(HTTP, 15.0 * at, when, service="all", instance=own, status="200"),
                point("redis_connected_clients", float(at % 7 + number), when, service="all", instance=own),
            ]
        )
    return pushes


def shown(cells: Sequence[Cell]) -> Cells:
    found = {(cell.service, cell.signal, cell.time_ms): (round(cell.value, 9), round(cell.evidence, 9)) for cell in cells}
    assert len(found) == len(cells), "a cell was told twice"
    return found


def in_order(backlogs: list[list[list[MetricPoint]]]) -> Cells:
    flow = SignalFlow(SIGNALS, is_live=False)
    for points in sorted((one for pushes in backlogs for push in pushes for one in push), key=lambda one: one.time_ms):
        flow.points([points], 10**12)
    flow.finish()
    return shown(flow.drain().cells)


@st.composite
def readings(draw: st.DrawFn) -> tuple[int, list[int], list[tuple[int, int, int]], int]:
    """How many streams, how many rounds each kept, who is read when and how much at once, and when we are killed."""
    count = draw(st.integers(2, MOST_STREAMS))
    rounds = draw(st.lists(st.integers(20, 60), min_size=count, max_size=count))
    reads, left = [], list(rounds)
    while any(left):
        who = draw(st.sampled_from([number for number in range(count) if left[number]]))
        size = draw(st.sampled_from([3, 8, 60]))
        reads.append((who, size, draw(st.integers(0, 4_000))))
        left[who] = max(0, left[who] - size)
    return count, rounds, reads, draw(st.integers(0, len(reads)))


@settings(max_examples=60, deadline=None)
@given(readings())
def test_backlogs_that_are_read_in_any_order_give_the_same_cells(reading) -> None:
    """None is silent for ten seconds before it has brought what it kept; then nothing is late. Also when we are killed in
    between: what was committed is there again, and the rest is read again."""
    count, rounds, reads, killed_at = reading
    backlogs = [backlog(number, rounds[number]) for number in range(count)]
    flow, told, at = SignalFlow(SIGNALS), [], [0] * count
    mono_ms, came_ms = 1, [1] * count
    rows: dict[int, bytes] = {}
    series: dict[int, bytes] = {}
    state: dict[str, bytes] = {}
    flow.tick(mono_ms)

    def commit() -> None:
        made = flow.drain()
        told.extend(made.cells)
        state.update({key: body for key, body in made.state if body is not None})
        if made.journal is not None:
            if made.journal.body is not None:
                rows[made.journal.number] = made.journal.body()
            series.update(made.journal.series)
            for number in [number for number in rows if number < made.journal.kept_from]:
                del rows[number]

    for number, (who, size, pause_ms) in enumerate(reads):
        waiting = [other for other in range(count) if at[other] < rounds[other]]
        if not waiting:
            break
        mono_ms = min(mono_ms + pause_ms, min(came_ms[other] for other in waiting) + 9_999)
        if any(mono_ms - came_ms[other] > 8_000 for other in waiting):  # it is its turn
            who = min(waiting, key=came_ms.__getitem__)
        elif who not in waiting:
            continue
        if number == killed_at:
            commit()
            flow = SignalFlow(SIGNALS)
            flow.tick(mono_ms)
            flow.restore(state, Remembered(tuple(sorted(rows.items())), tuple(series.items())), lambda *_: ())
            came_ms = [mono_ms] * count
        flow.tick(mono_ms)
        flow.points([one for push in backlogs[who][at[who] : at[who] + size] for one in push], 10**12, stream=f"topic/{who}")
        at[who], came_ms[who] = at[who] + size, mono_ms
        commit()
    for who in range(count):
        flow.points([one for push in backlogs[who][at[who] :] for one in push], 10**12, stream=f"topic/{who}")
    assert flow.figures().unused_points["late"] == 0
    flow.finish()
    commit()
    assert shown(told) == in_order(backlogs)
