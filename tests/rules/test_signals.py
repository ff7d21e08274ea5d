"""Every shipped signal is read, and what exporters say they expose becomes the signals that it should."""

from dataclasses import replace
from pathlib import Path

import pytest

from detector.core.decode.metrics.exposition import Exposition
from detector.core.signals.definition import Make, Seen
from detector.core.signals.derived import Derivation
from detector.core.signals.folding import Folding
from detector.core.signals.found import found
from detector.core.signals.promql import query
from detector.edges.signal_files import builtin_signal_files
from detector.records import Distribution
from tests.unit.core.signals.shipped import FILES, FOLDER, shipped

DATA = Path(__file__).parents[1] / "data" / "expositions"
ROWS = 27


def test_every_file_is_a_signal():
    """And every layer has some."""
    signals = shipped()
    assert len(signals) == len(FILES) == ROWS
    assert [file.id for file in builtin_signal_files()] == [file.id for file in FILES]
    assert {signal.layer for signal in signals} == {"application", "container", "network", "storage", "monitoring"}


def test_what_can_be_asked_of_prometheus_has_a_query():
    """Logs and what is derived have none."""
    without = {signal.id for signal in shipped() if all(query(family) is None for family in signal.families)}
    assert without == {
        "application/error-log-share",
        "application/startup-time",
        "application/spikes",
        "container/cpu-deviation",
    }


@pytest.mark.parametrize("path", sorted(DATA.glob("*.prom")), ids=lambda path: path.stem)
def test_an_exposition_becomes_its_signals(path):
    """Two scrapes, the counters of the second twice those of the first; exactly the signals that its head names come out."""
    text = path.read_text()
    expected = next(line for line in text.splitlines() if line.startswith("# expects: ")).split()[2:]
    folding = Folding(shipped())
    exposition = Exposition({"job": "cart", "instance": "cart:8080"})
    first = exposition.read(text.encode(), 1000)
    assert not first.refused
    folding.take(first.points, 1000)
    folding.take([_later(point) for point in first.points], 16_000)
    cells = folding.close(60_000).cells
    assert {cell.signal for cell in cells} == set(expected)
    assert found(folding).found == tuple(signal.id for signal in folding.signals if signal.id in expected)


def _later(point):
    value = point.value
    if isinstance(value, Distribution):
        value = Distribution(value.bounds, tuple(2 * count for count in value.counts), None)
    elif point.kind == "counter" or point.name.endswith(("_count", "_total", "_connects", "_offset")):
        value *= 2
    return replace(point, value=value, time_ms=16_000)


def test_each_family_is_told_where_its_names_are_known_from():
    """The README lists each signal, and says which families were seen live."""
    readme = (FOLDER / "README.md").read_text()
    assert [signal.id for signal in shipped() if f"`{signal.id}`" not in readme] == []
    for signal in shipped():
        row = next(line for line in readme.splitlines() if f"`{signal.id}`" in line)
        told = [part.strip() for part in row.split("|")[-2].split(",")]
        assert told == [family.name + (" (live)" if family.seen is Seen.LIVE else "") for family in signal.families], signal.id


def test_derived_signals_name_signals_that_exist():
    """And come out of their cells."""
    derivation = Derivation(shipped())
    assert derivation.finish() == ()
    assert {family.make for signal in shipped() for family in signal.families} == set(Make)
