"""What daemons share through Elasticsearch, as far as the settings ask for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from importlib import import_module
from random import Random
from typing import TYPE_CHECKING

from detector.edges.mirror import ledger, silences
from detector.edges.mirror.agreement import Agreement
from detector.edges.mirror.attendance import Attendance, StoreOwn
from detector.edges.mirror.ledger import Ledger, Terms
from detector.edges.mirror.silences import SharedSilences
from detector.edges.sinks import receiver_for
from detector.edges.store.store import Store
from detector.errors import SinkError
from detector.settings import ElasticsearchSettings, Settings
from detector.telemetry import Health, Metrics, Trouble

if TYPE_CHECKING:
    from detector.edges.mirror.shared_documents import SharedDocuments

# A claim lasts as long as a lease, and no longer than this: an alert waits for so long when its daemon dies in mid-send.
LONGEST_CLAIM_MS = 60_000


class Sharing:
    """`agreement` is what lanes ask, None where daemons do not share their incidents. `run` beside the lanes."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        metrics: Metrics,
        health: Health,
        now_ms: Callable[[], int],
        wake: Callable[[], None],
    ) -> None:
        cluster = settings.elasticsearch
        self._health = health
        self._documents: list[SharedDocuments] = []
        self.agreement: Agreement | None = None
        orders = self._index(cluster, "silences", silences.FIELDS)
        shared = SharedSilences(orders, store, cluster.poll.total_seconds(), now_ms, Random())
        self._parts: list[Agreement | Attendance | SharedSilences] = [shared]
        if settings.incidents.resolve == "shared":
            lease_ms = round(cluster.lease.total_seconds() * 1000)
            terms = Terms(lease_ms, min(lease_ms, LONGEST_CLAIM_MS))
            incidents = self._index(cluster, "incidents-shared", ledger.FIELDS)
            book = Ledger(incidents, store.instance, terms, now_ms, Random(), health)
            self.agreement = Agreement(book, metrics)
            receivers = [receiver_for(sink) for sink in settings.sinks]
            self._parts += [self.agreement, Attendance(book, StoreOwn(store, now_ms, wake), receivers)]

    async def run(self) -> None:
        """Until cancelled."""
        try:
            for documents in self._documents:
                with contextlib.suppress(SinkError):  # then with the first document
                    await documents.prepare()
            async with asyncio.TaskGroup() as group:
                for part in self._parts:
                    group.create_task(part.run(), name=type(part).__name__)
        finally:
            self._health.clear(Trouble.MIRROR_FAILING, ledger.SUBJECT)
            for documents in self._documents:
                await documents.close()

    def _index(self, cluster: ElasticsearchSettings, name: str, fields: dict[str, str]) -> SharedDocuments:
        """Elasticsearch's client is imported for those alone who ask for it."""
        kind = import_module("detector.edges.mirror.shared_documents").SharedDocuments
        made: SharedDocuments = kind(cluster, name, fields)
        self._documents.append(made)
        return made


def sharing_for(
    settings: Settings, store: Store, metrics: Metrics, health: Health, now_ms: Callable[[], int], wake: Callable[[], None]
) -> Sharing | None:
    """None where no cluster is named."""
    return Sharing(settings, store, metrics, health, now_ms, wake) if settings.elasticsearch.urls else None
