"""`trimwatch verdict --prometheus`: the signals of a service before and since a change, found by themselves on a server."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import click

from detector.cli.store_options import moment, now_ms, span_ms
from detector.documents import read_file
from detector.edges.store.beside import Beside
from detector.edges.store.changes import Changes
from detector.errors import NoSuchInput, TrimwatchError
from detector.interface import rfc3339
from detector.records import Change
from detector.settings import Settings, StoreSettings, load_settings

if TYPE_CHECKING:  # numpy and scipy come with these
    from detector.analysis.baselines.comparison import Compared
    from detector.analysis.baselines.places.base import Before, Wanted
    from detector.analysis.baselines.places.prometheus import PrometheusPlace
    from detector.core.signals.definition import SignalDefinition

T = TypeVar("T")

MOST_WINDOWS = 12  # are judged, unless --until says more
_LATENESS_MS = 90_000  # so long after a window's end the server has all of it, rates that look back included
_LABEL = re.compile(r"([a-zA-Z_]\w*)=(.*)", re.ASCII | re.DOTALL)
_MOST_SERVICES = 10


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """As they stand on the command line."""

    prometheus: str | None
    at: str | None
    change: str | None
    service: str | None
    labels: Sequence[str]
    span: str
    until: str | None
    settings: str | None
    store: str | None
    window_s: float
    is_strict: bool


@dataclass(frozen=True, slots=True)
class Live:
    """What was found, ready to be judged."""

    before: Before
    signals: Mapping[str, SignalDefinition]
    service: str
    change_ms: int
    window_s: float
    is_strict: bool

    @property
    def title(self) -> str:
        return f"{self.service} since {rfc3339(self.change_ms)}: {self.before.source}"

    def run(self) -> Iterator[Compared]:
        from detector.analysis.baselines.asked import Asked
        from detector.analysis.baselines.catalogued import asked_of
        from detector.analysis.baselines.comparison import Comparison

        for id_, table in self.before.tables.items():
            asked = {id_: asked_of(self.signals[id_])}
            later = self.before.after[id_]
            (compared,) = Comparison(table, later, Asked(), asked, self.window_s, is_strict=self.is_strict).run()
            yield self.before.judged(id_, compared)


def look(options: LiveOptions) -> Live:
    """Asks the server. Raises UsageError, BadInput, and TrimwatchError where it is of no use."""
    from detector.analysis.baselines.places.base import Wanted, gathered
    from detector.analysis.baselines.places.prometheus import PrometheusPlace
    from detector.signal_loading import read_signals

    settings = _settings(options)
    change = _change(options, settings)
    change_ms, now = change.at_ms, now_ms()
    window_ms = round(options.window_s * 1000)
    until_ms = moment("--until", options.until) or min(now - _LATENESS_MS, change_ms + MOST_WINDOWS * window_ms)
    if until_ms - change_ms < window_ms:
        raise click.UsageError(
            f"the change was at {rfc3339(change_ms)}, and no window of {options.window_s:g} s is over by {rfc3339(until_ms)}:"
            " wait, or take a shorter --window"
        )
    until_ms = change_ms + (until_ms - change_ms) // window_ms * window_ms
    signals = read_signals(settings.signals)
    wanted = Wanted(change.service, change.id, change_ms, until_ms, window_ms, span_ms("--span", options.span), now)
    try:
        place = PrometheusPlace(settings.verdicts.prometheus)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--prometheus") from None
    if not wanted.service:
        wanted = replace(wanted, service=_only_service(place, wanted, signals))
    held = _answered(lambda: place.asked(wanted, signals))
    return Live(
        gathered([held], signals),
        {each.id: each for each in signals},
        wanted.service,
        change_ms,
        options.window_s,
        options.is_strict,
    )


def _settings(options: LiveOptions) -> Settings:
    text = read_file(options.settings) if options.settings else b""
    settings = load_settings(options.settings or "the environment", text, os.environ)
    server = settings.verdicts.prometheus
    if options.prometheus is not None:
        server = replace(server, url=options.prometheus)
    if server.url is None:
        raise click.UsageError("give --prometheus URL, or settings with verdicts.prometheus.url by --settings")
    labels = tuple(_label(each) for each in options.labels)
    span = timedelta(milliseconds=span_ms("--span", options.span))
    verdicts = replace(settings.verdicts, prometheus=replace(server, labels=labels or server.labels), span=span)
    store = StoreSettings(path=options.store) if options.store else settings.store
    return replace(settings, verdicts=verdicts, store=store)


def _label(text: str) -> tuple[str, str]:
    found = _LABEL.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"{text!r} is no label; write namespace=shop", param_hint="--label")
    return found[1], found[2]


def _change(options: LiveOptions, settings: Settings) -> Change:
    if (options.at is None) == (options.change is None):
        raise click.UsageError("say when it was, by --at TIME or by --change ID (`trimwatch change list`).")
    if options.at is not None:
        at_ms = moment("--at", options.at)
        assert at_ms is not None
        return Change("", options.service or "", at_ms)
    opened = Beside.open(settings.store, now_ms(), is_made=False)
    try:
        found = Changes(opened).get(options.change or "")
        latest = ", ".join(each.id for each in Changes(opened).latest(options.service, 5))
    finally:
        opened.close()
    if found is None:
        raise NoSuchInput(f"there is no change {options.change!r}; the latest are: {latest or 'none'}")
    return replace(found, service=options.service or found.service)


def _only_service(place: PrometheusPlace, wanted: Wanted, signals: Sequence[SignalDefinition]) -> str:
    found = _answered(lambda: place.services(wanted, signals))
    if len(found) == 1:
        return next(iter(found))
    if not found:
        raise TrimwatchError(f"{place.name} has no series that a signal is made of, by any name that is known, around that time")
    told = [f"{name} ({len(ids)} {'signal' if len(ids) == 1 else 'signals'})" for name, ids in found.items()]
    more = f" and {len(told) - _MOST_SERVICES} more" if len(told) > _MOST_SERVICES else ""
    raise click.UsageError(f"name one by --service: {place.name} has {', '.join(told[:_MOST_SERVICES])}{more}")


def _answered(ask: Callable[[], T]) -> T:
    from detector.edges.http.client import Unanswered
    from detector.edges.prometheus.answers import Refused

    try:
        return ask()
    except (Unanswered, Refused) as error:
        raise TrimwatchError(f"the Prometheus could not be asked: {error}") from None
