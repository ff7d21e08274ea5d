"""Changes and verdicts in the pipeline: what is asked, who is told, and what a restart and a reload leave."""

from __future__ import annotations

import json

import pytest

from detector.core.engine.novelty import Novelty
from detector.core.incidents.lifecycle import Incidents
from detector.core.judgements.judgements import Judgements
from detector.core.pipeline import Pipeline
from detector.core.signals.flow import SignalFlow
from detector.records import (
    AlertAction,
    Checkpoint,
    Command,
    IncidentState,
    MetricKind,
    MetricPoint,
    Points,
    Remembered,
    Stream,
    Tick,
)
from detector.settings import AlarmSettings, IncidentSettings, VerdictSettings
from tests.unit.core.flow import GONE, PAGER, engine
from tests.unit.core.judgements.course import MINUTE, ON, P99, T0, answer, end_of

SAID = {"id": "shop-0", "service": "shop", "at_ms": T0, "stage": "dependency", "release_before": "1.0", "release_after": "1.1"}


def pipeline(now_ms: int = T0) -> Pipeline:
    judgements = Judgements(ON, AlarmSettings())
    made = Pipeline(engine(GONE), Incidents(IncidentSettings(), [PAGER]), Novelty(), judgements=judgements)
    made.tick(Tick(now_ms, 1))
    return made


def at(one: Pipeline, ms: int) -> Checkpoint:
    """What follows when so much time has gone by since T0."""
    one.tick(Tick(0, ms - T0 + 1))
    return one.checkpoint(ms)


def announced(one: Pipeline, number: int = 1, **fields) -> None:
    one.command(Command(number, T0, "someone", "change", json.dumps({**SAID, **fields})))


def failed() -> tuple[Pipeline, Checkpoint]:
    one = pipeline()
    announced(one)
    (request,) = at(one, end_of(1)).requests
    one.judged(answer(request, {P99: ("fail", "fail")}))
    return one, one.checkpoint(end_of(1))


def test_an_announced_change_is_judged_and_its_failure_told():
    """The finding, the incident, the alert and the answer itself are in one checkpoint, which is written at once."""
    _, made = failed()
    (alert,) = made.alerts
    assert (alert.action, alert.incident.rule, alert.incident.roll_back_to) == (
        AlertAction.TRIGGER,
        "signals/worse-after-change",
        "1.0",
    )
    assert [finding.dedup_key for finding in made.findings] == [alert.incident.dedup_key]
    assert len(made.judged) == 1
    assert made.is_urgent


def test_it_stays_open_through_quiet_time_and_ends_when_a_later_window_passes():
    one, _ = failed()
    made = at(one, end_of(2))
    assert made.alerts == ()
    one.judged(answer(made.requests[0], {P99: ("pass", "inconclusive")}))
    (alert,) = one.checkpoint(end_of(2)).alerts
    assert (alert.action, alert.incident.state) == (AlertAction.RESOLVE, IncidentState.RESOLVED)


def test_a_restart_asks_again_and_goes_on():
    """Killed after the request was written down: asked again under the same id, and the answer ends what was open."""
    one, first = failed()
    second = at(one, end_of(2))
    state = {**dict(first.state), **dict(second.state)}
    two = pipeline(end_of(2))
    two.restore({key: body for key, body in state.items() if body is not None}, first.incidents)
    (request,) = two.checkpoint(end_of(2)).requests
    assert request == second.requests[0]
    two.judged(answer(request, {P99: ("pass", "pass")}))
    assert [alert.action for alert in two.checkpoint(end_of(2)).alerts] == [AlertAction.RESOLVE]


def test_a_restart_before_the_request_asks_too():
    """Killed between the change and the question: the first tick of the new life, which comes before it remembers, is no harm."""
    one = pipeline()
    announced(one)
    first = one.checkpoint(T0)
    two = pipeline(end_of(1))
    two.restore({key: body for key, body in first.state if body is not None}, ())
    assert [each.id for each in at(two, T0 + MINUTE).requests] == ["shop-0/1"]


def test_switched_off_by_a_reload_quiet_time_ends_it():
    one, _ = failed()
    one.judge_by(VerdictSettings(), AlarmSettings())
    assert at(one, end_of(1) + 14 * MINUTE).alerts == ()
    made = at(one, end_of(1) + 16 * MINUTE)
    assert [alert.action for alert in made.alerts] == [AlertAction.RESOLVE]
    assert made.requests == ()


@pytest.mark.parametrize(
    "fields",
    [{"at_ms": "now"}, {"at_ms": True}, {"at_ms": -1}, {"service": ""}, {"id": ""}, {"stage": "none of these"}, {"at_ms": None}],
)
def test_a_change_that_is_none_changes_nothing(fields):
    """It is done with, and the next one is taken."""
    one = pipeline()
    announced(one, **fields)
    assert at(one, end_of(1)).requests == ()
    announced(one, 2)
    assert len(at(one, end_of(1) + MINUTE).requests) == 1


def test_a_person_may_end_it():
    """What a verdict holds open no quiet time ends; the next window that fails opens it again."""
    one, first = failed()
    one.command(Command(2, T0, "someone", "resolve", json.dumps({"key": first.alerts[0].incident.dedup_key})))
    assert [alert.action for alert in one.checkpoint(end_of(1)).alerts] == [AlertAction.RESOLVE]
    one.judged(answer(at(one, end_of(2)).requests[0], {P99: ("fail", "fail")}))
    assert [alert.action for alert in one.checkpoint(end_of(2)).alerts] == [AlertAction.TRIGGER]


def test_what_nobody_knows_any_more_is_not_held():
    """The judgement's row is of another release: its incident is open, and quiet time ends it."""
    _, first = failed()
    state = {key: body for key, body in first.state if body is not None}
    two = pipeline(end_of(2))
    with pytest.raises(ValueError, match="another version"):
        two.restore(state | {"judgement/shop": b'{"v":9}'}, first.incidents)
    assert at(two, T0 + 14 * MINUTE).alerts == ()
    assert [alert.action for alert in at(two, T0 + 16 * MINUTE).alerts] == [AlertAction.RESOLVE]


def test_images_that_flip_are_a_change_that_is_judged():
    """Nobody announced it: it is written with its checkpoint, under an id that no announced one has, and asked about."""
    one = pipeline(T0 + MINUTE)
    one.use_signals(SignalFlow([]), {}, Remembered())
    for at_s, image in ((0, "a"), (30, "b"), (60, "b")):
        labels = {"namespace": "prod", "pod": "shop-7d9f8b6c5-x2x4z", "container": "shop", "image": f"shop:{image}"}
        labels["image_id"] = "sha256:" + image * 64
        point = MetricPoint("kube_pod_container_info", tuple(sorted(labels.items())), MetricKind.GAUGE, 1.0, T0 + at_s * 1000)
        one.points(Points(Stream("push", "push"), (point,), 0, at_s + 1, T0 + MINUTE))
    (flip,) = one.checkpoint(T0).changes
    assert (flip.service, flip.release_before, flip.made_by, flip.id.endswith("-flip")) == ("shop", "shop:a", "image flip", True)
    one.tick(Tick(0, end_of(1) - T0 + MINUTE))
    (request,) = one.checkpoint(T0).requests
    assert (request.change, request.service) == (flip.id, "shop")
