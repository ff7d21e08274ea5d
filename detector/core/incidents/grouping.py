"""The findings of one event become one report: the deepest cause names the incident, the rest are listed beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detector.records import Finding, Stage


@dataclass(frozen=True, slots=True)
class Report:
    """What one event says about one cause. `also` names what else the event said, as `rule` or `rule: entity`."""

    finding: Finding
    also: tuple[str, ...] = ()


def group(findings: Iterable[Finding]) -> Report | None:
    """`findings` are those of one event. None when no finding may open an incident (all shadow, or marks of success)."""
    serious = sorted((f for f in findings if not f.is_shadow and f.marks is None), key=_weight, reverse=True)
    if not serious:
        return None
    chief = serious[0]
    others = dict.fromkeys(_label(f) for f in serious[1:] if f.dedup_key != chief.dedup_key)
    return Report(chief, tuple(others))


def _weight(finding: Finding) -> tuple[bool, int, bool, int]:
    """A claim of a trim before a look-alike, then the rule's priority, then whoever names a thing, then the louder."""
    return finding.stage is not Stage.NONE, finding.priority, finding.entity is not None, finding.severity.rank


def _label(finding: Finding) -> str:
    return finding.rule if finding.entity is None else f"{finding.rule}: {finding.entity.token}"
