"""Baselines that one store learned and all may read: an index of Elasticsearch, a document a baseline, its hash the id.

The document holds the file that `trimwatch baseline export` writes, so that what is read is checked by its own hash.
"""

from __future__ import annotations

from detector.core.signals.baseline import Baseline, digest_of
from detector.core.signals.baseline_file import read_file, write_file
from detector.edges.mirror.documents import Conflict, Versioned
from detector.edges.mirror.shared_documents import SharedDocuments
from detector.settings import ElasticsearchSettings

NAME = "baselines-shared"
FIELDS = {"service": "keyword", "change": "keyword", "begin_ms": "date", "end_ms": "date", "made_ms": "date"}
MOST_FOUND = 3


class SharedBaselines:
    """Every method raises SinkError when the cluster cannot be asked, or refuses. `close` it."""

    def __init__(self, settings: ElasticsearchSettings) -> None:
        self._documents = SharedDocuments(settings, NAME, FIELDS)

    async def put(self, baseline: Baseline) -> bool:
        """False when it was there. Raises ValueError when it is larger than a file of it may be."""
        body = {
            "service": baseline.service,
            "change": baseline.change,
            "version": baseline.version,
            "begin_ms": baseline.begin_ms,
            "end_ms": baseline.end_ms,
            "made_ms": baseline.made_ms,
            "file": write_file(baseline).decode(),
        }
        try:
            await self._documents.put(digest_of(baseline), body, None)
        except Conflict:
            return False
        return True

    async def find(self, service: str, change: str, before_ms: int) -> tuple[list[Baseline], list[str]]:
        """Those pinned to the change, and the newest that begin before that time; and what could not be read, in words."""
        of_it = {"term": {"service": service}}
        earlier = {"range": {"begin_ms": {"lt": before_ms, "format": "epoch_millis"}}}
        found = await self._documents.search({"bool": {"filter": [of_it, earlier]}}, "end_ms", MOST_FOUND, is_last_first=True)
        if change:
            pinned = {"bool": {"filter": [of_it, {"term": {"change": change}}]}}
            found += await self._documents.search(pinned, "made_ms", MOST_FOUND, is_last_first=True)
        read: dict[str, Baseline] = {}
        refused: list[str] = []
        for id_, document in found:
            try:
                read[id_] = _baseline(f"{self._documents.index}/{id_[:12]}", document)
            except ValueError as error:
                refused.append(str(error))
        return list(read.values()), list(dict.fromkeys(refused))

    async def close(self) -> None:
        await self._documents.close()


def _baseline(name: str, document: Versioned) -> Baseline:
    file = document.body.get("file")
    if not isinstance(file, str):
        raise ValueError(f"{name}: it holds no file of a baseline")
    return read_file(name, file.encode())
