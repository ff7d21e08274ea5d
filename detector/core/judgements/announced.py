"""A change as a command announces it, and when two of them are one rollout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from detector.records import Change, Stage

IMAGE_FLIP = "image flip"  # who made a change that was recognised (`core.signals.image_flip`)
FLIP = "-flip"
ONE_ROLLOUT_MS = 30 * 60_000  # a person's word and the images that flip are no further apart


def announced(arguments: Mapping[str, object]) -> Change:
    """What the store's `Changes.add` wrote into the command. Raises KeyError, TypeError or ValueError when it is none."""
    at_ms = arguments["at_ms"]
    if not isinstance(at_ms, int) or isinstance(at_ms, bool) or at_ms < 0:
        raise ValueError("a change has a time")
    id_, service = str(arguments["id"]), str(arguments["service"])
    if not id_ or not service:
        raise ValueError("a change has an id and a service")
    return Change(
        id=id_,
        service=service,
        at_ms=at_ms,
        stage=Stage(str(arguments.get("stage", "none"))),
        release_before=str(arguments.get("release_before", "")),
        release_after=str(arguments.get("release_after", "")),
        image_before=str(arguments.get("image_before", "")),
        image_after=str(arguments.get("image_after", "")),
        note=str(arguments.get("note", "")),
        made_by=str(arguments.get("made_by", "")),
        made_ms=at_ms,
        is_rollback=arguments.get("is_rollback") is True,
    )


def recognised(flip: Change) -> Change:
    """Under an id that no announced change of the same minute has."""
    return flip if flip.id.endswith(FLIP) else replace(flip, id=flip.id + FLIP)


def is_same_rollout(one: Change, other: Change) -> bool:
    """Whether one of them is the flip of the images that the other announces: told by a person it has more to say."""
    flips = (one.made_by == IMAGE_FLIP) + (other.made_by == IMAGE_FLIP)
    if flips != 1 or one.service != other.service or abs(one.at_ms - other.at_ms) > ONE_ROLLOUT_MS:
        return False
    after, known = _runs(one), _runs(other)
    if after and known:
        return after == known
    return one.is_rollback == other.is_rollback


def goes_back(change: Change, before: Change) -> bool:
    """Whether it is a rollback: it says so, or brings back what the change before it took away."""
    runs, gone = _runs(change), _tag(before.image_before or before.release_before)
    return change.is_rollback or (runs != "" and runs == gone and runs != _runs(before))


def _runs(change: Change) -> str:
    return _tag(change.image_after or change.release_after)


def _tag(image: str) -> str:
    """`1.4.1` of `registry/shop:1.4.1@sha256:…`, or of a release: a person writes neither registry nor digest."""
    return image.partition("@")[0].rpartition("/")[2].rpartition(":")[2]
