"""Rules over several events: what completes a story, what keeps stories apart, and what survives a restart."""

import orjson
import pytest

from detector.core.engine.engine import EventContext
from detector.core.engine.windows import ENTRIES_A_PART, MAX_KEYS
from detector.core.ruleset.spec import AbsentSpec, CountSpec, EntitySpec
from detector.records import Level
from tests.unit.core.engine.parts import MINUTE, T0, engine_of, event, judge, rule

OPENED, DENIED, GAVE_UP = r"pool (?P<pool>\w+) opened", r"login denied for (?P<pool>\w+)", r"giving up on (?P<pool>\w+)"
OTHER = EventContext("stream-2", "b.log", "cart", T0)


def sequence(**changes):
    return rule(sequence=(OPENED, DENIED, GAVE_UP), window_ms=5 * MINUTE, entity=EntitySpec("setting", ("pool",)), **changes)


def every(**changes):
    return rule(all_of=(OPENED, DENIED), window_ms=5 * MINUTE, entity=EntitySpec("setting", ("pool",)), **changes)


def told(engine, *lines, context=None):
    """How many findings each (minutes, text) gave."""
    given = {} if context is None else {"context": context}
    return [len(judge(engine, event(text, T0 + int(minutes * MINUTE)), **given)) for minutes, text in lines]


def test_a_sequence_is_found_once_by_the_event_that_completes_it():
    """In order and within the window; what comes after begins anew."""
    engine = engine_of(sequence())
    story = [(0, "pool a opened"), (1, "login denied for a"), (2, "giving up on a"), (2.5, "giving up on a")]
    assert told(engine, *story) == [0, 0, 1, 0]
    assert told(engine, (3, "pool a opened"), (3, "login denied for a"), (3, "giving up on a")) == [0, 0, 1]


def test_a_sequence_in_another_order_is_none():
    """The steps' own times decide, and of equal times the order in the stream."""
    assert told(engine_of(sequence()), (0, "login denied for a"), (1, "pool a opened"), (2, "giving up on a")) == [0, 0, 0]


def test_a_sequence_written_slightly_out_of_order_is_found_all_the_same():
    """Two threads write in turn; a line up to a minute late counts at its own time."""
    assert told(engine_of(sequence()), (0, "pool a opened"), (0.5, "giving up on a"), (0.3, "login denied for a")) == [0, 0, 1]


def test_a_sequence_longer_than_the_window_is_none():
    """Five minutes after the first step the story is over."""
    assert told(engine_of(sequence()), (0, "pool a opened"), (3, "login denied for a"), (5.1, "giving up on a")) == [0, 0, 0]


def test_steps_in_one_event_count_in_the_order_of_its_text():
    """A joined trace may hold the whole story."""
    assert told(engine_of(sequence()), (0, "pool a opened\nlogin denied for a\ngiving up on a")) == [1]
    assert told(engine_of(sequence()), (0, "giving up on a\nlogin denied for a\npool a opened")) == [0]


def test_all_are_found_in_any_order_within_the_window():
    """And not when one came too long ago."""
    assert told(engine_of(every()), (0, "login denied for a"), (4.9, "pool a opened")) == [0, 1]
    assert told(engine_of(every()), (0, "login denied for a"), (5.1, "pool a opened")) == [0, 0]


def test_a_story_names_what_its_events_named():
    """Entity and title may come from an earlier event than the last."""
    engine = engine_of(rule(all_of=(r"pool (?P<symbol>\w+) opened", r"login denied"), title="{symbol} is shut"))
    judge(engine, event("pool a opened"))
    [finding] = judge(engine, event("login denied", T0 + 1))
    assert (finding.entity.token, finding.title, finding.time_ms) == ("a", "a is shut", T0 + 1)


def test_stories_are_kept_apart_by_service_and_by_what_the_rule_groups_by():
    """Two pools in one service do not complete each other; neither do two services."""
    engine = engine_of(every(group_by=("service", "pool")))
    assert told(engine, (0, "pool a opened"), (1, "login denied for b"), (2, "login denied for a")) == [0, 0, 1]
    engine = engine_of(every())
    assert told(engine, (0, "pool a opened")) == [0]
    assert told(engine, (1, "login denied for a"), context=OTHER) == [0]
    by_stream = engine_of(every(group_by=("stream",)))
    assert told(by_stream, (0, "pool a opened")) == [0]
    assert told(by_stream, (1, "login denied for a"), context=EventContext("stream-2", "b.log", "shop", T0)) == [0]


def test_a_count_is_found_when_so_many_came_within_the_window():
    """Each of them counts once."""
    engine = engine_of(rule(r"retry (?P<symbol>\w+)", count=CountSpec(3), window_ms=MINUTE))
    assert told(engine, *[(i * 0.4, "retry a") for i in range(7)]) == [0, 0, 1, 0, 0, 1, 0]
    slow = engine_of(rule(r"retry (?P<symbol>\w+)", count=CountSpec(3), window_ms=MINUTE))
    assert told(slow, *[(i * 0.6, "retry a") for i in range(7)]) == [0] * 7


def test_an_event_that_is_too_late_for_any_window_is_counted_and_left_out():
    """Older than window and lateness together."""
    engine = engine_of(every())
    assert told(engine, (20, "pool a opened"), (13.9, "login denied for a")) == [0, 0]
    assert engine.costs()["jvm/class-not-found"].late == 1


def test_what_is_open_is_bounded():
    """Keys and entries have a limit; what goes over it is counted."""
    engine = engine_of(every(group_by=("pool",)))
    for i in range(MAX_KEYS + 10):
        engine.judge(event(f"pool p{i} opened"), [0], EventContext("s", "n", "shop", T0))
    assert engine.costs()["jvm/class-not-found"].dropped == 10
    one = engine_of(every())
    told(one, *[(i / 1000, "pool a opened") for i in range(ENTRIES_A_PART + 5)])
    assert one.costs()["jvm/class-not-found"].dropped == 5


def test_open_stories_survive_a_restart():
    """A snapshot taken between two steps, put into a new engine, lets the third complete it."""
    engine = engine_of(sequence())
    told(engine, (0, "pool a opened"), (1, "login denied for a"))
    after = engine_of(sequence())
    assert after.restore(engine.snapshot()) == []
    assert told(after, (2, "giving up on a")) == [1]


def test_a_changed_rule_starts_afresh_and_an_unchanged_one_goes_on():
    """Over a reload; the id alone is not enough."""
    engine = engine_of(sequence(), every(id="other"))
    told(engine, (0, "pool a opened"), (1, "login denied for a"))
    changed = engine_of(sequence(), rule(all_of=(OPENED, GAVE_UP), id="other"))
    told(engine, (1, "pool a opened"))
    assert changed.restore(engine.snapshot()) == ["other"]
    assert told(changed, (2, "giving up on a")) == [1]


@pytest.mark.parametrize("state", [b"", b"nonsense", b"[]", b"{}", b'{"version":9}', b'{"version":1,"rule":"x"}', b"null"])
def test_a_state_that_is_not_ours_is_refused_and_harms_nothing(state):
    """It comes from a disk."""
    engine = engine_of(sequence())
    assert engine.restore({"jvm/class-not-found": state, "gone/rule": b"{}"}) == ["jvm/class-not-found", "gone/rule"]
    assert told(engine, (0, "pool a opened"), (1, "login denied for a"), (2, "giving up on a")) == [0, 0, 1]


def test_a_state_with_our_head_and_a_broken_body_is_refused():
    """Whatever its fields hold."""
    engine = engine_of(sequence())
    told(engine, (0, "pool a opened"))
    good = orjson.loads(engine.snapshot()["jvm/class-not-found"])
    for body in (
        {"stories": 5},
        {"stories": [[["a"], [[], []]]]},
        {"stories": [[["a"], [[[1, "x", []]], [], []]]]},
        {"order": None},
    ):
        assert engine_of(sequence()).restore({"jvm/class-not-found": orjson.dumps(good | body)}) == ["jvm/class-not-found"]


def test_only_what_changed_is_written_down_and_nothing_open_deletes():
    """A checkpoint holds the changed parts of the state."""
    engine = engine_of(sequence(), every(id="other", group_by=("pool",)))
    assert engine.changes() == {}
    told(engine, (0, "giving up on a"))
    assert list(engine.changes()) == ["jvm/class-not-found"]
    assert engine.changes() == {}
    told(engine, (1, "pool b opened"), (1, "login denied for b"))
    assert engine.changes()["other"] is None


ABSENT = rule(
    absent=AbsentSpec(r"Starting (?P<symbol>\w+) with Java", r"Started \w+ in", MINUTE),
    title="{symbol} never started",
)


def absent_findings(engine, minutes, stream="stream-1"):
    return engine.advance(stream, T0 + int(minutes * MINUTE))


def test_an_expected_line_that_did_not_come_is_found_when_its_time_is_over():
    """The finding stands at the deadline, its evidence is the line that asked for the other."""
    engine = engine_of(ABSENT)
    assert told(engine, (0, "Starting Shop with Java 21")) == [0]
    assert absent_findings(engine, 1) == []
    [finding] = absent_findings(engine, 1.01)
    assert (finding.time_ms, finding.event_start, finding.title) == (T0 + MINUTE, 0, "Shop never started")
    assert finding.evidence.text == "Starting Shop with Java 21"
    assert absent_findings(engine, 5) == []


def test_an_expected_line_in_time_stops_the_timer_even_when_time_was_moved_late():
    """Event time counts, not when anyone looked; a line after the deadline is too late."""
    engine = engine_of(ABSENT)
    told(engine, (0, "Starting Shop with Java 21"), (0.9, "Started Shop in 9 s"))
    assert absent_findings(engine, 60) == []
    told(engine, (100, "Starting Shop with Java 21"), (101.1, "Started Shop in 66 s"))
    assert len(absent_findings(engine, 120)) == 1


def test_each_start_is_waited_for():
    """Two starts, one success within both deadlines: both are answered."""
    engine = engine_of(ABSENT)
    told(engine, (0, "Starting Shop with Java 21"), (0.5, "Starting Shop with Java 21"), (0.8, "Started Shop in 9 s"))
    assert absent_findings(engine, 60) == []
    told(engine, (100, "Starting Shop with Java 21"), (102, "Starting Shop with Java 21"), (102.5, "Started Shop in 9 s"))
    assert [finding.time_ms for finding in absent_findings(engine, 120)] == [T0 + 101 * MINUTE]


def test_only_the_streams_own_time_fires_its_timers():
    """Another stream being ahead says nothing about this one."""
    engine = engine_of(ABSENT)
    told(engine, (0, "Starting Shop with Java 21"))
    assert absent_findings(engine, 60, "stream-2") == []
    assert len(absent_findings(engine, 60)) == 1


def test_running_timers_are_listed_and_survive_a_restart():
    """A replay lists them; a restart goes on waiting."""
    engine = engine_of(ABSENT)
    told(engine, (0, "Starting Shop with Java 21"))
    after = engine_of(ABSENT)
    assert after.restore(engine.snapshot()) == []
    [waiting] = after.pending()
    assert (waiting.source, waiting.service, waiting.deadline_ms) == ("app.log", "shop", T0 + MINUTE)
    assert absent_findings(after, 60) == absent_findings(engine, 60) != []
    assert after.pending() == []


def test_the_rules_level_holds_for_its_windows_too():
    """A quieter line is no step."""
    engine = engine_of(every(min_level=Level.WARN))
    judge(engine, event("pool a opened", level=Level.INFO))
    assert told(engine, (1, "login denied for a")) == [0]
