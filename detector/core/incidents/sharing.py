"""Whether an alert may leave when a hundred daemons see the same incident: from what they know together to what one may do.

Every function takes a document and gives the one to put in its place; nothing holds unless it was put there against the very
version that was read. A round begins when an incident opens that nobody sees, and ends when nobody sees it any more: in each
round a receiver is told of the beginning once and of the end at most once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from detector.core.incidents.shared_incident import LONGEST_NOTE, MOST_REPORTERS, Lapsed, Reporter, SharedIncident, Telling
from detector.records import AlertAction


@dataclass(frozen=True, slots=True)
class Send:
    """It is ours to send. `note` is the sink's, from whoever told the receiver before; `round` is for `delivered`."""

    note: str = ""
    round: int = 0


@dataclass(frozen=True, slots=True)
class Later:
    """Somebody else is about to send it, and may yet fail."""

    part: str
    slot: str


@dataclass(frozen=True, slots=True)
class Told:
    """It need not be sent: `by` did, or will; nobody, where the receiver is to hear nothing. With `again_s` the receiver wants to
    be told again and again, and whoever tells it may go."""

    by: str
    again_s: float | None = None


Answer = Send | Later | Told
Known = SharedIncident | None


@dataclass(frozen=True, slots=True)
class Asking:
    """Who wants to send what: `seq` and `count` are the alert's, `beat` is a number that the document does not hold yet. A repeat
    was delivered before."""

    me: str
    slot: str
    seq: int
    count: int
    beat: int
    is_repeat: bool = False


def may_trigger(known: Known, ask: Asking, lapsed: Lapsed) -> tuple[SharedIncident, Answer]:
    """A TRIGGER: makes the asker a reporter, begins a round where none is. Whoever waits for another one's delivery joins after
    it: a crowd that wrote before would only be in the way of it."""
    if known is None:
        return _claimed(_joined(SharedIncident(), ask), ask)
    before = known
    mine = known.reporters.get(ask.me)
    if mine is None or ask.seq > mine.seq or (ask.is_repeat and not mine.is_open):
        if not known.is_open:
            for slot, ending in known.resolved.items():
                if ending.by not in ("", ask.me) and not ending.is_delivered and slot not in lapsed.resolved:
                    return known, Later("resolved", slot)  # an end that is under way must not overtake a new beginning
            known = _next_round(known)
        known = _joined(known, ask)
    after, answer = _may_tell(known, ask, lapsed)
    return (before if isinstance(answer, Later) else after), answer


def may_update(known: Known, ask: Asking, lapsed: Lapsed) -> tuple[SharedIncident, Answer]:
    """An UPDATE comes from whoever told; when that one no longer sees the incident, the next who has news takes its place."""
    if known is None:
        known = replace(_joined(SharedIncident(), ask), told={ask.slot: Telling(ask.me, ask.beat, is_delivered=True)})
        return known, Send(round=known.round)
    mine = known.reporters.get(ask.me)
    if not known.is_open or (mine is not None and mine.seq > ask.seq and not mine.is_open):
        return known, Told("")
    if mine is None or not mine.is_open:
        known = _joined(known, ask)
    told = known.told.get(ask.slot)
    if told is None:
        return _claimed(known, ask)
    if told.by == ask.me:
        return known, Send(told.note, known.round)
    is_pending = not told.is_delivered and ask.slot not in lapsed.told
    if is_pending or _speaks(known, told.by, lapsed):
        return known, Told(told.by, told.again_s)
    return _taken_over(known, ask, told)


def may_resolve(known: Known, ask: Asking, lapsed: Lapsed) -> tuple[SharedIncident, Answer]:
    """A RESOLVE: makes the asker quiet; who is the last to be quiet sends it. Where nothing is known (the document was deleted),
    others may see the incident: whoever looks for incidents that nobody sees will end it."""
    if known is None:
        quiet = {ask.me: Reporter(False, ask.beat, ask.seq, ask.count)}
        return SharedIncident(reporters=quiet, told={ask.slot: Telling(ask.me, ask.beat, is_delivered=True)}), Told("")
    mine = known.reporters.get(ask.me)
    if mine is not None and ask.seq > mine.seq:
        known = _with_reporter(known, ask.me, Reporter(False, ask.beat, ask.seq, ask.count))
    if others := _seen_by(known, lapsed):
        return known, Told(others[0])
    known = _all_quiet(known)
    told = known.told.get(ask.slot)
    is_claimed = told is not None and not told.is_delivered and told.by not in ("", ask.me)
    if told is not None and is_claimed and ask.slot not in lapsed.told:
        return known, Told(told.by)  # it is about to tell of the beginning, and will of the end
    note = told.note if told is not None else ""
    ended = known.resolved.get(ask.slot)
    if ended is not None and ended.by and (ended.by != ask.me or (ended.is_delivered and not ask.is_repeat)):
        if ended.is_delivered or ask.slot not in lapsed.resolved:
            return known, Told(ended.by)
    elif ended is not None and ended.is_delivered:
        return known, Send(note, known.round)
    claim = {**known.resolved, ask.slot: Telling(ask.me, ask.beat)}
    return replace(known, resolved=claim), Send(note, known.round)


_INSTEAD = " < "
MAY = {AlertAction.TRIGGER: may_trigger, AlertAction.UPDATE: may_update, AlertAction.RESOLVE: may_resolve}


def ended_anyway(known: SharedIncident, ask: Asking, answer: Told) -> tuple[SharedIncident, Answer]:
    """A RESOLVE that need not be sent, of somebody whose TRIGGER left while nobody could be asked: that may be the last that the
    receiver has heard. While somebody sees the incident that is right, else the end is told once more."""
    if known.is_open:
        return known, answer
    return replace(known, resolved={**known.resolved, ask.slot: Telling(ask.me, ask.beat)}), Send(round=known.round)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a daemon was allowed to send: in which round, to which slot; an end or not."""

    me: str
    slot: str
    is_end: bool
    round: int


def delivered(
    known: Known, claim: Claim, note: str, again_s: float | None, incident: Mapping[str, Any] | None
) -> SharedIncident | None:
    """The receiver has it. None: there is nothing to write, another round has begun, or somebody else told it meanwhile."""
    held = _held(known, claim)
    if known is None or held is None:
        return None
    told = replace(held, is_delivered=True, note=note[:LONGEST_NOTE] or held.note, again_s=again_s)
    if claim.is_end:
        return replace(known, resolved={**known.resolved, claim.slot: told})
    return replace(known, told={**known.told, claim.slot: told}, incident=known.incident if incident is None else incident)


def given_back(known: Known, claim: Claim) -> SharedIncident | None:
    """It could not be sent: whoever asks next may. None: there is nothing to write. A try to tell of an end may have arrived
    although nobody heard so, which a next round must know."""
    held = _held(known, claim)
    if known is None or held is None or held.is_delivered:
        return None
    if claim.is_end:
        return replace(known, resolved={**known.resolved, claim.slot: replace(held, by="")})
    return replace(known, told={slot: each for slot, each in known.told.items() if slot != claim.slot})


def renewed(known: Known, claim: Claim, beat: int) -> SharedIncident | None:
    """A claim whose alert is still on its way; None: it is not ours any more, or delivered."""
    held = _held(known, claim)
    if known is None or held is None or held.is_delivered:
        return None
    claims = {**(known.resolved if claim.is_end else known.told), claim.slot: replace(held, beat=beat)}
    return replace(known, resolved=claims) if claim.is_end else replace(known, told=claims)


def attended(
    known: Known, me: str, count: int, beat: int, told: Collection[str], incident: Mapping[str, Any]
) -> tuple[SharedIncident | None, bool]:
    """A sign of life of somebody who sees the incident. `told` are the slots that it has told of it, as far as it remembers, and
    owes nothing any more: its claims on them were delivered, though it died before it could say so. Returns what to write, if
    anything, and whether the others took it for over: then its receivers must be told again."""
    if known is None:
        begun = SharedIncident(reporters={me: Reporter(True, beat, 0, count)}, incident=incident)
        return replace(begun, told={slot: Telling(me, beat, is_delivered=True) for slot in told}), False
    mine = known.reporters.get(me)
    arrived = {slot: replace(known.told[slot], is_delivered=True) for slot in told if _is_claim_of(known.told.get(slot), me)}
    known = replace(known, told={**known.told, **arrived}) if arrived else known
    if mine is not None and mine.is_open:
        return _with_reporter(known, me, replace(mine, beat=beat, count=max(count, mine.count))), False
    if mine is None and known.is_open:
        return _with_reporter(known, me, Reporter(True, beat, 0, count)), False
    return None, mine is None or count > mine.count


def ended(
    known: SharedIncident, me: str, beat: int, lapsed: Lapsed, wants: Mapping[str, bool]
) -> tuple[SharedIncident, list[str]] | None:
    """An incident that nobody sees any more although nobody could say so. Returns the document, and the slots of which the asker
    is now to tell the end: of those nobody else is about to. `wants` names the receivers that the asker knows, and whether one
    hears of an end at all. None: somebody sees the incident."""
    if _seen_by(known, lapsed):
        return None
    known = _all_quiet(known)
    resolved, mine = dict(known.resolved), []
    for slot, told in known.told.items():
        ending = known.resolved.get(slot)
        is_taken = ending is not None and (ending.is_delivered or (ending.by and slot not in lapsed.resolved))
        is_on_its_way = not told.is_delivered and slot not in lapsed.told
        wanted = wants.get(receiver_of(slot)[0])
        if wanted is None or is_taken or is_on_its_way:
            continue
        resolved[slot] = Telling(me, beat, is_delivered=not wanted)
        if wanted:
            mine.append(slot)
    return replace(known, resolved=resolved), mine


def slot_of(receiver: str, instead_of: str) -> str:
    """What a receiver is told in the place of another one is a matter of its own."""
    return f"{receiver}{_INSTEAD}{instead_of}" if instead_of else receiver


def receiver_of(slot: str) -> tuple[str, str]:
    """The receiver, and in whose place it is told."""
    receiver, _, instead_of = slot.partition(_INSTEAD)
    return receiver, instead_of


# -- how ----------------------------------------------------------------------------------------------------------------------


def _may_tell(known: SharedIncident, ask: Asking, lapsed: Lapsed) -> tuple[SharedIncident, Answer]:
    told = known.told.get(ask.slot)
    if told is None:
        return _claimed(known, ask)
    if told.by == ask.me:
        if not told.is_delivered:
            return _claimed(known, ask, told.note)
        return known, Send(told.note, known.round) if ask.is_repeat else Told(told.by, told.again_s)
    if not told.is_delivered:
        return _claimed(known, ask, told.note) if ask.slot in lapsed.told else (known, Later("told", ask.slot))
    if ask.is_repeat and not _speaks(known, told.by, lapsed):
        return _taken_over(known, ask, told)
    return known, Told(told.by, told.again_s)


def _claimed(known: SharedIncident, ask: Asking, note: str = "") -> tuple[SharedIncident, Answer]:
    claim = {**known.told, ask.slot: Telling(ask.me, ask.beat, note=note)}
    return replace(known, told=claim), Send(note, known.round)


def _taken_over(known: SharedIncident, ask: Asking, told: Telling) -> tuple[SharedIncident, Answer]:
    """The receiver knows of the incident already; from now on it hears of it from the asker."""
    mine = replace(told, by=ask.me, beat=ask.beat, is_delivered=True)
    return replace(known, told={**known.told, ask.slot: mine}), Send(told.note, known.round)


def _next_round(known: SharedIncident) -> SharedIncident:
    """A receiver that was told of the beginning, and to which nobody tried to tell the end, holds the incident open: it need not
    be told again."""
    carried = {slot: told for slot, told in known.told.items() if told.is_delivered and slot not in known.resolved}
    return SharedIncident(round=known.round + 1, told=carried, incident=known.incident)


def _joined(known: SharedIncident, ask: Asking) -> SharedIncident:
    return _with_reporter(known, ask.me, Reporter(True, ask.beat, ask.seq, ask.count))


def _with_reporter(known: SharedIncident, name: str, reporter: Reporter) -> SharedIncident:
    reporters = {**known.reporters, name: reporter}
    if len(reporters) > MOST_REPORTERS:
        oldest = min(reporters, key=lambda each: (reporters[each].is_open, reporters[each].beat))
        del reporters[oldest]
    return replace(known, reporters=reporters)


def _seen_by(known: SharedIncident, lapsed: Lapsed) -> list[str]:
    return [name for name, reporter in known.reporters.items() if reporter.is_open and name not in lapsed.reporters]


def _all_quiet(known: SharedIncident) -> SharedIncident:
    if not known.is_open:
        return known
    return replace(known, reporters={name: replace(each, is_open=False) for name, each in known.reporters.items()})


def _speaks(known: SharedIncident, name: str, lapsed: Lapsed) -> bool:
    """Whether whoever told the receiver still sees the incident."""
    reporter = known.reporters.get(name)
    return reporter is not None and reporter.is_open and name not in lapsed.reporters


def _is_claim_of(telling: Telling | None, me: str) -> bool:
    return telling is not None and telling.by == me and not telling.is_delivered


def _held(known: Known, claim: Claim) -> Telling | None:
    """The claim as the document has it, if it is still ours."""
    if known is None or known.round != claim.round:
        return None
    held = (known.resolved if claim.is_end else known.told).get(claim.slot)
    return held if held is not None and held.by == claim.me else None
