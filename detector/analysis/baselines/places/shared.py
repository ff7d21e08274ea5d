"""Second place: baselines in Elasticsearch, which daemons and commands share (`edges/mirror/shared_baselines.py`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from detector.analysis.baselines.places.base import Held, Wanted
from detector.analysis.baselines.places.baseline_tables import chosen, held
from detector.core.signals.baseline import Baseline
from detector.core.signals.definition import SignalDefinition
from detector.edges.mirror.shared_baselines import SharedBaselines
from detector.errors import SinkError
from detector.settings import ElasticsearchSettings

PLACE = "Elasticsearch"


class SharedPlace:
    def __init__(self, settings: ElasticsearchSettings) -> None:
        self._settings = settings

    def look(self, wanted: Wanted, signals: Sequence[SignalDefinition]) -> Held:
        try:
            baselines, refused = asyncio.run(self._found(wanted))
        except SinkError as error:
            return Held(PLACE, notes=(f"{PLACE} could not be asked: {error}",))
        baseline = chosen(baselines, wanted)
        if baseline is None:
            return Held(PLACE, notes=(*refused, f"{PLACE} holds no baseline of {wanted.service} from before the change"))
        found = held(baseline, PLACE, wanted, signals)
        return Held(found.place, found.tables, found.after, found.doubts, found.missing, (*refused, *found.notes))

    async def _found(self, wanted: Wanted) -> tuple[list[Baseline], list[str]]:
        shared = SharedBaselines(self._settings)
        try:
            return await shared.find(wanted.service, wanted.change, wanted.change_ms)
        finally:
            await shared.close()


def share(baseline: Baseline, settings: ElasticsearchSettings) -> bool:
    """Puts it where others look for it. False when it was there. Raises SinkError when the cluster cannot be asked, or refuses,
    and ValueError when it is too large. Not to be called on an event loop."""

    async def within() -> bool:
        shared = SharedBaselines(settings)
        try:
            return await shared.put(baseline)
        finally:
            await shared.close()

    return asyncio.run(within())
