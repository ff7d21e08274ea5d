"""What a daemon may do, given what all of them know."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.core.incidents.shared_incident import MOST_REPORTERS, Lapsed, Reporter, SharedIncident, Telling, Watch
from detector.core.incidents.sharing import (
    Asking,
    Claim,
    Later,
    Send,
    Told,
    attended,
    delivered,
    ended,
    given_back,
    may_resolve,
    may_trigger,
    may_update,
    receiver_of,
    renewed,
    slot_of,
)

NOBODY = Lapsed()


def ask(me: str, seq: int, slot: str = "pager", *, is_repeat: bool = False) -> Asking:
    return Asking(me, slot, seq, count=seq, beat=1_000 + seq, is_repeat=is_repeat)


def told_by(me: str, slot: str = "pager", again_s: float | None = None) -> SharedIncident:
    """One daemon sees it and has told."""
    claimed, _ = may_trigger(None, ask(me, 1, slot), NOBODY)
    known = delivered(claimed, Claim(me, slot, False, 1), "note", again_s, {"title": "x"})
    assert known is not None
    return known


def test_the_first_tells_the_others_wait_then_join() -> None:
    """Who finds no document may send; while it does others wait; afterwards they know who told, and are reporters."""
    known, answer = may_trigger(None, ask("one", 1), NOBODY)
    assert answer == Send(round=1)
    assert may_trigger(known, ask("two", 1), NOBODY) == (known, Later("told", "pager"))
    sent = delivered(known, Claim("one", "pager", False, 1), "C1", None, None)
    known, answer = may_trigger(sent, ask("two", 1), NOBODY)
    assert answer == Told("one")
    assert set(known.reporters) == {"one", "two"}
    assert may_trigger(known, ask("two", 1), NOBODY) == (known, Told("one")), "nothing to write: it has joined"


def test_a_lapsed_claim_is_taken_over_and_the_late_one_does_nothing() -> None:
    """The former holder's word that it delivered changes nothing any more."""
    known, _ = may_trigger(None, ask("one", 1), NOBODY)
    known, answer = may_trigger(known, ask("two", 1), Lapsed(told=frozenset({"pager"})))
    assert answer == Send(round=1)
    assert delivered(known, Claim("one", "pager", False, 1), "", None, None) is None
    assert known.told["pager"].by == "two"


def test_the_last_to_be_quiet_tells_the_end() -> None:
    """The others are told by whom they leave it to."""
    known, _ = may_trigger(told_by("one"), ask("two", 1), NOBODY)
    known, answer = may_resolve(known, ask("one", 2), NOBODY)
    assert answer == Told("two")
    known, answer = may_resolve(known, ask("two", 2), NOBODY)
    assert answer == Send("note", 1)
    assert known.state == "closing"
    known = delivered(known, Claim("two", "pager", True, 1), "", None, None) or known
    assert known.state == "resolved"
    assert may_resolve(known, ask("one", 3), NOBODY)[1] == Told("two")


def test_a_reporter_that_is_gone_does_not_hold_the_end_back() -> None:
    known, _ = may_trigger(told_by("one"), ask("two", 1), NOBODY)
    known, answer = may_resolve(known, ask("two", 2), Lapsed(reporters=frozenset({"one"})))
    assert answer == Send("note", 1)
    assert not known.is_open


def test_a_new_round_waits_for_an_end_that_is_on_its_way() -> None:
    """And begins when the end was told, or its teller is gone."""
    closing, _ = may_resolve(told_by("one"), ask("one", 2), NOBODY)
    known, answer = may_trigger(closing, ask("two", 1), NOBODY)
    assert (known, answer) == (closing, Later("resolved", "pager"))
    over = delivered(closing, Claim("one", "pager", True, 1), "", None, None)
    for before, lapsed in ((over, NOBODY), (closing, Lapsed(resolved=frozenset({"pager"})))):
        known, answer = may_trigger(before, ask("two", 1), lapsed)
        assert answer == Send(round=2)
        assert (known.round, set(known.reporters)) == (2, {"two"})
        assert delivered(known, Claim("one", "pager", True, 1), "", None, None) is None, "late news of an old round"


def test_who_holds_it_open_need_not_hear_it_again() -> None:
    """A receiver to which nobody tried to tell the end is not told of the next beginning; one to which somebody tried is."""
    both = replace(told_by("one"), told={"pager": Telling("one", 1, True), "chat": Telling("one", 1, True)})
    closing, _ = may_resolve(both, ask("one", 2), NOBODY)
    over = delivered(closing, Claim("one", "pager", True, 1), "", None, None)
    known, answer = may_trigger(over, ask("two", 1, "chat"), NOBODY)
    assert answer == Told("one")
    assert may_trigger(known, ask("two", 2), NOBODY)[1] == Send(round=2)
    tried = given_back(closing, Claim("one", "pager", True, 1))
    assert may_trigger(tried, ask("two", 1), NOBODY)[1] == Send(round=2), "a try may have arrived"


def test_late_rows_of_an_old_round_do_nothing() -> None:
    """A beginning that its own daemon has seen told, and an end that came after the next beginning."""
    over, _ = may_resolve(told_by("one"), ask("one", 5), NOBODY)
    over = delivered(over, Claim("one", "pager", True, 1), "", None, None) or over
    assert may_trigger(over, ask("one", 4), NOBODY) == (over, Told("one"))
    again, _ = may_trigger(over, ask("two", 1), NOBODY)
    assert may_resolve(again, ask("one", 6), NOBODY) == (again, Told("two"))


def test_a_beginning_that_a_slow_receiver_missed_is_told_with_its_end() -> None:
    """It opened and was over while one receiver was away: that one hears of both, once."""
    over, _ = may_resolve(told_by("one"), ask("one", 5), NOBODY)
    over = delivered(over, Claim("one", "pager", True, 1), "", None, None) or over
    known, answer = may_trigger(over, ask("one", 2, "chat"), NOBODY)
    assert answer == Send(round=1)
    known = delivered(known, Claim("one", "chat", False, 1), "", None, None) or known
    assert not known.is_open
    assert may_resolve(known, ask("one", 6, "chat"), NOBODY)[1] == Send(round=1)


def test_updates_come_from_the_teller_while_it_sees_the_incident() -> None:
    known, _ = may_trigger(told_by("one"), ask("two", 1), NOBODY)
    assert may_update(known, ask("one", 2), NOBODY)[1] == Send("note", 1)
    assert may_update(known, ask("two", 2), NOBODY) == (known, Told("one"))
    quiet, _ = may_resolve(known, ask("one", 3), NOBODY)
    taken, answer = may_update(quiet, ask("two", 3), NOBODY)
    assert answer == Send("note", 1)
    assert taken.told["pager"].by == "two"
    over, _ = may_resolve(taken, ask("two", 4), NOBODY)
    assert may_update(over, ask("two", 3), NOBODY)[1] == Told("")


def test_what_is_told_again_and_again_passes_on_when_its_teller_goes() -> None:
    """Alertmanager forgets what is not repeated: who joined later stands ready, and repeats when the teller is quiet or gone."""
    known, answer = may_trigger(told_by("one", again_s=60), ask("two", 1), NOBODY)
    assert answer == Told("one", 60)
    assert may_trigger(known, ask("two", 1, is_repeat=True), NOBODY) == (known, Told("one", 60))
    assert may_trigger(known, ask("one", 1, is_repeat=True), NOBODY) == (known, Send("note", 1))
    gone = Lapsed(reporters=frozenset({"one"}))
    taken, answer = may_trigger(known, ask("two", 1, is_repeat=True), gone)
    assert answer == Send("note", 1)
    assert may_trigger(taken, ask("one", 1, is_repeat=True), NOBODY)[1] == Told("two", 60)


def test_an_end_is_repeated_by_who_told_it_until_it_begins_again() -> None:
    over, _ = may_resolve(told_by("one"), ask("one", 2), NOBODY)
    over = delivered(over, Claim("one", "pager", True, 1), "", 60, None) or over
    assert may_resolve(over, ask("one", 2, is_repeat=True), NOBODY) == (over, Send("note", 1))
    again, _ = may_trigger(over, ask("two", 1), NOBODY)
    assert may_resolve(again, ask("one", 2, is_repeat=True), NOBODY)[1] == Told("two")


def test_without_a_document_an_end_is_left_to_who_finds_it_untouched() -> None:
    """It was deleted: others may see the incident still, and say so within a lease."""
    known, answer = may_resolve(None, ask("one", 2), NOBODY)
    assert answer == Told("")
    assert known.state == "closing"
    done = ended(known, "two", 9, NOBODY, {"pager": True})
    assert done is not None
    assert done[1] == ["pager"]


def test_what_nobody_sees_is_ended_by_one() -> None:
    """Not while somebody is there; not what is on its way; a receiver that wants no end is only written down."""
    known = replace(told_by("one"), told={**told_by("one").told, "mail": Telling("one", 1, True), "new": Telling("one", 1)})
    assert ended(known, "two", 9, NOBODY, {"pager": True}) is None
    gone = Lapsed(reporters=frozenset({"one"}))
    done = ended(known, "two", 9, gone, {"pager": True, "mail": False, "new": True})
    assert done is not None
    assert done[1] == ["pager"]
    assert done[0].is_ended("mail")
    assert "new" not in done[0].resolved
    assert may_resolve(done[0], ask("two", 9), NOBODY)[1] == Send("note", 1)
    assert ended(done[0], "three", 9, gone, {"pager": True}) == (done[0], [])


def test_a_sign_of_life_makes_nobody_open_who_said_quiet() -> None:
    """It joins a round that goes on, and says when others took the incident for over."""
    known = told_by("one")
    after, is_forgotten = attended(known, "one", 7, 99, (), {})
    assert after is not None
    assert (after.reporters["one"], is_forgotten) == (Reporter(True, 99, 1, 7), False)
    joined, _ = attended(known, "two", 7, 99, (), {})
    assert joined is not None
    assert joined.reporters["two"].is_open
    over, _ = may_resolve(known, ask("one", 2), NOBODY)
    assert attended(over, "one", 2, 99, (), {}) == (None, False)
    assert attended(over, "one", 3, 99, (), {}) == (None, True)
    begun, _ = attended(None, "one", 3, 99, ("pager",), {"title": "x"})
    assert begun is not None
    assert may_trigger(begun, ask("two", 1), NOBODY)[1] == Told("one")


def test_who_died_after_it_delivered_says_so_when_it_is_back() -> None:
    """Nobody takes its claim over then."""
    known, _ = may_trigger(None, ask("one", 1), NOBODY)
    after, _ = attended(known, "one", 1, 99, ("pager",), {})
    assert after is not None
    assert may_trigger(after, ask("two", 1), Lapsed(told=frozenset({"pager"})))[1] == Told("one")
    untold, _ = attended(known, "two", 1, 99, ("pager",), {})
    assert untold is not None
    assert not untold.told["pager"].is_delivered, "it is another one's"


def test_a_claim_is_kept_alive_only_while_it_is_one() -> None:
    known, _ = may_trigger(None, ask("one", 1), NOBODY)
    claim = Claim("one", "pager", False, 1)
    alive = renewed(known, claim, 5_000)
    assert alive is not None
    assert alive.told["pager"].beat == 5_000
    assert renewed(delivered(known, claim, "", None, None), claim, 6_000) is None
    assert given_back(known, claim) == replace(known, told={})


def test_news_of_an_old_round_does_not_count_in_the_next() -> None:
    """The same daemon holds the same slot again: what it sent a round ago is not what it sends now."""
    over, _ = may_resolve(told_by("one"), ask("one", 2), NOBODY)
    over = delivered(over, Claim("one", "pager", True, 1), "", None, None) or over
    known, _ = may_trigger(over, ask("one", 3), NOBODY)
    old = Claim("one", "pager", False, 1)
    assert [delivered(known, old, "", None, None), given_back(known, old), renewed(known, old, 9)] == [None, None, None]


def test_what_stands_in_for_another_receiver_is_told_by_itself() -> None:
    """The chat hears of the incident, and that the pager could not be told: two messages, each agreed on."""
    slot = slot_of("chat", "pager")
    assert receiver_of(slot) == ("chat", "pager")
    assert receiver_of(slot_of("chat", "")) == ("chat", "")
    known = told_by("one", "chat")
    assert may_trigger(known, ask("one", 1, slot), NOBODY)[1] == Send(round=1)


def test_gone_is_who_stood_still_for_a_lease_by_our_own_clock() -> None:
    """Whatever the beat says: an hour behind, an hour ahead, or backwards."""
    watch = Watch(lease_ms=1000, claim_ms=100)
    known = SharedIncident(reporters={"one": Reporter(True, -3_600_000, 1, 1), "two": Reporter(True, 1 << 60, 1, 1)})
    assert watch.look("key", known, 0) == NOBODY
    assert watch.look("key", known, 1000) == NOBODY
    known = replace(known, reporters={**known.reporters, "two": Reporter(True, 5, 1, 1)})
    assert watch.look("key", known, 1001) == Lapsed(reporters=frozenset({"one"}))
    assert watch.look("other", known, 9999) == NOBODY, "another incident was not watched yet"
    assert watch.look("key", known, 9999) == NOBODY, "who did not look knows nothing"
    assert watch.look("key", known, 10_999) == NOBODY
    assert watch.look("key", known, 11_000).reporters == {"one", "two"}
    watch.begin_anew()
    assert watch.look("key", known, 11_001) == NOBODY


def test_a_crowd_of_reporters_is_bounded() -> None:
    """The quiet that were not heard of for longest go first."""
    known = SharedIncident(reporters={f"car-{n}": Reporter(n != 7, n, 1, 1) for n in range(MOST_REPORTERS)})
    after, _ = may_trigger(known, ask("new", 1), NOBODY)
    assert set(known.reporters) - set(after.reporters) == {"car-7"}
    assert len(after.reporters) == MOST_REPORTERS


names = st.sampled_from(["one", "two", "three"])
slots = st.sampled_from(["pager", "chat", "chat < pager"])
numbers = st.integers(0, 1 << 50)
tellings = st.builds(Telling, names, numbers, st.booleans(), st.text(max_size=20), st.none() | st.floats(1, 1000))
documents = st.builds(
    SharedIncident,
    st.integers(1, 9),
    st.dictionaries(names, st.builds(Reporter, st.booleans(), numbers, numbers, numbers)),
    st.dictionaries(slots, tellings),
    st.dictionaries(slots, tellings),
    st.just({"title": "x"}),
)


@given(documents)
def test_a_document_comes_back_as_it_was(known: SharedIncident) -> None:
    """As JSON, with what is searched in it."""
    body = json.loads(json.dumps(known.body("key", 5)))
    assert SharedIncident.of(body) == known
    assert (body["key"], body["touched_ms"]) == ("key", 5)


@given(documents, st.lists(st.tuples(st.sampled_from([may_trigger, may_update, may_resolve]), names, slots, st.integers(1, 9))))
def test_no_slot_ever_has_two_holders(known: SharedIncident, questions: list[tuple[object, str, str, int]]) -> None:
    """Whatever is asked in whatever order: a Send is backed by a claim in the asker's name, and an end never goes out while
    somebody is open."""
    for may, me, slot, seq in questions:
        known, answer = may(known, ask(me, seq, slot), NOBODY)  # type: ignore[operator]
        if isinstance(answer, Send):
            claims = known.resolved if may is may_resolve else known.told
            assert claims[slot].by == me
            assert may is not may_resolve or not known.is_open


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"round": "many"},
        {"round": float("inf")},
        {"reporters": []},
        {"told": {"pager": {"by": "one"}}},
        {"resolved": None},
        {"reporters": {"one": {"state": "open", "seen_ms": [], "seq": 1, "count": 1}}},
        {"incident": 5},
    ],
)
def test_what_is_none_of_ours_is_refused(change: dict[str, object]) -> None:
    """With a ValueError, whatever is wrong with it."""
    with pytest.raises(ValueError):  # noqa: PT011
        SharedIncident.of(told_by("one").body("key", 5) | change)
