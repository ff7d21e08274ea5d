"""The signals that we ship, and points for them."""

from pathlib import Path

from detector.core.signals.catalogue import SignalFile, load_signals
from detector.records import Distribution, MetricKind, MetricPoint

FOLDER = Path(__file__).parents[4] / "rules" / "signals"
FILES = [SignalFile(f"{path.parent.name}/{path.stem}", str(path), path.read_text()) for path in sorted(FOLDER.glob("*/*.yaml"))]


def shipped(*ids: str):
    signals = load_signals(FILES)
    return tuple(signal for signal in signals if not ids or signal.id in ids)


def point(name: str, value: float | Distribution | None, at_s: float, is_delta: bool = False, unit: str = "", **labels: str):
    """`service=cart` unless told."""
    kind = MetricKind.HISTOGRAM if isinstance(value, Distribution) else MetricKind.UNKNOWN
    sorted_labels = tuple(sorted({"service": "cart", **labels}.items()))
    return MetricPoint(name, sorted_labels, kind, value, round(at_s * 1000), None, is_delta, unit)
