"""The findings of one event become one report: the deepest cause names the incident, the rest are listed beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from detector.records import Finding, Stage


class Report(NamedTuple):
    """What one event says about one cause. `also` names what else the event said, as `rule` or `rule: entity`; `beside` are
    those findings, one a dedup key: they open nothing, but an incident of theirs that is open counts this event too. With `holds`
    the incident stays open, however quiet, until somebody says that it is over, and tells what the newest report says."""

    finding: Finding
    also: tuple[str, ...] = ()
    beside: tuple[Finding, ...] = ()
    holds: bool = False
    roll_back_to: str | None = None


def group(findings: Iterable[Finding]) -> Report | None:
    """`findings` are those of one event. None when no finding may open an incident (all shadow, or marks of success)."""
    serious = [f for f in findings if not f.is_shadow and f.marks is None]
    if len(serious) < 2:
        return Report(serious[0]) if serious else None
    serious.sort(key=_weight, reverse=True)
    chief = serious[0]
    others = [f for f in serious[1:] if f.dedup_key != chief.dedup_key]
    beside = {f.dedup_key: f for f in reversed(others)}
    return Report(chief, tuple(dict.fromkeys(map(_label, others))), tuple(beside.values()))


def _weight(finding: Finding) -> tuple[bool, int, bool, int]:
    """A claim of a trim before a look-alike, then the rule's priority, then whoever names a thing, then the louder."""
    return finding.stage is not Stage.NONE, finding.priority, finding.entity is not None, finding.severity.rank


def _label(finding: Finding) -> str:
    return finding.rule if finding.entity is None else f"{finding.rule}: {finding.entity.token}"
