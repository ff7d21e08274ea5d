"""The order of the steps: what a checkpoint holds, and what a restart, a reload and a full house must not change."""

from __future__ import annotations

import json

import pytest

from detector.core import streams as streams_module
from detector.core.pipeline import Clock
from detector.records import FINDINGS_A_KEY, AlertAction, Batch, Command, LostRange, Tick
from detector.settings import IncidentSettings
from tests.unit.core.engine.parts import MINUTE, T0, rule
from tests.unit.core.flow import GONE, PAGER, TIRED, WAITING, Log, at, counts_by_entity, engine, gone, line, pipeline, reborn


def test_a_position_and_what_followed_from_it_are_in_one_checkpoint():
    """The position stands before whatever is open; the alert of what is whole is beside it, and the next checkpoint is empty."""
    one, log = pipeline(), Log()
    one.take(log.batch(gone("a.B"), gone("c.D")), token="t")
    made = one.checkpoint(5)
    (position,) = made.positions
    assert position.offset in (0, len(gone("a.B")))
    assert position.token == "t"
    assert [alert.incident.entity for alert in made.alerts] == ["a.B"]
    assert made.is_urgent
    assert one.checkpoint(6).is_empty


def test_what_the_quiet_tick_gives_out_moves_the_position_too():
    """Two silent seconds: the open event is judged, and a restart does not judge it again."""
    one, log = pipeline(), Log()
    one.take(log.batch(gone("a.B")))
    assert one.checkpoint(0).alerts == ()
    one.tick(Tick(T0, 2000))
    one.tick(Tick(T0, 4100))
    made = one.checkpoint(0)
    assert [alert.incident.entity for alert in made.alerts] == ["a.B"]
    assert made.positions[0].offset == log.offset


def test_a_stream_that_makes_room_is_not_judged_twice_after_a_restart(monkeypatch):
    """Evicted between two checkpoints, its open event given out: the position and the state say so."""
    monkeypatch.setattr(streams_module, "MOST_AWAKE", 1)
    one, first, second = pipeline(), Log("first"), Log("second")
    one.take(first.batch(gone("a.B")))
    before = one.checkpoint(0)
    one.take(second.batch(gone("c.D")))
    after = one.checkpoint(0)
    place = {position.stream_key: position.offset for position in after.positions}
    assert place["first"] == first.offset
    two = reborn({**dict(before.state), **dict(after.state)}, after.incidents, GONE)
    again = gone("a.B")[place["first"] :]
    two.take(Batch(first.stream, bytearray(again), 0, len(again), place["first"], T0, ends=True))
    assert counts_by_entity(two) == {"a.B": 1}


def test_more_streams_than_may_be_awake_lose_nothing(monkeypatch):
    """Ten streams taking turns in a house for three: each line is judged once, line numbers go on."""
    monkeypatch.setattr(streams_module, "MOST_AWAKE", 3)
    one, logs = pipeline(), [Log(f"s{n}") for n in range(10)]
    for turn in range(4):
        for number, log in enumerate(logs):
            one.take(log.batch(gone(f"a.B{number}"), ends=turn == 3))
    assert counts_by_entity(one) == {f"a.B{number}": 4 for number in range(10)}
    assert {incident.evidence[-1].line for incident in one.incidents()} == {4}


def test_a_source_that_begins_anew_at_the_checkpoint_doubles_nothing():
    """What a reload does to a source with other settings: the stream is read again from its position."""
    one, log = pipeline(), Log()
    body = gone("a.B") + gone("c.D") + b"\tat a.B.c(B.java:1)\n"
    one.take(log.batch(body))
    one.set_aside(["s", "unknown"])
    (position,) = one.checkpoint(0).positions
    rest = body[position.offset :] + gone("e.F")
    one.take(Batch(log.stream, bytearray(rest), 0, len(rest), position.offset, T0, ends=True))
    assert counts_by_entity(one) == {"a.B": 1, "c.D": 1, "e.F": 1}


def test_a_reload_between_two_checkpoints_keeps_open_windows():
    """Two of three hits, a reload before anything was written down, then a crash: the third hit completes the story."""
    one, log = pipeline(TIRED), Log()
    body = line("pool is tired") + line("pool is tired", T0 + 1) + line("all quiet", T0 + 2)
    one.take(log.batch(body))
    one.use(engine(TIRED, GONE), IncidentSettings(), [PAGER])
    made = one.checkpoint(0)
    two = reborn(dict(made.state), [], TIRED)
    begin = made.positions[0].offset
    rest = body[begin:] + line("pool is tired", T0 + 3)
    two.take(Batch(log.stream, bytearray(rest), 0, len(rest), begin, T0, ends=True))
    assert [incident.rule for incident in two.incidents()] == ["own/tired"]


def test_a_rule_that_is_gone_leaves_no_state_behind():
    """After a reload without the rule its windows are deleted from the store."""
    one, log = pipeline(TIRED), Log()
    one.take(log.batch(line("pool is tired"), line("all quiet")))
    assert dict(one.checkpoint(0).state)["engine/own/tired"] is not None
    one.use(engine(GONE), IncidentSettings(), [PAGER])
    assert dict(one.checkpoint(0).state)["engine/own/tired"] is None


def test_one_line_from_the_future_closes_no_window():
    """A year ahead, then three hits at their time: the story is complete all the same, and nothing counts as late."""
    year_ms = 365 * 24 * 60 * MINUTE
    one, log = pipeline(TIRED), Log()
    hits = [line("pool is tired", T0 + n) for n in range(3)]
    one.take(log.batch(line("pool is tired", T0 + year_ms), *hits, ends=True))
    assert [incident.rule for incident in one.incidents()] == ["own/tired"]
    assert one.counts.late == 0


def test_an_expected_line_that_does_not_come_is_found_in_replay_too():
    """The stream's own time passes the deadline: by a later event, or at its end. What ends later than the stream is pending."""
    one, log = pipeline(WAITING, GONE, clock=Clock.EVENT), Log()
    one.take(log.batch(line("service starting"), gone("a.B", T0 + 31_000), ends=True))
    one.end()
    assert {incident.rule for incident in one.incidents()} == {"own/no-start", "jvm/class-not-found"}
    two, log = pipeline(WAITING, GONE, clock=Clock.EVENT), Log()
    two.take(log.batch(line("service starting"), gone("a.B", T0 + 29_000), ends=True))
    two.end()
    assert {incident.rule for incident in two.incidents()} == {"jvm/class-not-found"}


def test_an_expected_line_is_missed_after_a_restart_although_the_stream_stays_silent():
    """The timer ran when the process died; nothing is ever written again, and the finding comes."""
    one, log = pipeline(WAITING), Log()
    one.take(log.batch(line("service starting"), line("all quiet")))
    two = reborn(dict(one.checkpoint(0).state), [], WAITING)
    two.tick(Tick(T0, 1000 + 89_000))
    assert two.incidents() == []
    two.tick(Tick(T0, 1000 + 92_000))
    assert [incident.rule for incident in two.incidents()] == ["own/no-start"]


def test_an_incident_that_is_long_over_stays_in_a_replay():
    """Resolved at eight, the last event at noon: it is in the outcome, resolved."""
    started = rule("service is (?P<symbol>up)", id="own/up", entity=None, marks="start_succeeded")
    failed = rule("could not start: (?P<symbol>[a-z.]+)", id="own/down", is_startup=True)
    one, log = pipeline(failed, started, GONE, clock=Clock.EVENT), Log()
    one.take(
        log.batch(
            line("could not start: a.b"),
            line("service is up", T0 + MINUTE),
            gone("c.D", T0 + 240 * MINUTE),
            ends=True,
        )
    )
    one.end()
    assert {i.rule: i.state.value for i in one.incidents()} == {"own/down": "resolved", "jvm/class-not-found": "open"}


def test_a_pipe_is_judged_to_its_last_line_when_the_process_leaves():
    """Without a token nothing can be read again: the open event is judged. A file's waits for the next start."""
    one, pipe, file = pipeline(), Log("pipe"), Log("file")
    one.take(pipe.batch(gone("a.Pipe")))
    one.take(file.batch(gone("a.File")), token="t")
    one.leave()
    assert [alert.incident.entity for alert in one.checkpoint(0).alerts] == ["a.Pipe"]


@pytest.mark.parametrize("state", [b"", b"nonsense", b"1\n[]", b"1\n{}", b'1\n{"version":9,"offset":"x","line":1,"done":-1}'])
def test_a_stream_state_of_another_release_is_as_good_as_none(state):
    """The position still holds; the stream is judged from there."""
    one, log = reborn({"stream/s": state}, [], GONE), Log()
    one.take(log.batch(gone("a.B"), ends=True))
    assert counts_by_entity(one) == {"a.B": 1}


@pytest.mark.parametrize("arguments", ["", "[]", "{}", '{"key": 1, "until_ms": "soon"}', "null"])
@pytest.mark.parametrize("what", ["silence", "acknowledge", "dance"])
def test_a_command_that_is_not_understood_is_done_with(what, arguments):
    """It changes nothing, ends nothing, and its id is written down so that it is not asked again."""
    one = pipeline()
    one.command(Command(7, T0, "me", what, arguments))
    assert one.checkpoint(0).command_id == 7


def test_commands_change_what_they_name():
    """Acknowledged over a restart; silenced until the given time."""
    one, log = pipeline(), Log()
    one.take(log.batch(gone("a.B"), gone("c.D"), ends=True))
    key = one.incidents()[0].dedup_key
    one.command(Command(1, T0, "me", "acknowledge", json.dumps({"key": key})))
    one.command(Command(2, T0, "me", "silence", json.dumps({"key": "service:shop", "until_ms": T0 + MINUTE})))
    made = one.checkpoint(0)
    two = reborn(dict(made.state), made.incidents, GONE)
    assert {i.dedup_key: i.state.value for i in two.incidents()}[key] == "acknowledged"
    two.take(Log("other").batch(gone("e.F"), ends=True))
    assert two.checkpoint(0).alerts == ()
    two.tick(Tick(T0, 1000 + MINUTE + 1))
    assert [alert.incident.entity for alert in two.checkpoint(0).alerts] == ["e.F"]


def test_what_was_told_before_a_restart_is_not_told_again():
    """The same cause after a restart: no second trigger."""
    one, log = pipeline(), Log()
    one.take(log.batch(gone("a.B"), ends=True))
    made = one.checkpoint(0)
    two = reborn(dict(made.state), made.incidents, GONE)
    two.take(Log("next").batch(gone("a.B"), ends=True))
    assert [alert.action for alert in two.checkpoint(0).alerts] == []
    assert counts_by_entity(two) == {"a.B": 2}


def test_an_alert_number_is_never_given_out_twice():
    """Forgotten to make room and back again: the number is larger than any before, so no receiver takes it for a repeat."""
    one, log = pipeline(settings=IncidentSettings(max_open=1)), Log()
    one.take(log.batch(gone("a.B"), line("quiet")))
    (first,) = one.checkpoint(0).alerts
    one.tick(Tick(T0, 1000 + 16 * MINUTE))
    one.take(log.batch(gone("c.D"), line("quiet")))
    one.checkpoint(0)
    one.tick(Tick(T0, 1000 + 32 * MINUTE))
    one.take(log.batch(gone("a.B"), line("quiet")))
    again = [alert for alert in one.checkpoint(0).alerts if alert.incident.entity == "a.B"]
    assert [alert.action for alert in again] == [AlertAction.TRIGGER]
    assert again[0].seq > first.seq + 1


def test_lost_bytes_are_told_however_many_incidents_are_open():
    """A storm of causes fills the house; what we say about ourselves still comes in, and so does how much did not."""
    one, log = pipeline(settings=IncidentSettings(max_open=2)), Log()
    one.take(log.batch(*[gone(f"a.B{n}") for n in range(9)], ends=True))
    one.lost(LostRange(log.stream, 5, 25, "truncated"))
    one.tick(Tick(T0, 1500))
    rules = [incident.rule for incident in one.incidents() if incident.service == "trimwatch"]
    assert sorted(rules) == ["trimwatch/lost-range", "trimwatch/too-many-incidents"]
    assert one.counts.lost_bytes == 20


def test_an_incident_that_was_resolved_and_forgotten_at_once_is_written_as_resolved():
    """The store must not hold open what nobody remembers."""
    one, log = pipeline(settings=IncidentSettings(max_open=1)), Log()
    one.take(log.batch(gone("a.B"), line("quiet")))
    one.checkpoint(0)
    one.tick(Tick(T0, 1000 + 16 * MINUTE))
    one.take(log.batch(gone("c.D"), line("quiet")))
    states = {incident.entity: incident.state.value for incident in one.checkpoint(0).incidents}
    assert states == {"a.B": "resolved", "c.D": "open"}


def test_a_storm_is_counted_whole_and_kept_in_part():
    """A checkpoint keeps twenty findings of a key; all are counted, and the next checkpoint begins anew."""
    one, log = pipeline(), Log()
    one.take(log.batch(*[gone("a.B")] * 100))
    assert len(one.checkpoint(0).findings) == FINDINGS_A_KEY
    one.take(log.batch(gone("a.B"), gone("c.D")))
    one.end()
    assert one.counts.findings == 102
    assert counts_by_entity(one) == {"a.B": 101, "c.D": 1}
    assert one.checkpoint(0).findings[0].entity.token == "a.B"


def test_counts_of_repaired_and_late_lines():
    """A JSON line with a raw control character is mended; an event an hour behind is late; both still count."""
    one, log = pipeline(), Log()
    mended = b'{"@timestamp":"' + at(T0).encode() + b'","level":"ERROR","message":"java.lang.ClassNotFoundException: a.B \x01"}\n'
    one.take(log.batch(mended, gone("c.D"), gone("c.D", T0 - 60 * MINUTE), ends=True))
    assert counts_by_entity(one) == {"a.B": 1, "c.D": 2}
    assert (one.counts.repaired, one.counts.late) == (1, 1)
    assert (one.counts.lines, one.counts.bytes, one.counts.events, one.counts.hits) == (3, log.offset, 3, 3)


def test_a_file_name_that_is_no_text_is_kept_in_open_timers():
    """Its name holds a lone surrogate: what is expected of it is written down and taken back."""
    one, log = pipeline(WAITING), Log("caf\udce9")
    one.take(log.batch(line("service starting"), line("quiet")))
    two = reborn(dict(one.checkpoint(0).state), [], WAITING)
    two.tick(Tick(T0, 1000 + 92_000))
    assert [incident.source for incident in two.incidents()] == ["caf\udce9.log"]
