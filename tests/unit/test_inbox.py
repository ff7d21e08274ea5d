"""The one door into the pipeline: order, a store that fails, a task that is cancelled in the middle."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from detector import inbox as inbox_module
from detector.core.judgements.judgements import Judgements
from detector.core.pipeline import Pipeline
from detector.errors import StoreUnavailable
from detector.inbox import Clocks, Door, PipelineInbox
from detector.records import Checkpoint, Command, LostRange, MetricKind, MetricPoint, Points, Stream
from detector.settings import AlarmSettings, VerdictSettings
from detector.telemetry import Metrics
from tests.unit.core.engine.parts import T0
from tests.unit.core.flow import Log, gone, line, pipeline
from tests.unit.core.judgements.course import P99, WINDOW, answer, change

COMMIT_MS = 100


class Owed:
    """An outbox in which nothing waits."""

    def owed(self) -> list[int]:
        return []


class Book:
    """A store that writes down what it is given, fails when told to, and can be held in the middle of a write."""

    def __init__(self) -> None:
        self.written: list[Checkpoint] = []
        self.outbox = Owed()
        self.is_full = False
        self.is_unreadable = False
        self.last_command_id = 0
        self.commands: list[Command] = []
        self.may_write = threading.Event()
        self.may_write.set()
        self.has_begun = threading.Event()

    def write(self, checkpoint: Checkpoint) -> range:
        self.has_begun.set()
        assert self.may_write.wait(30)
        if self.is_full:
            raise StoreUnavailable("disk full")
        self.written.append(checkpoint)
        return range(0)

    def commands_after(self, command_id: int) -> list[Command]:
        if self.is_unreadable:
            raise StoreUnavailable("cannot be read")
        return [command for command in self.commands if command.id > command_id]

    def entities(self) -> list[str | None]:
        return [alert.incident.entity for checkpoint in self.written for alert in checkpoint.alerts]


class Listener:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.failed = asyncio.Event()

    def written(self, checkpoint: Checkpoint) -> None:
        self.heard.append("written")

    def cannot_write(self, problem: StoreUnavailable) -> None:
        self.heard.append("cannot")
        self.failed.set()

    def can_write_again(self) -> None:
        self.heard.append("can")


class Hall:
    """An inbox over a real pipeline, with a clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.book, self.listener, self.mono_ms = Book(), Listener(), 1000
        clocks = Clocks(lambda: T0, lambda: self.mono_ms)
        self.pipeline: Pipeline = pipeline()
        self.inbox = PipelineInbox(self.pipeline, self.book, self.listener, clocks, COMMIT_MS)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(inbox_module, "LONGEST_PAUSE_S", 0.001)


def run(story: Callable[[Hall], Awaitable[None]]) -> Hall:
    async def told() -> Hall:
        hall = Hall()
        async with asyncio.timeout(30):
            await story(hall)
        return hall

    return asyncio.run(told())


def test_quiet_lines_wait_for_the_interval_and_a_finding_does_not() -> None:
    """No checkpoint before the interval is over, one at once when somebody must be told."""

    async def story(hall: Hall) -> None:
        log = Log()
        await hall.inbox.put(log.batch(line("quiet")))
        assert hall.book.written == []
        hall.mono_ms += COMMIT_MS
        await hall.inbox.put(log.batch(line("quiet")))
        assert len(hall.book.written) == 1
        await hall.inbox.put(log.batch(gone("a.B"), line("quiet")))
        assert hall.book.entities() == ["a.B"]

    run(story)


def test_many_bytes_are_written_down_before_the_interval_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """However fast they came."""
    monkeypatch.setattr(inbox_module, "COMMIT_BYTES", 1)

    async def story(hall: Hall) -> None:
        await hall.inbox.put(Log().batch(line("quiet")))
        assert len(hall.book.written) == 1

    run(story)


def test_a_full_store_stops_everybody_and_loses_nothing() -> None:
    """While it is full nothing else is judged; when there is room all of it is written, once, in order."""

    async def story(hall: Hall) -> None:
        log = Log()
        hall.book.is_full = True
        first = asyncio.create_task(hall.inbox.put(log.batch(gone("a.B"), line("quiet"))))
        second = asyncio.create_task(hall.inbox.put(log.batch(gone("c.D"), line("quiet"))))
        await hall.listener.failed.wait()
        assert hall.pipeline.incidents()[0].entity == "a.B"
        assert len(hall.pipeline.incidents()) == 1
        assert not first.done()
        hall.book.is_full = False
        await asyncio.gather(first, second)

    hall = run(story)
    assert hall.book.entities() == ["a.B", "c.D"]
    assert hall.listener.heard[-1] == "written"
    offsets = [position.offset for checkpoint in hall.book.written for position in checkpoint.positions]
    assert offsets == sorted(offsets)


def test_whoever_is_cancelled_while_the_store_is_full_leaves_what_is_owed_behind() -> None:
    """The next to come writes it before anything of its own."""

    async def story(hall: Hall) -> None:
        hall.book.is_full = True
        put = asyncio.create_task(hall.inbox.put(Log().batch(gone("a.B"), line("quiet"))))
        await hall.listener.failed.wait()
        put.cancel()
        await asyncio.wait([put])
        assert put.cancelled()
        hall.book.is_full = False
        await hall.inbox.put(Log("other").batch(gone("c.D"), line("quiet")))

    assert run(story).book.entities() == ["a.B", "c.D"]


def test_a_writer_that_is_cancelled_in_mid_write_writes_once() -> None:
    """It waits for the transaction to end: what was written is not owed any more, and nobody else came in between."""

    async def story(hall: Hall) -> None:
        hall.book.may_write.clear()
        put = asyncio.create_task(hall.inbox.put(Log().batch(gone("a.B"), line("quiet"))))
        await asyncio.to_thread(hall.book.has_begun.wait, 30)
        put.cancel()
        tick = asyncio.create_task(hall.inbox.tick())
        await asyncio.sleep(0)
        assert not put.done()
        hall.book.may_write.set()
        await asyncio.wait([put, tick])
        assert put.cancelled()

    hall = run(story)
    assert hall.book.entities() == ["a.B"]
    assert len(hall.book.written) == 1


def test_a_write_that_fails_while_its_writer_is_cancelled_is_still_owed() -> None:
    """The store was full: the next one writes it."""

    async def story(hall: Hall) -> None:
        hall.book.may_write.clear()
        hall.book.is_full = True
        put = asyncio.create_task(hall.inbox.put(Log().batch(gone("a.B"), line("quiet"))))
        await asyncio.to_thread(hall.book.has_begun.wait, 30)
        put.cancel()
        await asyncio.sleep(0)
        hall.book.may_write.set()
        await asyncio.wait([put])
        hall.book.is_full = False
        await hall.inbox.tick()

    assert run(story).book.entities() == ["a.B"]


def test_commands_are_consumed_once_and_in_order() -> None:
    """Their ids are in the checkpoint; the next tick asks for later ones only."""

    async def story(hall: Hall) -> None:
        hall.book.commands = [Command(n, T0, "me", "silence", f'{{"key": "shop", "until_ms": {T0 + n}}}') for n in (1, 2)]
        await hall.inbox.tick()
        await hall.inbox.tick()

    assert [checkpoint.command_id for checkpoint in run(story).book.written] == [2]


def test_a_store_that_could_not_be_read_is_well_again_when_it_can() -> None:
    """Also when there is nothing to write: the trouble must not stay until the next line comes."""

    async def story(hall: Hall) -> None:
        hall.book.is_unreadable = True
        await hall.inbox.tick()
        hall.book.is_unreadable = False
        await hall.inbox.tick()

    assert run(story).listener.heard == ["cannot", "can"]


def test_an_answer_of_the_judge_is_written_down_when_it_returns() -> None:
    """One that nobody waits for changes nothing, and is no checkpoint."""

    async def story(hall: Hall) -> None:
        judgements = Judgements(VerdictSettings(enabled=True, own_history=True), AlarmSettings())
        hall.pipeline._judgements = judgements
        judgements.begin(change(at_ms=T0 - 2 * WINDOW), T0)
        await hall.inbox.tick()
        (request,) = hall.book.written[-1].requests
        await hall.inbox.judged(answer(request, {P99: ("fail", "fail")}))
        assert hall.book.entities() == [P99]
        written = len(hall.book.written)
        await hall.inbox.judged(answer(request, {P99: ("pass", "pass")}))
        assert len(hall.book.written) == written

    run(story)


def test_lost_bytes_are_written_down_at_once() -> None:
    """With the incident about them."""

    async def story(hall: Hall) -> None:
        await hall.inbox.lost(LostRange(Log().stream, 0, 10, "truncated"))

    (checkpoint,) = run(story).book.written
    assert [alert.incident.rule for alert in checkpoint.alerts] == ["trimwatch/lost-range"]
    assert checkpoint.is_urgent


@pytest.mark.parametrize("unit", ["bytes", "records"])
def test_what_is_lost_is_counted_at_once_for_its_source(unit: str) -> None:
    """Not with the next batch, which may be another's, or never come."""
    metrics = Metrics()

    async def story(hall: Hall) -> None:
        await Door(hall.inbox, "topics", metrics).lost(LostRange(Log().stream, 2, 10, "retention", unit))

    run(story)
    assert f'trimwatch_source_lost_{unit}_total{{source="topics"}} 8' in metrics.exposition().decode()


def test_what_is_counted_goes_to_the_source_that_read_it() -> None:
    """Also the events that a tick gives out, and when two sources take turns."""
    metrics = Metrics()

    async def story(hall: Hall) -> None:
        files, topics = Door(hall.inbox, "files", metrics), Door(hall.inbox, "topics", metrics)
        await files.put(Log("a").batch(line("quiet"), line("quiet")))
        await topics.put(Log("b").batch(line("quiet")))
        await files.put(Log("c").batch(line("quiet")))
        await hall.inbox.tick()

    run(story)
    text = metrics.exposition().decode()
    assert 'trimwatch_source_lines_total{source="files"} 3' in text
    assert 'trimwatch_source_lines_total{source="topics"} 1' in text


def test_who_pushed_hears_when_it_is_written() -> None:
    """Not before: with the next checkpoint, whosever it is, or after the interval; several share one."""

    async def story(hall: Hall) -> None:
        pushes = [asyncio.create_task(hall.inbox.kept(push(at))) for at in range(3)]
        while len(hall.inbox._waiting) < 3:
            await asyncio.sleep(0)
        assert not any(task.done() for task in pushes)
        await hall.inbox.put(Log().batch(gone("a.B")))
        await asyncio.gather(*pushes)
        assert len(hall.book.written) == 1
        await hall.inbox.kept(push(3))
        assert len(hall.book.written) == 2
        assert hall.book.written[1].positions[0].offset == 4

    run(story)


def test_nobody_who_pushed_is_told_of_an_older_checkpoint() -> None:
    """While the store is full nobody is answered; one that gave up leaves the others waiting, and in the end they are told."""

    async def story(hall: Hall) -> None:
        hall.book.is_full = True
        gave_up, waits = (asyncio.create_task(hall.inbox.kept(push(at))) for at in range(2))
        await hall.listener.failed.wait()
        gave_up.cancel()
        await asyncio.wait([gave_up])
        late = asyncio.create_task(hall.inbox.kept(push(2)))
        done, _ = await asyncio.wait([waits, late], timeout=0.05)
        assert not done
        hall.book.is_full = False
        await asyncio.gather(waits, late)
        assert hall.book.written[-1].positions[0].offset == 3

    run(story)


def push(at: int) -> Points:
    point = MetricPoint("up", (), MetricKind.GAUGE, 1.0, T0)
    return Points(Stream("push", "push"), (point,), at, at + 1, T0)
