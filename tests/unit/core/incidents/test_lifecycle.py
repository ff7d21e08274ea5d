"""What an incident lives through, and who hears of it."""

from dataclasses import replace
from datetime import timedelta

from detector.core.incidents.grouping import Report, group
from detector.core.incidents.lifecycle import Incidents
from detector.records import (
    AlertAction,
    Entity,
    Evidence,
    Finding,
    IncidentState,
    Receiver,
    Severity,
    Stage,
    TimeFrom,
)
from detector.settings import IncidentSettings

MINUTE = 60_000
T0 = 1_800_000_000_000
PAGER = Receiver("pager")


def finding(token="a.B", at=T0, rule="jvm/class-not-found", **changes):
    made = Finding(
        rule=rule,
        stream_key="s",
        event_start=at,
        event_end=at + 1,
        service="shop",
        severity=Severity.CRITICAL,
        stage=Stage.DEPENDENCY,
        entity=Entity("class", token, token),
        title="gone",
        cause="trimmed",
        fix="put it back",
        tags=(),
        time_ms=at,
        time_from=TimeFrom.EVENT,
        evidence=Evidence("app.log", str(at), 1, f"line at {at}"),
        dedup_key=f"key-{token}",
    )
    return replace(made, **changes)


def report(*args, **kwargs):
    return Report(finding(*args, **kwargs))


def actions(incidents):
    return [alert.action for alert in incidents.drain().alerts]


def test_seventeen_lines_about_one_class_are_one_incident():
    """One incident, count 17, its first five lines and the last, one trigger."""
    incidents = Incidents(IncidentSettings(), [PAGER])
    for i in range(17):
        incidents.take(report(at=T0 + i), T0 + i)
    changes = incidents.drain()
    (incident,) = changes.incidents
    assert incident.count == 17
    assert [e.text for e in incident.evidence] == [f"line at {T0 + i}" for i in (0, 1, 2, 3, 4, 16)]
    assert [a.action for a in changes.alerts] == [AlertAction.TRIGGER]


def test_a_quiet_incident_resolves_once():
    """Quiet for the set time: resolved, and the receiver is told once."""
    incidents = Incidents(IncidentSettings(), [PAGER])
    incidents.take(report(), T0)
    incidents.drain()
    incidents.tick(T0 + 15 * MINUTE - 1)
    assert actions(incidents) == []
    incidents.tick(T0 + 15 * MINUTE)
    incidents.tick(T0 + 16 * MINUTE)
    assert actions(incidents) == [AlertAction.RESOLVE]
    assert incidents.all()[0].state is IncidentState.RESOLVED


def test_where_another_pod_may_hold_the_key_the_pager_keeps_it():
    """With resolve: never the incident ends here and no resolve is sent."""
    incidents = Incidents(IncidentSettings(resolve="never"), [PAGER])
    incidents.take(report(), T0)
    incidents.drain()
    incidents.tick(T0 + 20 * MINUTE)
    assert actions(incidents) == []
    assert incidents.all()[0].state is IncidentState.RESOLVED


def test_updates_are_spaced():
    """News of an open incident goes out at most every update_every, also when the last line came before that."""
    incidents = Incidents(IncidentSettings(), [PAGER])
    incidents.take(report(), T0)
    incidents.take(report(at=T0 + 1), T0 + 1)
    assert actions(incidents) == [AlertAction.TRIGGER]
    incidents.tick(T0 + 5 * MINUTE)
    assert actions(incidents) == [AlertAction.UPDATE]
    incidents.tick(T0 + 10 * MINUTE)
    assert actions(incidents) == []


def test_what_comes_back_after_quiet_opens_again_under_its_key():
    """The same key triggers anew, and its count goes on."""
    incidents = Incidents(IncidentSettings(), [PAGER])
    incidents.take(report(), T0)
    incidents.take(report(at=T0 + 20 * MINUTE), T0 + 20 * MINUTE)
    changes = incidents.drain()
    assert [a.action for a in changes.alerts] == [AlertAction.TRIGGER, AlertAction.RESOLVE, AlertAction.TRIGGER]
    assert [a.seq - T0 for a in changes.alerts] == [1, 2, 3]
    assert changes.incidents[0].count == 2


def test_flapping_is_damped():
    """After more than flap_count openings in the window it stays open until it was quiet for the whole window."""
    settings = IncidentSettings(quiet=timedelta(minutes=1), flap_count=3)
    incidents = Incidents(settings, [PAGER])
    now = T0
    for _ in range(30):
        incidents.take(report(at=now), now)
        now += MINUTE
        incidents.tick(now)
        now += MINUTE
    sent = actions(incidents)
    assert sent.count(AlertAction.TRIGGER) == 4
    assert incidents.all()[0].is_flapping
    incidents.tick(now + 60 * MINUTE)
    assert actions(incidents) == [AlertAction.RESOLVE]


def test_a_start_that_succeeds_ends_what_kept_it_from_starting():
    """Only findings of a failed start, only of that service, only what was seen before."""
    incidents = Incidents(IncidentSettings(), [PAGER])
    incidents.take(report("a.Start", is_startup=True), T0)
    incidents.take(report("a.Run"), T0)
    incidents.take(report("b.Start", is_startup=True, service="other"), T0)
    incidents.succeeded(finding(at=T0 + MINUTE, marks="start_succeeded"), T0 + MINUTE)
    states = {i.entity: i.state.value for i in incidents.all()}
    assert states == {"a.Start": "resolved", "a.Run": "open", "b.Start": "open"}


def test_a_receiver_hears_when_an_incident_grows_loud_enough():
    """A warning below the receiver's level is not sent; the same key at critical is."""
    incidents = Incidents(IncidentSettings(), [Receiver("pager", min_severity=Severity.ERROR)])
    incidents.take(report(severity=Severity.WARNING), T0)
    assert actions(incidents) == []
    incidents.take(report(at=T0 + 1), T0 + 1)
    assert actions(incidents) == [AlertAction.TRIGGER]


def test_a_silence_hides_alerts_until_its_end():
    """The incident opens in silence; when the silence ends and it is still open, the receiver is told."""
    incidents = Incidents(IncidentSettings(), [PAGER])
    incidents.silence("service:shop", T0 + 5 * MINUTE)
    incidents.take(report(), T0)
    incidents.tick(T0 + 4 * MINUTE)
    assert actions(incidents) == []
    incidents.tick(T0 + 5 * MINUTE)
    assert actions(incidents) == [AlertAction.TRIGGER]


def test_more_causes_than_allowed_are_counted():
    """Beyond max_open nothing opens and the number is known; a resolved one makes room."""
    incidents = Incidents(IncidentSettings(max_open=2), [])
    for token in "abc":
        incidents.take(report(token), T0)
    assert (len(incidents.all()), incidents.not_opened) == (2, 1)
    incidents.tick(T0 + 20 * MINUTE)
    incidents.take(report("d"), T0 + 21 * MINUTE)
    assert "d" in {i.entity for i in incidents.all()}


def test_a_restart_changes_nothing():
    """Restored from what was written, it goes on as if it had never stopped."""
    first = Incidents(IncidentSettings(), [PAGER])
    first.take(report(is_startup=True), T0)
    first.silence("service:other", T0 + MINUTE)
    changes = first.drain()
    second = Incidents(IncidentSettings(), [PAGER])
    second.restore(changes.incidents, {key: value for key, value in changes.state if value is not None})
    for incidents in (first, second):
        incidents.take(report(at=T0 + 1), T0 + 1)
        incidents.tick(T0 + 6 * MINUTE)
    assert first.drain() == second.drain()


def test_the_deepest_cause_names_the_incident():
    """The trim claim of the highest priority speaks, the others are listed; shadows and marks do not count."""
    wrapper = finding("orderService", rule="spring/bean-failed", priority=20)
    cause = finding("a.B", priority=80)
    lookalike = finding("db", rule="config/server-down", stage=Stage.NONE, priority=99)
    shadow = finding("c", rule="go/refused", is_shadow=True, priority=90)
    said = group([wrapper, cause, lookalike, shadow])
    assert said is not None
    assert said.beside == (lookalike, wrapper)
    assert (said.finding, said.also) == (cause, ("spring/bean-failed: orderService", "config/server-down: db"))
    assert group([shadow, finding(marks="start_succeeded")]) is None


def test_an_open_incident_counts_the_events_that_speak_of_it_beside_another():
    """A cause of its own first, then named beside a deeper one: both count that event. What never stood alone opens nothing."""
    incidents = Incidents(IncidentSettings(), [PAGER])
    bean, deeper = finding("orders", priority=20), finding("a.B", priority=80)
    stranger = finding("never.Alone", priority=10)
    incidents.take(report("orders", priority=20), T0)
    both = group([bean, deeper, stranger])
    assert both is not None
    incidents.take(both, T0 + 1)
    assert {i.entity: i.count for i in incidents.all()} == {"orders": 2, "a.B": 1}


def test_a_shared_incident_is_resolved_here_and_the_end_is_owed():
    """Whether it leaves is for the lane to ask; under `never` it is not even queued."""
    for resolve, ends in (("shared", [AlertAction.RESOLVE]), ("always", [AlertAction.RESOLVE]), ("never", [])):
        incidents = Incidents(IncidentSettings(resolve=resolve), [PAGER])
        incidents.take(report(), T0)
        assert actions(incidents) == [AlertAction.TRIGGER]
        incidents.tick(T0 + 15 * MINUTE)
        assert actions(incidents) == ends
        assert incidents.all()[0].state is IncidentState.RESOLVED


def test_an_incident_that_others_took_for_over_is_told_again():
    """Once, with a number of its own; one that is over, or silenced, is not."""
    incidents = Incidents(IncidentSettings(), [PAGER])
    incidents.take(report(), T0)
    (first,) = incidents.drain().alerts
    incidents.tell_again("key-a.B", T0 + 1)
    (again,) = incidents.drain().alerts
    assert (again.action, again.seq) == (AlertAction.TRIGGER, first.seq + 1)
    assert actions(incidents) == []
    incidents.silence("key-a.B", T0 + MINUTE)
    incidents.tell_again("key-a.B", T0 + 2)
    assert actions(incidents) == []
    incidents.tick(T0 + 16 * MINUTE)
    incidents.drain()
    incidents.tell_again("key-a.B", T0 + 16 * MINUTE)
    incidents.tell_again("unknown", T0 + 16 * MINUTE)
    assert actions(incidents) == []
