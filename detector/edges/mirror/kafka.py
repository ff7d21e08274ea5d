"""Findings and verdicts in topics of Apache Kafka, as keyed JSON. What comes again after a lost answer has the `instance` and the
`id` of the first time."""

from __future__ import annotations

from collections.abc import Sequence

from detector.edges.kafka.writer import Writer, Written, headers_of
from detector.edges.mirror.base import Document, Refused
from detector.edges.store.rows import GarbledRow, revived
from detector.interface import Json, finding_object, json_bytes, rfc3339
from detector.records import Finding
from detector.settings import KafkaSinkSettings


class KafkaTopics:
    """A producer apart from the sink's: a flood of findings does not hold up who must be paged."""

    def __init__(self, settings: KafkaSinkSettings, instance: str) -> None:
        self._name = f"kafka/{settings.name}"  # no sink may share the place of the mirror in the feed
        self._instance = instance
        wanted = {"finding": settings.findings_topic, "verdict": settings.verdicts_topic}
        self._topics = {kind: topic for kind, topic in wanted.items() if topic is not None}
        self._writer = Writer(settings)

    @property
    def name(self) -> str:
        return self._name

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(self._topics)

    async def open(self) -> None:
        return

    async def take(self, documents: Sequence[Document]) -> Sequence[Refused]:
        refused: list[Refused] = []
        usable: list[tuple[Document, Written]] = []
        for document in documents:
            try:
                usable.append((document, self._written(document)))
            except GarbledRow as error:
                refused.append(Refused(document, str(error)))
        if usable:
            said = await self._writer.write([record for _, record in usable])
            refused += [
                Refused(document, reason) for (document, _), reason in zip(usable, said, strict=True) if reason is not None
            ]
        return refused

    async def close(self) -> None:
        await self._writer.close()

    def _written(self, document: Document) -> Written:
        value = json_bytes(written_object(document, self._instance))
        return Written(
            self._topics[document.kind], document.key.encode("utf-8", "replace"), value, headers_of(document.kind), document.at_ms
        )


def written_object(document: Document, instance: str) -> dict[str, Json]:
    """What stands in the topic. Raises GarbledRow where the body is none of its kind."""
    around: dict[str, Json] = {"id": document.id, "instance": instance, "at": rfc3339(document.at_ms)}
    if document.kind == "finding":
        return finding_object(revived(Finding, document.body)) | around
    return {**document.body, "kind": document.kind, "key": document.key, **around}
