"""Where records come from. Standing in SOURCES is what makes the settings name a source and the contract tests run on it."""

from __future__ import annotations

from importlib import import_module

from detector.edges.sources.base import Source
from detector.settings import SourceSettings

SOURCES = {
    "file": "detector.edges.sources.file.source:FileSource",
    "stdin": "detector.edges.sources.stdin:StdinSource",
    "kubernetes": "detector.edges.sources.kubernetes.source:KubernetesSource",
    "kafka": "detector.edges.sources.kafka.source:KafkaSource",
    "elasticsearch": "detector.edges.sources.elasticsearch.source:ElasticsearchSource",
    "scrape": "detector.edges.sources.scrape.source:ScrapeSource",
    "statsd": "detector.edges.sources.statsd.source:StatsdSource",
    "k6": "detector.edges.sources.k6.source:K6Source",
}


def source_of(settings: SourceSettings) -> Source:
    """The source that the settings name; only its own module is imported."""
    module, _, name = SOURCES[settings.type].partition(":")
    source: Source = getattr(import_module(module), name)(settings)
    return source
