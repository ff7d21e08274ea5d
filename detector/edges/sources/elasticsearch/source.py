"""Polls indices for new log documents. What is looked at again and again is the look-back: documents become visible later than
their time says, and not in its order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import cast

import structlog

from detector.edges.sources.base import Inbox, Resume, SharedInbox
from detector.edges.sources.elasticsearch.cluster import Cluster, Patience
from detector.edges.sources.elasticsearch.rounds import Rounds
from detector.errors import StoreUnavailable
from detector.settings import ElasticsearchSourceSettings

log = structlog.get_logger()

SETTLED_S = 5.0  # the pipeline waits no longer than 3 s for what may still belong to an event
LOOK_S = 0.1


class ElasticsearchSource:
    """Implements `base.Source`; its inbox is a SharedInbox. What a cluster can do is borne: the source tries again for ever."""

    def __init__(self, settings: ElasticsearchSourceSettings, patience: Patience | None = None) -> None:
        self.name = settings.name
        self._settings = settings
        self._patience = patience or Patience()
        self._cluster = Cluster(settings, self._patience)

    @property
    def problems(self) -> Mapping[str, str]:
        return self._cluster.problems

    async def read_into(self, inbox: Inbox, resume: Mapping[str, Resume]) -> None:
        """Never returns."""
        shared = cast(SharedInbox, inbox)
        cluster = self._cluster
        rounds = Rounds(self._settings, cluster, shared)
        try:
            await rounds.begin(resume.get(rounds.stream.key), _now_ms())
            while True:
                is_more = await rounds.look(_now_ms())
                if not is_more:
                    await asyncio.sleep(self._settings.poll.total_seconds())
                await _settled(shared, rounds)
        finally:
            await cluster.close()


async def _settled(inbox: SharedInbox, rounds: Rounds) -> None:
    """Waits until all that was handed over is judged and written down: in the next round documents come in another order, and a
    restart can go back into one round only."""
    until = time.monotonic() + SETTLED_S
    while rounds.has_handed_over and time.monotonic() < until:
        try:
            known = await inbox.resume(rounds.stream.key)
        except StoreUnavailable:
            known = None
        if known is not None and known.offset >= rounds.offset:
            return
        await asyncio.sleep(LOOK_S)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
