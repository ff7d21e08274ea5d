"""Records of topics that hold metrics. Standing in DECODERS is what makes the settings name a format."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from detector.records import MetricPoint

Decoder = Callable[[bytes, int], tuple[MetricPoint, ...]]

DECODERS = {
    "telegraf": "detector.core.decode.metrics.telegraf:decode",
    "metricbeat": "detector.core.decode.metrics.metricbeat:decode",
    "otlp_metrics": "detector.core.decode.metrics.otlp:decode",
}


def decoder_of(format: str) -> Decoder:
    """What reads a record's value into points; only the format's own module is imported.

    Its second argument is when the record was written, in ms, -1 where nobody knows: the time of points that say none. It raises
    ValueError with a short reason when the record is not what the topic promised, and then no point of it is used.
    """
    module, _, name = DECODERS[format].partition(":")
    decode: Decoder = getattr(import_module(module), name)
    return decode
