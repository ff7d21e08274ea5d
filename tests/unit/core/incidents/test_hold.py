"""An incident that is looked at again and again stays open until a look says that it is over."""

from __future__ import annotations

from detector.core.incidents.lifecycle import Incidents
from detector.records import AlertAction, IncidentState, Severity
from detector.settings import IncidentSettings
from tests.unit.core.incidents.test_lifecycle import MINUTE, PAGER, T0, actions, report

DAY = 24 * 60 * MINUTE


def held(at: int = T0, title: str = "gone", back: str | None = "1.0"):
    made = report(at=at, title=title, severity=Severity.ERROR)
    return made._replace(holds=True, roll_back_to=back)


def reborn(incidents: Incidents) -> Incidents:
    changes = incidents.drain()
    again = Incidents(IncidentSettings(), [PAGER])
    again.restore(changes.incidents, {key: body for key, body in changes.state if body is not None})
    return again


def test_quiet_time_does_not_resolve_it():
    """Not in a day, and not after a restart: nothing was said about it."""
    incidents = Incidents(IncidentSettings(), [PAGER])
    incidents.take(held(), T0)
    incidents.tick(T0 + DAY)
    incidents.settle(T0 + DAY)
    again = reborn(incidents)
    again.tick(T0 + 2 * DAY)
    (incident,) = again.all()
    assert (incident.state, incident.roll_back_to) == (IncidentState.OPEN, "1.0")


def test_what_recovered_is_resolved_at_once():
    """Once; what is not open, or not known, cannot recover."""
    incidents = Incidents(IncidentSettings(), [PAGER])
    incidents.take(held(), T0)
    incidents.drain()
    incidents.recovered("key-a.B", T0 + MINUTE)
    incidents.recovered("key-a.B", T0 + MINUTE)
    incidents.recovered("nothing", T0 + MINUTE)
    assert actions(incidents) == [AlertAction.RESOLVE]


def test_a_failure_after_that_opens_it_again():
    incidents = Incidents(IncidentSettings(), [PAGER])
    incidents.take(held(), T0)
    incidents.recovered("key-a.B", T0 + MINUTE)
    incidents.take(held(T0 + 2 * MINUTE), T0 + 2 * MINUTE)
    incidents.tick(T0 + DAY)
    assert actions(incidents) == [AlertAction.TRIGGER, AlertAction.RESOLVE, AlertAction.TRIGGER]
    assert incidents.all()[0].state is IncidentState.OPEN


def test_what_is_released_ends_when_it_was_quiet():
    """From then on, not from its last event on."""
    incidents = Incidents(IncidentSettings(), [PAGER])
    incidents.take(held(), T0)
    incidents.drain()
    incidents.released("key-a.B", T0 + DAY)
    again = reborn(incidents)
    again.tick(T0 + DAY + 15 * MINUTE - 1)
    assert again.all()[0].state is IncidentState.OPEN
    again.tick(T0 + DAY + 15 * MINUTE)
    assert again.all()[0].state is IncidentState.RESOLVED


def test_it_tells_what_the_newest_look_says():
    """Title and way back; its beginning and its count go on."""
    incidents = Incidents(IncidentSettings(), [PAGER])
    incidents.take(held(title="P99 485 ms"), T0)
    incidents.take(held(T0 + MINUTE, "P99 512 ms", back=None), T0 + MINUTE)
    (incident,) = incidents.all()
    assert (incident.title, incident.roll_back_to, incident.count, incident.first_seen_ms) == ("P99 512 ms", None, 2, T0)


def test_an_acknowledged_one_is_held_too():
    incidents = Incidents(IncidentSettings(), [PAGER])
    incidents.take(held(), T0)
    incidents.acknowledge("key-a.B", T0)
    incidents.tick(T0 + DAY)
    assert incidents.all()[0].state is IncidentState.ACKNOWLEDGED
