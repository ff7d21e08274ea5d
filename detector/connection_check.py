"""Settings that read well, tried against the brokers, clusters and receivers they name: what answered, and every fault."""

from __future__ import annotations

from dataclasses import dataclass

from detector.edges.inspected import Inspected
from detector.edges.inspection import Part, inspect, parts_of
from detector.errors import Fault
from detector.setup_check import Checked

_SHUT_OUT = "was not asked: mend the faults of its settings first"


@dataclass(frozen=True, slots=True)
class Connected:
    """One part, and what came of asking. `is_asked` is False where its own settings are already known to be wrong."""

    part: Part
    is_asked: bool
    seen: str
    untried: str
    faults: tuple[Fault, ...]


async def check_connections(checked: Checked) -> list[Connected]:
    """Asks all parts at once; none where the settings could not be read."""
    if checked.settings is None:
        return []
    parts = list(parts_of(checked.settings))
    askable = [part for part in parts if not _is_faulty(part, checked)]
    answers = dict(zip((part.path for part in askable), await inspect(askable), strict=True))
    return [_connected(part, answers.get(part.path), checked) for part in parts]


def _is_faulty(part: Part, checked: Checked) -> bool:
    return any(fault.path == checked.located.path and f"{fault.field}.".startswith(f"{part.path}.") for fault in checked.faults)


def _connected(part: Part, inspected: Inspected | None, checked: Checked) -> Connected:
    if inspected is None:
        return Connected(part, False, _SHUT_OUT, "", ())
    faults = tuple(checked.located.fault(f"{part.path}.{field}", problem) for field, problem in inspected.problems)
    return Connected(part, True, inspected.seen, inspected.untried, faults)
