"""F18: a hostile rule or line is bounded: no stall of the event loop, and the rule is set aside and shown."""

import gc
import random
import time

import pytest

from detector.core.engine.budget import QUARANTINE_MS, SLICE_S
from detector.core.engine.engine import EventContext
from detector.core.engine.regexes import MAX_PROGRAM
from tests.unit.core.engine.parts import CLASS, CONTEXT, T0, engine_of, event, rule

HOSTILE = [r"bad a[ab]{16}c", r"bad [ab]*a[ab]{500}c", r"bad (?:a[ab]{1000}c|x)?", r"bad .*a[ab]{1000}c"]


class Clock:
    """CPU seconds that a test moves. Each reading costs `step`."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def hit(engine, text="java.lang.ClassNotFoundException: a.B", now_ms=T0, marks=(0,)):
    return engine.judge(event(text), marks, EventContext("s", "n", "shop", now_ms))


@pytest.mark.parametrize("pattern", HOSTILE)
def test_no_hostile_line_stalls_a_slice(pattern):
    """A megabyte made for the rule costs at most a tenth of a second of CPU, by the real clock and the real RE2."""
    engine = engine_of(rule(pattern), clock=time.thread_time)
    chance = random.Random(18)
    line = " ".join("bad " + "".join(chance.choices("ab", k=1400)) for _ in range(700))
    began = time.thread_time()
    engine.judge(event(line), [0], CONTEXT)
    assert time.thread_time() - began < 0.1 + 0.1  # the guard, and room for a slow machine's last search


def test_a_rule_that_takes_the_slices_time_is_set_aside_and_shown():
    """Its candidates are counted, the other rules go on, and after ten minutes it runs again."""
    clock = Clock()
    engine = engine_of(rule(CLASS, id="slow"), rule(r"ClassNotFoundException: (?P<symbol>[\w.]+)", id="good"), clock=clock)
    clock.step = SLICE_S
    hit(engine)
    clock.step = 0.0
    [shown] = engine.quarantined()
    assert (shown.rule, shown.skipped) == ("slow", 0)
    assert "ms" in shown.reason
    assert [finding.rule for finding in hit(engine, marks=(0, 1))] == ["good"]
    assert engine.quarantined()[0].skipped == 1
    assert engine.costs()["slow"].skipped == 1
    assert [f.rule for f in hit(engine, now_ms=T0 + QUARANTINE_MS, marks=(0, 1))] == ["slow", "good"]
    assert engine.quarantined() == []


def test_a_rule_that_is_a_little_slow_for_a_minute_is_set_aside():
    """No single slice is over, the minute is."""
    clock = Clock()
    engine = engine_of(rule(CLASS), clock=clock)
    clock.step = 0.01
    for i in range(400):
        engine.scan(b"", 0, 0)
        hit(engine, f"{i} java.lang.ClassNotFoundException: a.B", T0 + i)
        if engine.quarantined():
            break
    assert 100 < i < 399
    assert "within a minute" in engine.quarantined()[0].reason


def test_honest_confirming_is_never_limited():
    """A storm of a hundred thousand hits in a slice is all judged."""
    clock = Clock()
    engine = engine_of(rule(CLASS), clock=clock)
    clock.step = 0.00005
    assert all(hit(engine, f"{i} java.lang.ClassNotFoundException: a.B") for i in range(10_000))
    assert engine.quarantined() == []


def test_without_a_clock_nothing_is_cut_short():
    """A replay does not depend on the machine."""
    engine = engine_of(rule(CLASS))
    assert all(hit(engine, f"{i} java.lang.ClassNotFoundException: a.B") for i in range(100))
    assert engine.costs()["jvm/class-not-found"].seconds == 0.0


def test_a_person_may_release_a_rule():
    """Before its time is over."""
    clock = Clock()
    engine = engine_of(rule(CLASS, id="slow"), clock=clock)
    clock.step = SLICE_S
    hit(engine)
    clock.step = 0.0
    assert hit(engine) == []
    engine.release("slow")
    assert len(hit(engine)) == 1


def test_a_rule_whose_program_is_too_large_is_set_aside_at_its_first_hit():
    """Lint refuses it; a rule that came another way does not run either."""
    engine = engine_of(rule(r"bad [\x{100}-\x{10fff}]{1,900}end"))
    assert hit(engine, "bad stuff") == []
    assert str(MAX_PROGRAM) in engine.quarantined()[0].reason


def test_a_short_slow_search_is_not_repeated_for_every_literal_in_a_line():
    """A line that is all literals is looked at a bounded number of times."""
    engine = engine_of(rule(r"java\.lang\.ClassNotFoundException: (?P<symbol>[\w.]+)!"))
    line = "java.lang.ClassNotFoundException: a.B " * 25_000
    began = time.thread_time()
    assert hit(engine, line) == []
    assert time.thread_time() - began < 0.1


def test_a_garbage_collection_in_a_confirm_puts_no_rule_under_suspicion():
    """A full one takes tens of milliseconds where a storm has left many findings."""
    clock = Clock()
    engine = engine_of(rule(CLASS), clock=clock)
    engine._budget.start()
    before = clock.now
    clock.step = SLICE_S
    gc.collect()
    clock.step = 0.0
    assert clock.now > before
    assert engine._budget.lap() == pytest.approx(SLICE_S)  # one reading of the clock, not the collection


def test_an_engine_that_is_gone_watches_no_collections():
    """A reload makes a new one each time."""
    engine = engine_of(rule(CLASS), clock=Clock())
    watching = len(gc.callbacks)
    del engine
    gc.collect()
    assert len(gc.callbacks) < watching
