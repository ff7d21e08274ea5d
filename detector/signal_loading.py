"""Signals from disk, and whether anybody needs them: the built-in ones and the user's own, without those that are not wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from detector.core.decode.metrics import DECODERS
from detector.documents.fields import unknown
from detector.errors import BadInput, Fault
from detector.settings import KafkaSourceSettings, Settings, SignalSettings, SourceSettings
from detector.settings.k6 import K6SourceSettings
from detector.settings.scraping import ScrapeSourceSettings
from detector.settings.statsd import StatsdSourceSettings

if TYPE_CHECKING:
    from detector.core.signals.definition import SignalDefinition


def read_signals(settings: SignalSettings) -> tuple[SignalDefinition, ...]:
    """Of two with the same id the later one. Raises BadRules with all faults of all files."""
    from detector.core.signals.catalogue import load_signals  # the daemon loads these where there are metrics
    from detector.edges.signal_files import builtin_signal_files, signal_files

    files = builtin_signal_files() if settings.builtin else []
    for folder in settings.paths:
        files.extend(signal_files(folder))
    without = set(settings.without)
    return tuple(signal for signal in load_signals(files) if signal.id not in without)


def are_signals_wanted(settings: Settings) -> bool:
    """Whether there are metrics, or somebody who looks at signals; who only reads logs for rules pays nothing for them."""
    is_judged = settings.verdicts.enabled or settings.alarms.enabled
    return is_judged or bool(settings.ingest.listen) or any(_has_metrics(source) for source in settings.sources)


def ready_signals(settings: Settings) -> tuple[SignalDefinition, ...]:
    """Empty where nobody needs any. Raises BadRules."""
    return read_signals(settings.signals) if are_signals_wanted(settings) else ()


def signal_faults(settings: SignalSettings) -> Iterator[tuple[str, str] | Fault]:
    """What is wrong in files of signals, and as (path of the field, problem) what is wrong in the settings about them."""
    from detector.core.signals.catalogue import load_signals
    from detector.edges.signal_files import builtin_signal_files, signal_files

    files = builtin_signal_files() if settings.builtin else []
    for at, folder in enumerate(settings.paths):
        try:
            files += signal_files(folder)
        except BadInput as bad:
            for fault in bad.faults:
                yield (f"signals.paths.{at}", f"{folder!r} {fault.problem}") if fault.field == "signals" else fault
    try:
        load_signals(files)
    except BadInput as bad:
        yield from bad.faults
    known = {file.id for file in files}
    for at, word in enumerate(settings.without):
        if word not in known:
            yield f"signals.without.{at}", unknown("signal", word, sorted(known))


def _has_metrics(source: SourceSettings) -> bool:
    if isinstance(source, KafkaSourceSettings):
        return source.format in DECODERS
    return isinstance(source, ScrapeSourceSettings | StatsdSourceSettings | K6SourceSettings)
