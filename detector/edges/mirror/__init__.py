"""What daemons share: a mirror of what each of them found, and what they agree on before somebody is told.

MIRRORS names who takes from the feed; a module is imported only where the settings ask for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from detector.edges.mirror.base import Mirror
from detector.settings import KafkaSinkSettings, Settings

MIRRORS = {
    "elasticsearch": "detector.edges.mirror.elasticsearch:ElasticsearchMirror",
    "kafka": "detector.edges.mirror.kafka:KafkaTopics",
}


def mirrors_of(settings: Settings, instance: str) -> list[Mirror]:
    """Whoever the settings want to be told of everything, not yet open. `instance` is who this daemon is to others. Raises
    SinkError for an address that is none."""
    wanted: list[Mirror] = []
    if settings.elasticsearch.urls:
        wanted.append(_class_of("elasticsearch")(settings.elasticsearch, instance))
    topics = [
        sink for sink in settings.sinks if isinstance(sink, KafkaSinkSettings) and (sink.findings_topic or sink.verdicts_topic)
    ]
    return [*wanted, *(_class_of("kafka")(sink, instance) for sink in topics)]


def _class_of(kind: str) -> Any:
    module, _, name = MIRRORS[kind].partition(":")
    return getattr(import_module(module), name)
