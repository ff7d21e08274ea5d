"""Logs become signals: the share of errors, and how long starts took; counted once, however they are cut and whoever dies."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.engine.loud_lines import MOST_READ, loud_lines
from detector.core.engine.novelty import Novelty
from detector.core.engine.scan import SetScanner, pattern_table
from detector.core.incidents.lifecycle import Incidents
from detector.core.pipeline import Clock, Pipeline
from detector.core.signals.flow import SignalFlow
from detector.records import Batch, Level, Severity, Stage, Tick
from detector.settings import IncidentSettings
from tests.unit.core.engine.parts import T0, rule
from tests.unit.core.flow import GONE, Log, at, engine
from tests.unit.core.signals.shipped import shipped

SHARE, START = "application/error-log-share", "application/startup-time"
STARTED = rule(
    r"Started [\w$.-]{1,100} in [\d.,]{1,12} seconds|ready for connections",
    id="own/started",
    entity=None,
    marks="start_succeeded",
    severity=Severity.INFO,
    stage=Stage.NONE,
)
QUARTER = 15_000
BEGIN = T0 - T0 % 900_000


def pipeline(clock: Clock = Clock.EVENT) -> Pipeline:
    signals = SignalFlow(shipped(SHARE, START), is_live=clock is Clock.ARRIVAL)
    made = Pipeline(engine(GONE, STARTED), Incidents(IncidentSettings()), Novelty(), clock, signals=signals)
    if clock is Clock.ARRIVAL:
        made.tick(Tick(BEGIN, 1000))
    return made


def said(level: str, ms: int, text: str = "an order was placed") -> bytes:
    return f"{at(ms)} {level:>5} 1 --- [main] shop.Cart : {text}\n".encode()


def a_minute(errors_every: int = 10) -> list[bytes]:
    """Ten lines a second."""
    return [said("ERROR" if n % errors_every == 0 else "INFO", BEGIN + n * 100) for n in range(600)]


def cells(*made) -> dict[tuple[str, int], tuple[float, float]]:
    return {(cell.signal, cell.time_ms - BEGIN): (cell.value, cell.evidence) for one in made for cell in one.cells}


def test_errors_are_a_share_of_all_lines_in_each_step():
    """One in ten."""
    one, log = pipeline(), Log()
    lines = a_minute()
    for begin in range(0, 600, 20):
        one.take(log.batch(*lines[begin : begin + 20], observed_ms=BEGIN + 60_000))
    one.end()
    found = cells(one.checkpoint(0))
    assert sum(evidence for _, evidence in found.values()) == 600
    assert sum(round(value * evidence) for value, evidence in found.values()) == 60
    assert all(abs(value - 0.1) < 0.02 for value, _ in found.values())
    assert {step for _, step in found} == {0, QUARTER, 2 * QUARTER, 3 * QUARTER}


def test_quiet_lines_lie_where_they_were_written_as_far_as_that_is_known():
    """A batch of a minute: its samples say when it began and ended, so that its lines are not all in the last step."""
    one, log = pipeline(), Log()
    lines = a_minute(errors_every=1000)
    one.take(log.batch(*lines[:10], observed_ms=BEGIN + 60_000))
    one.take(log.batch(*lines[10:], observed_ms=BEGIN + 60_000))
    one.end()
    found = cells(one.checkpoint(0))
    assert sum(evidence for _, evidence in found.values()) == 600
    assert all(130 <= evidence <= 170 for _, evidence in found.values())


def test_a_stack_trace_is_no_crowd_of_quiet_lines():
    """One error in ten events is a tenth, however long its trace; wherever the batch is cut."""
    trace = b"".join(b"\tat shop.Cart.add(Cart.java:%d)\n" % n for n in range(30)) + b"  ... 12 more\n"
    lines = [part for line in a_minute() for part in ((line, trace) if b"ERROR" in line else (line,))]
    one, log = pipeline(), Log()
    for begin in range(0, len(lines), 7):
        one.take(log.batch(*lines[begin : begin + 7], observed_ms=BEGIN + 60_000))
    one.end()
    found = cells(one.checkpoint(0))
    assert sum(evidence for _, evidence in found.values()) == 600
    assert sum(round(value * evidence) for value, evidence in found.values()) == 60


def test_a_restart_reads_the_last_lines_again_and_counts_them_once():
    """The position stands before the open event; what was counted before it is not counted again."""
    lines = a_minute()
    log, made, state, one = Log(), [], {}, pipeline()
    body = b"".join(lines)
    cut = body.index(b"\n", len(body) // 3) + 1
    one.take(Batch(log.stream, bytearray(body[:cut]), 0, cut, 0, BEGIN + 60_000))
    made.append(one.checkpoint(0))
    (position,) = made[0].positions
    assert position.offset < cut
    state = {key: value for key, value in made[0].state if value is not None}
    two = pipeline()
    two.restore(state, [])
    rest = body[position.offset :]
    two.take(Batch(log.stream, bytearray(rest), 0, len(rest), position.offset, BEGIN + 60_000, ends=True))
    two.end()
    made.append(two.checkpoint(0))
    found = cells(*made)
    assert sum(evidence for _, evidence in found.values()) == 600
    assert sum(round(value * evidence) for value, evidence in found.values()) == 60


def test_a_start_tells_how_long_it_took():
    """Of a line that says so."""
    one, log = pipeline(), Log()
    one.take(log.batch(said("INFO", BEGIN, "hello"), said("INFO", BEGIN + 2_000, "Started Cart in 2.071 seconds"), ends=True))
    one.end()
    assert cells(one.checkpoint(0))[START, 0] == (2.071, 1)


def test_a_start_that_does_not_say_is_measured_from_the_first_line():
    """Once: what starts again later in the same stream began nobody knows when. Also over a restart of ours."""
    one, log = pipeline(), Log()
    one.take(log.batch(said("INFO", BEGIN, "hello"), said("INFO", BEGIN + 1_000, "reading settings")))
    state = {key: value for key, value in one.checkpoint(0).state if value is not None}
    two = pipeline()
    two.restore(state, [])
    two.take(log.batch(said("INFO", BEGIN + 4_500, "ready for connections"), said("INFO", BEGIN + 5_000, "more")))
    two.take(log.batch(said("INFO", BEGIN + 20_000, "ready for connections"), said("INFO", BEGIN + 21_000, "more"), ends=True))
    two.end()
    found = cells(two.checkpoint(0))
    assert {key: value for key, value in found.items() if key[0] == START} == {(START, 0): (4.5, 1)}


def test_live_the_last_step_is_closed_when_nothing_comes_any_more():
    """By our own clock, once nobody is waited for."""
    one, log = pipeline(Clock.ARRIVAL), Log()
    one.take(log.batch(*a_minute()[:100], observed_ms=BEGIN))
    assert not one.checkpoint(0).cells
    one.tick(Tick(BEGIN + 60_000, 61_000))
    assert not one.checkpoint(0).cells
    one.tick(Tick(BEGIN + 120_000, 121_000))
    assert [cell.evidence for cell in one.checkpoint(0).cells] == [100]
    assert one.checkpoint(0).is_empty


def test_of_many_loud_lines_some_are_read_and_stand_for_all():
    """Their number is exact."""
    table = pattern_table([GONE])
    body = b"".join(said("ERROR" if n % 2 else "WARN", BEGIN + n) for n in range(1000))
    reads = engine(GONE).scan(body, 0, len(body))
    found = loud_lines(body, 0, len(body), reads, table.first_loud, BEGIN)
    assert len(found) <= MOST_READ
    assert sum(each.lines for each in found) == 1000
    assert {each.level for each in found} <= {Level.WARN, Level.ERROR}
    assert SetScanner(table).scan(body, 0, 10) is not None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 120), min_size=1, max_size=6), st.sets(st.integers(0, 30), max_size=3))
def test_however_a_log_is_cut_and_whoever_dies_each_line_counts_once(sizes: list[int], deaths: set[int]):
    """Errors lie in the same steps; quiet lines move by no more than what is unknown about them."""
    lines = a_minute()
    one, stream, offset, turn, made = pipeline(), Log().stream, 0, 0, []
    body = b"".join(lines)
    ends = [0]
    for each in lines:
        ends.append(ends[-1] + len(each))
    at = 0
    state: dict[str, bytes] = {}
    while at < len(lines):
        size = sizes[turn % len(sizes)]
        begin, end = offset, ends[min(len(lines), at + size)]
        at += size
        piece = body[begin:end]
        one.take(Batch(stream, bytearray(piece), 0, len(piece), begin, BEGIN + 60_000))
        offset = end
        checkpoint = one.checkpoint(0)
        made.append(checkpoint)
        state |= {key: value for key, value in checkpoint.state if value is not None}
        if turn in deaths:
            positions = {each.stream_key: each.offset for each in checkpoint.positions}
            one = pipeline()
            one.restore(state, [])
            offset = positions.get(stream.key, offset)
        turn += 1
    one.end()
    made.append(one.checkpoint(0))
    found = cells(*made)
    assert sum(evidence for _, evidence in found.values()) == 600
    errors = {step: round(value * evidence) for (_, step), (value, evidence) in found.items()}
    assert errors == {0: 15, QUARTER: 15, 2 * QUARTER: 15, 3 * QUARTER: 15}
