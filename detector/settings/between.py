"""What is wrong between settings that are each right: a name used twice, a fallback that is nobody, an address that is none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from detector.documents.fields import shown, unknown
from detector.settings.brokers import broker_problems
from detector.settings.clusters import cluster_problems
from detector.settings.judging import judging_problems
from detector.settings.k6 import k6_problems
from detector.settings.listening import ingest_problems
from detector.settings.scraping import scrape_problems
from detector.settings.statsd import statsd_problems

if TYPE_CHECKING:
    from detector.settings.tree import Settings

_LISTEN = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]|):(\d{1,5})")

Problem = tuple[str, str]


def problems_between(settings: Settings) -> Iterator[Problem]:
    """(path of the field, problem) pairs."""
    yield from _twice("sources", [source.name for source in settings.sources])
    yield from _twice("sinks", [sink.name for sink in settings.sinks])
    yield from _sources(settings)
    names = [sink.name for sink in settings.sinks]
    if settings.outbox.fallback is not None and settings.outbox.fallback not in names:
        yield "outbox.fallback", unknown("sink", settings.outbox.fallback, names)
    if settings.outbox.first_retry > settings.outbox.longest_retry:
        yield "outbox.first_retry", "is longer than longest_retry"
    yield from _addresses(settings)
    yield from ingest_problems(settings.ingest)
    yield from broker_problems(settings)
    yield from cluster_problems(settings)
    yield from scrape_problems(settings)
    yield from statsd_problems(settings)
    yield from k6_problems(settings)
    yield from judging_problems(settings)


def _twice(path: str, names: Sequence[str]) -> Iterator[Problem]:
    for at, name in enumerate(names):
        if name in names[:at]:
            yield f"{path}.{at}.name", f"{shown(name)} is the name of {path}.{names.index(name)} too; give each a name of its own"


def _sources(settings: Settings) -> Iterator[Problem]:
    inputs = [at for at, source in enumerate(settings.sources) if source.type == "stdin"]
    for at in inputs[1:]:
        yield f"sources.{at}.type", "standard input can be read only once"
    for at, source in enumerate(settings.sources):
        if source.type == "file" and not source.paths:
            yield f"sources.{at}.paths", "is empty; name at least one file or glob"


def _addresses(settings: Settings) -> Iterator[Problem]:
    listeners = {name: getattr(settings, name).listen for name in ("telemetry", "api", "ingest")}
    for name, address in listeners.items():
        match = _LISTEN.fullmatch(address)
        if address and (not match or int(match[1]) > 65535):
            yield f"{name}.listen", f"is {shown(address)}; write host:port, like 127.0.0.1:9480, or nothing to switch it off"
        same = [other for other, its in listeners.items() if its == address]
        if address and not address.endswith(":0") and name != same[0]:
            yield f"{name}.listen", f"is the address of {same[0]}.listen too"
