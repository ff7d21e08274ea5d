"""What is asked of the judge when, and what its answers mean for incidents."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.core.judgements.judgement import ASK_AGAIN_MS
from detector.core.judgements.judgements import MOST_SERVICES, Judgements
from detector.records import Change, Judging, Severity
from detector.settings import AlarmSettings, VerdictSettings
from tests.unit.core.judgements.course import (
    LATE,
    MINUTE,
    ON,
    P99,
    POOL,
    T0,
    WINDOW,
    answer,
    asked,
    change,
    end_of,
    judgements,
    reports,
    words,
)

FAIL, PASS, UNKNOWN = ("fail", "fail"), ("pass", "pass"), ("inconclusive", "inconclusive")
WORSE = "signals/worse-after-change error"


def begun(settings: VerdictSettings = ON, **fields) -> Judgements:
    one = judgements(settings)
    one.begin(change(**fields), T0)
    return one


def failing(one: Judgements | None = None) -> Judgements:
    """A judgement whose first window failed."""
    one = one or begun()
    assert words(one.take(answer(asked(one, end_of(1)), {P99: FAIL}), end_of(1))) == [WORSE]
    return one


def reborn(*drained) -> Judgements:
    """After a restart, out of what the checkpoints wrote."""
    state: dict[str, bytes] = {}
    for each in drained:
        for key, body in each.state:
            state.pop(key, None) if body is None else state.update({key: body})
    one = judgements()
    one.restore(state)
    return one


def test_each_window_is_asked_for_when_it_is_over_and_its_values_have_come():
    """Not a millisecond earlier; the request says what lies before and after."""
    one = begun()
    for window in (1, 2, 3):
        one.tick(end_of(window) - 1)
        assert one.drain().requests == ()
        request = asked(one, end_of(window))
        assert (request.id, request.what, request.window) == (f"shop-0/{window}", Judging.VERDICT, window)
        assert (request.begin_ms, request.until_ms, request.before_ms) == (T0, T0 + window * WINDOW, T0)
        assert words(one.take(answer(request, {P99: PASS}), end_of(window))) == []
    one.tick(end_of(50))
    assert one.drain().requests == ()


def test_after_a_stop_the_newest_window_is_asked_for():
    """It holds those that passed meanwhile; a judge is not run for each of them."""
    one = begun()
    assert asked(one, end_of(2) + MINUTE).window == 2


def test_a_failed_signal_opens_an_incident_that_names_the_way_back():
    """Required: an error, held, with the reason, the release to go back to and the change's stage."""
    one = begun()
    (report,) = reports(one.take(answer(asked(one, end_of(1)), {P99: FAIL, POOL: PASS}), end_of(1)))
    finding = report.finding
    assert (report.holds, report.roll_back_to, finding.stage.value) == (True, "1.0", "dependency")
    assert (finding.severity, finding.service, finding.entity.token) == (Severity.ERROR, "shop", P99)
    assert finding.title == f"shop: {P99} is worse after shop-0: {P99} fail in all"


def test_a_signal_that_is_not_required_is_a_warning():
    one = begun()
    assert words(one.take(answer(asked(one, end_of(1)), {POOL: FAIL}), end_of(1))) == ["signals/worse-after-change warning"]


def test_one_look_of_many_opens_nothing():
    """25 signals and 12 windows of a good change: 1 % of the windows fail by chance, all together do not. Nobody is told."""
    one, said = begun(replace(ON, windows=12)), []
    for window in range(1, 13):
        signals = {f"application/s{n}": ("fail" if (n + window) % 25 == 0 else "pass", "inconclusive") for n in range(25)}
        said += one.take(answer(asked(one, end_of(window)), signals), end_of(window))
    assert [word for word in words(tuple(said)) if word != "signals/undecided info"] == []


@pytest.mark.parametrize(
    ("states", "said"),
    [
        (("pass", "pass"), ["recovered"]),
        (("pass", "fail"), ["recovered"]),  # the beginning was bad, the present is not
        (("inconclusive", "pass"), ["recovered"]),
        (("inconclusive", "fail"), [WORSE]),
        (("inconclusive", "inconclusive"), []),
        (("fail", "inconclusive"), [WORSE]),  # an open one goes on for less than opens one
        (("fail", "fail"), [WORSE]),
    ],
)
def test_a_later_window_says_whether_it_goes_on(states, said):
    """The newest window decides where it can, else all together; where neither can, nothing changes."""
    one = failing()
    assert words(one.take(answer(asked(one, end_of(2)), {P99: states}), end_of(2))) == said


def test_a_signal_that_is_judged_no_more_is_let_go():
    """Taken out of the settings: quiet time ends its incident, and nobody says that it is well."""
    one = failing()
    assert words(one.take(answer(asked(one, end_of(2)), {POOL: PASS}), end_of(2))) == ["released"]


def test_a_signal_that_vanished_is_a_finding_of_its_own():
    """It neither fails nor recovers what had failed, and is over when it is back."""
    one = failing()
    gone = answer(asked(one, end_of(2)), {P99: UNKNOWN}, vanished=(P99,))
    assert words(one.take(gone, end_of(2))) == ["signals/vanished-after-change error"]
    back = answer(asked(one, end_of(3)), {P99: PASS})
    assert words(one.take(back, end_of(3))) == ["recovered", "recovered"]


def test_all_signals_at_once_are_one_incident():
    """The exporter is gone, or we were away: that is one page. It is over when one of them is back; the rest are told apart."""
    one = begun()
    gone = answer(asked(one, end_of(1)), {P99: UNKNOWN, POOL: UNKNOWN}, vanished=(P99, POOL))
    (report,) = reports(one.take(gone, end_of(1)))
    assert report.finding.entity.token == "every signal"
    back = answer(asked(one, end_of(2)), {P99: PASS, POOL: UNKNOWN}, vanished=(POOL,))
    assert words(one.take(back, end_of(2))) == ["recovered", "signals/vanished-after-change warning"]


def test_out_of_windows_people_hear_that_nothing_is_decided():
    """Required signals without an answer: hold. The next change ends that."""
    one = begun(replace(ON, windows=1))
    judged = answer(asked(one, end_of(1)), {P99: UNKNOWN, POOL: UNKNOWN}, required=(P99, "network/dns-p99"))
    (report,) = reports(one.take(judged, end_of(1)))
    assert (report.finding.rule, report.holds, report.finding.severity) == ("signals/undecided", True, Severity.INFO)
    assert "2 of 2 required signals): hold" in report.finding.title
    assert "network/dns-p99: it was not judged" in report.finding.cause
    assert words(one.begin(change(at_ms=T0 + 60 * MINUTE), T0 + 60 * MINUTE)) == ["recovered"]


def test_what_was_asked_and_not_answered_is_asked_again_after_a_restart():
    """Under the same id; what failed is still held, and its end is said by the judgement that was restored."""
    one = failing()
    first = one.drain()
    one.tick(end_of(2))
    second = one.drain()
    (request,) = second.requests
    two = reborn(first, second)
    (again,) = two.drain().requests
    assert again == request
    assert words(two.take(answer(again, {P99: PASS}), end_of(2))) == ["recovered"]


def test_an_answer_counts_once():
    """One that comes twice, or after another change has begun, means nothing any more."""
    one = begun()
    request = asked(one, end_of(1))
    one.take(answer(request, {P99: PASS}), end_of(1))
    assert one.take(answer(request, {P99: FAIL}), end_of(1)) == ()
    assert [each.request.window for each in one.drain().judged] == [1]
    request = asked(one, end_of(2))
    one.begin(change(at_ms=end_of(2)), end_of(2))
    assert one.take(answer(request, {P99: FAIL}), end_of(2) + 1) == ()
    assert one.ignored == 2
    assert one.drain().judged == ()


def test_a_judge_that_cannot_answer_is_asked_a_bounded_number_of_times():
    """Three times, with pauses; then people hear why. Of later windows once each, until one is judged; that is never a pass."""
    one, now, tries = begun(), end_of(1), 0
    while tries < 3:
        request = asked(one, now)
        tries += 1
        said = one.take(answer(request, problem="it was killed"), now)
        assert words(said) == ([] if tries < 3 else ["trimwatch/not-judged warning"])
        now += 29_000
        if tries < 3:
            one.tick(now)
            assert one.drain().requests == ()
        now += 120_000
    assert "window 1 after shop-0 could not be judged: it was killed" in reports(said)[0].finding.title.lower()
    assert words(one.take(answer(asked(one, end_of(2)), problem="it was killed"), end_of(2))) == ["trimwatch/not-judged warning"]
    assert words(one.take(answer(asked(one, end_of(3)), {P99: PASS}), end_of(3))) == ["recovered"]


def test_no_verdict_at_all_is_a_problem():
    """A judge that found no signal says nothing good about the change."""
    one = begun()
    for pause in (0, 31_000, 160_000):
        said = one.take(answer(asked(one, end_of(1) + pause)), end_of(1) + pause)
    assert "no signal of the service has a before" in reports(said)[0].finding.title


def test_who_never_answers_is_asked_again():
    one = begun()
    request = asked(one, end_of(1))
    one.tick(end_of(1) + ASK_AGAIN_MS - 1)
    assert one.drain().requests == ()
    assert asked(one, end_of(1) + ASK_AGAIN_MS) == request


def test_a_rollback_is_compared_with_what_was_before_all_that():
    """Compared with the time that failed it would pass whatever it does. What recovers by it is over; it has no way back."""
    one = failing()
    back = change(at_ms=T0 + 20 * MINUTE, id="back", release_before="1.1", release_after="1.0")
    one.begin(back, T0 + 20 * MINUTE)
    request = asked(one, end_of(1, back.at_ms))
    assert (request.change, request.begin_ms, request.before_ms, request.before_change) == ("back", back.at_ms, T0, "shop-0")
    assert one.known()[0].change.is_rollback
    (again,) = reports(one.take(answer(request, {P99: FAIL}), end_of(1, back.at_ms)))
    assert again.roll_back_to is None
    assert words(one.take(answer(asked(one, end_of(2, back.at_ms)), {P99: PASS}), end_of(2, back.at_ms))) == ["recovered"]


def test_a_change_after_one_that_is_well_has_a_before_of_its_own():
    """And a change of what fails has not, however it is called, for a week."""
    one = begun()
    one.take(answer(asked(one, end_of(1)), {P99: PASS}), end_of(1))
    one.begin(change(at_ms=T0 + 60 * MINUTE), T0 + 60 * MINUTE)
    assert one.known()[0].before_ms == T0 + 60 * MINUTE
    two = failing()
    two.begin(change(at_ms=T0 + 60 * MINUTE, release_after="1.2"), T0 + 60 * MINUTE)
    assert two.known()[0].before_ms == T0
    two.begin(change(at_ms=T0 + 8 * 24 * 60 * MINUTE, release_after="1.3"), T0 + 8 * 24 * 60 * MINUTE)
    assert two.known()[0].before_ms == T0 + 8 * 24 * 60 * MINUTE


def test_a_rollout_in_quick_steps_has_one_before():
    """The second step comes before the first was judged: the time between them is no before."""
    one = begun()
    one.begin(change(at_ms=T0 + 5 * MINUTE), T0 + 5 * MINUTE)
    assert one.known()[0].before_ms == T0


def test_the_images_that_flip_are_the_change_that_was_announced():
    """Whoever comes first, people's words are kept; a flip back is another change."""
    flip = change(at_ms=T0 + 2 * MINUTE, id="flip", made_by="image flip", image_after="registry/shop:1.1@sha256:1", stage="none")
    one = begun()
    one.begin(flip, flip.at_ms)
    assert one.known()[0].change.id == "shop-0"
    one.begin(
        replace(flip, at_ms=T0 + 9 * MINUTE, id="back", image_after="shop:1.0", release_after="", is_rollback=True), end_of(1)
    )
    assert one.known()[0].change.id == "back"
    two = judgements()
    two.begin(flip, flip.at_ms)
    two.begin(change(), T0 + 3 * MINUTE)
    assert [each.change.id for each in two.known()] == ["shop-0"]


def test_an_older_change_that_is_told_late_begins_nothing():
    one = begun()
    one.begin(change(at_ms=T0 - MINUTE), T0)
    assert [each.change.at_ms for each in one.known()] == [T0]


def test_a_change_of_long_ago_is_not_judged():
    """It is written down for the record: nobody wants to be woken for it."""
    one = judgements()
    one.begin(change(), T0 + 3 * WINDOW + 86_400_001)
    assert one.known() == []


def test_a_change_that_is_announced_for_later_waits_over_a_restart():
    """The judgement of the change before it goes on until then."""
    one = begun()
    one.begin(change(at_ms=T0 + 20 * MINUTE), T0)
    assert asked(one, end_of(1)).change == "shop-0"
    two = judgements()
    two.begin(change(at_ms=T0 + 20 * MINUTE), T0)
    three = reborn(two.drain())
    three.tick(T0 + 20 * MINUTE)
    assert [each.change.at_ms for each in three.known()] == [T0 + 20 * MINUTE]
    assert dict(three.drain().state)["change/shop-20"] is None


def test_switched_off_it_lets_go():
    """By a reload, or before a restart: nothing is asked for, and no incident stays open for ever."""
    one = failing()
    written = one.drain()
    assert words(one.configure(VerdictSettings(), AlarmSettings())) == ["released"]
    one.tick(end_of(9))
    after = one.drain()
    assert after.requests == ()
    assert dict(after.state) == {"judgement/shop": None}
    two = Judgements(VerdictSettings(), AlarmSettings())
    assert words(two.restore({key: body for key, body in written.state if body is not None})) == ["released"]
    assert two.begin(change(), T0) == ()


def test_more_services_than_can_be_remembered():
    """The one that changed longest ago and holds nothing makes room."""
    one = failing()
    for number in range(MOST_SERVICES + 5):
        one.begin(change(f"s{number}", T0 + MINUTE + number), T0 + 10 * MINUTE)
    known = {each.change.service for each in one.known()}
    assert len(known) == MOST_SERVICES
    assert "shop" in known
    assert "s0" not in known


def test_state_of_another_kind_is_refused():
    """A row of another release is no reason to judge on from the middle."""
    for body in (b"[]", b'{"v":2}', b'{"v":1}', b'{"v":1,"change":{},"held":{}}', b"x"):
        with pytest.raises(ValueError, match=r"judgement|Expecting"):
            judgements().restore({"judgement/shop": body})
    with pytest.raises(ValueError, match="no watch over alarms"):
        judgements().restore({"alarms": b'{"v":1,"told":3}'})


def test_a_manifest_is_not_carried_about():
    """It may be a megabyte, and nobody judges it."""
    one = begun(note="n" * 10)
    (body,) = dict(one.drain().state).values()
    assert b'"manifest":null' in body
    assert isinstance(reborn_change(body), Change)


def reborn_change(body: bytes) -> Change:
    one = judgements()
    one.restore({"judgement/shop": body})
    return one.known()[0].change


def test_lateness_is_a_setting():
    one = judgements(replace(ON, lateness=ON.lateness * 0))
    one.begin(change(), T0)
    assert asked(one, end_of(1) - LATE).window == 1
