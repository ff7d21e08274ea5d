"""Asks every broker, cluster and receiver that the settings name, all at once, whether it would serve us: `check --connect`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from detector.edges.inspected import Inspected, Problem
from detector.masking import mask
from detector.plain_text import one_line
from detector.settings import Settings

__all__ = ["Part", "Problem", "inspect", "parts_of"]

INSPECTIONS = {
    "sources.kubernetes": "detector.edges.sources.kubernetes.inspection:inspect_source",
    "sources.kafka": "detector.edges.sources.kafka.inspection:inspect_source",
    "sources.elasticsearch": "detector.edges.sources.elasticsearch.inspection:inspect_source",
    "sources.scrape": "detector.edges.sources.scrape.inspection:inspect_source",
    "sinks.kafka": "detector.edges.kafka.inspection:inspect_sink",
    "sinks.webhook": "detector.edges.sinks.inspection:inspect_sink",
    "sinks.pagerduty": "detector.edges.sinks.inspection:inspect_sink",
    "sinks.alertmanager": "detector.edges.sinks.inspection:inspect_sink",
    "sinks.slack": "detector.edges.sinks.inspection:inspect_sink",
    "elasticsearch": "detector.edges.mirror.inspection:inspect_mirror",
    "verdicts": "detector.edges.baseline_inspection:inspect_files",
    "verdicts.prometheus": "detector.edges.prometheus_inspection:inspect_prometheus",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the settings that speaks to somebody. `path` is where it stands, like `sources.0`."""

    path: str
    name: str
    inspection: str
    settings: Any


def parts_of(settings: Settings) -> Iterator[Part]:
    """Every part that there is something to ask of, in the order of the settings."""
    for kind, listed in (("sources", settings.sources), ("sinks", settings.sinks)):
        for at, each in enumerate(listed):
            if inspection := INSPECTIONS.get(f"{kind}.{each.type}"):
                yield Part(f"{kind}.{at}", each.name, inspection, each)
    if settings.elasticsearch.urls:
        yield Part("elasticsearch", "mirror", INSPECTIONS["elasticsearch"], settings.elasticsearch)
    verdicts = settings.verdicts
    if verdicts.prometheus.url is not None:
        yield Part("verdicts.prometheus", "before", INSPECTIONS["verdicts.prometheus"], verdicts.prometheus)
    if verdicts.baseline_files:
        yield Part("verdicts", "baseline files", INSPECTIONS["verdicts"], verdicts)


async def inspect(parts: Collection[Part]) -> list[Inspected]:
    """What each part said, in their order. Each gets the time its own settings allow for a request."""
    return await asyncio.gather(*map(_inspect, parts))


async def _inspect(part: Part) -> Inspected:
    module, _, name = part.inspection.partition(":")
    setting, limit_s = _limit(part.settings)
    try:
        ask: Callable[[Any], Awaitable[Inspected]] = getattr(import_module(module), name)
        async with asyncio.timeout(limit_s):
            return await ask(part.settings)
    except TimeoutError:
        return Inspected(problems=((_address_field(part.settings), f"no answer within {limit_s:g} s (`{setting}`)"),))
    except Exception as error:  # one part's trouble must not hide what the others say
        words = one_line(mask(f"{type(error).__name__}: {error}"))
        return Inspected(problems=((_address_field(part.settings), f"could not be asked: {words}"),))


def _limit(settings: Any) -> tuple[str, float]:
    setting = "timeout" if hasattr(settings, "timeout") else "connect_timeout"
    return setting, getattr(settings, setting).total_seconds()


def _address_field(settings: Any) -> str:
    return next((field for field in ("servers", "urls", "url", "webhook_url", "api") if getattr(settings, field, None)), "type")
