"""When signals are looked at between changes, and which alarms people hear of."""

from __future__ import annotations

from detector.core.judgements.judgements import Judgements
from detector.records import Judged, JudgeRequest, Judging
from detector.settings import AlarmSettings, VerdictSettings
from tests.unit.core.judgements.course import (
    LATE,
    MINUTE,
    ON,
    P99,
    POOL,
    T0,
    WATCHED,
    WINDOW,
    alarm,
    answer,
    asked,
    change,
    judgements,
    reports,
    words,
)

ALARM = "signals/alarm warning"


def watching(verdicts: VerdictSettings | None = None) -> Judgements:
    """The first look begins at T0."""
    one = judgements(verdicts or VerdictSettings(), WATCHED)
    one.tick(T0 + LATE)
    assert one.drain().requests == ()
    return one


def look(one: Judgements, number: int = 1) -> JudgeRequest:
    return asked(one, T0 + number * WINDOW + LATE)


def heard(request: JudgeRequest, *alarms, **fields) -> Judged:
    return Judged(request, request.until_ms + LATE, alarms=alarms, **fields)


def test_it_looks_every_now_and_then_at_what_it_has_not_seen():
    """From where the last look ended; the first one begins at the present."""
    one = watching()
    request = look(one)
    assert (request.what, request.begin_ms, request.until_ms) == (Judging.ALARMS, T0, T0 + WINDOW)
    one.take(heard(request), T0 + WINDOW + LATE)
    assert (look(one, 2).begin_ms, request.id) == (T0 + WINDOW, f"alarms/{T0 + WINDOW}")


def test_after_a_long_stop_old_alarms_wake_nobody():
    one = watching()
    request = look(one, 40)
    assert request.until_ms - request.begin_ms == 60 * MINUTE


def test_one_incident_a_service_and_look():
    """The largest names it, the others stand beside it; a service apart is an incident apart."""
    one = watching()
    request = look(one)
    said = reports(
        one.take(heard(request, alarm(P99, T0 + 1, 5), alarm(POOL, T0 + 1, 50), alarm(P99, T0, 7, "cart")), T0 + WINDOW + LATE)
    )
    assert [(each.finding.service, each.finding.entity.token, each.also) for each in said] == [
        ("shop", POOL, (f"signals/alarm: {P99}",)),
        ("cart", P99, ()),
    ]
    assert not said[0].holds
    assert "50.0 robust units" in said[0].finding.cause


def test_a_signal_that_alarmed_is_quiet_for_a_while():
    """By event time, over a restart too."""
    one = watching()
    assert words(one.take(heard(look(one), alarm(P99, T0 + MINUTE), alarm(P99, T0 + 2 * MINUTE)), 0)) == [ALARM]
    state = {key: body for key, body in one.drain().state if body is not None}
    two = judgements(VerdictSettings(), WATCHED)
    two.restore(state)
    assert two.take(heard(look(two, 2), alarm(P99, T0 + 20 * MINUTE)), 0) == ()
    assert words(two.take(heard(look(two, 5), alarm(P99, T0 + 61 * MINUTE)), 0)) == [ALARM]


def test_what_follows_a_change_is_for_its_verdicts_to_say():
    """No alarm of a service while its change is judged; other services, and later times, are free."""
    one = watching(ON)
    one.begin(change(at_ms=T0 + MINUTE), T0 + 2 * MINUTE)
    late = T0 + MINUTE + 3 * WINDOW
    request = look(one)
    said = one.take(heard(request, alarm(P99, T0 + 5 * MINUTE), alarm(P99, T0, 9, "cart"), alarm(POOL, late)), 0)
    assert [(each.finding.service, each.finding.entity.token) for each in reports(said)] == [("cart", P99), ("shop", POOL)]


def test_a_look_that_fails_is_told_and_passed_over():
    """Three tries, then one a look, until one works."""
    one = watching()
    for pause, expected in ((0, []), (31_000, []), (160_000, ["trimwatch/not-judged warning"])):
        now = T0 + WINDOW + LATE + pause
        assert words(one.take(heard(asked(one, now), problem="too little memory"), now)) == expected
    request = look(one, 2)
    assert request.begin_ms == T0 + WINDOW
    assert words(one.take(heard(request, alarm(P99, T0 + WINDOW)), 0)) == ["recovered", ALARM]


def test_an_answer_that_nobody_waits_for_is_passed_over():
    one = watching()
    request = look(one)
    one.take(heard(request), 0)
    assert one.take(heard(request, alarm(P99, T0)), 0) == ()
    assert one.ignored == 1


def test_a_question_without_an_answer_is_asked_again_after_a_restart():
    one = watching()
    one.tick(T0 + WINDOW + LATE)
    drained = one.drain()
    two = judgements(VerdictSettings(), WATCHED)
    two.restore({key: body for key, body in drained.state if body is not None})
    assert two.drain().requests == drained.requests


def test_switched_off_nothing_is_remembered():
    one = watching()
    one.configure(VerdictSettings(), AlarmSettings())
    assert dict(one.drain().state) == {"alarms": None}
    one.tick(T0 + 9 * WINDOW)
    assert one.drain().requests == ()


def test_verdicts_and_alarms_do_not_answer_for_each_other():
    one = watching(ON)
    one.begin(change(at_ms=T0 + MINUTE), T0 + 2 * MINUTE)
    one.tick(T0 + 2 * WINDOW + LATE)
    alarms, verdicts = sorted(one.drain().requests, key=lambda each: each.what.value)
    assert one.take(answer(verdicts, {P99: ("pass", "pass")}), 0) == ()
    assert words(one.take(heard(alarms, alarm(P99, T0, 9, "cart")), 0)) == [ALARM]
    assert one.ignored == 0
