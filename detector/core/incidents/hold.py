"""What ends the hold of an incident that stays open though nothing more is heard of it (`Report.holds`)."""

from __future__ import annotations

from typing import NamedTuple

from detector.core.incidents.grouping import Report


class Recovered(NamedTuple):
    """What was wrong was looked at again and is well: the incident of this dedup key is resolved."""

    key: str


class Released(NamedTuple):
    """Nobody looks at it any more: the incident of this dedup key is resolved when it was quiet, like any other."""

    key: str


Said = Report | Recovered | Released
