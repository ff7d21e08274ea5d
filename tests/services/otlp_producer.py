"""OpenTelemetry's own SDK and exporter as a producer: what they would send, as bytes."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

RESOURCE = Resource.create({"service.name": "shop"})


def three_points() -> bytes:
    """A counter at 3, what may fall at -2, and a histogram of one value."""
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], resource=RESOURCE).get_meter("shop.cart")
    meter.create_counter("orders").add(3)
    meter.create_up_down_counter("waiting").add(-2)
    meter.create_histogram("latency", unit="s").record(0.2)
    return encode_metrics(reader.get_metrics_data()).SerializeToString()


def exponential_histogram(values: Iterable[float]) -> bytes:
    """One point that has counted these values."""
    reader = InMemoryMetricReader()
    view = View(instrument_name="*", aggregation=ExponentialBucketHistogramAggregation())
    histogram = MeterProvider([reader], resource=RESOURCE, views=[view]).get_meter("shop.cart").create_histogram("h", unit="s")
    for value in values:
        histogram.record(value)
    return encode_metrics(reader.get_metrics_data()).SerializeToString()


def missing_module(name: str) -> bytes:
    """What Python's logging hands over when an import fails: the logger is `cart`."""
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(RESOURCE)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    logger = logging.Logger("cart")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it has moved to a package of its own
        logger.addHandler(LoggingHandler(logger_provider=provider))
    try:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)
    except ModuleNotFoundError:
        logger.exception("could not start")
    return encode_logs(exporter.get_finished_logs()).SerializeToString()
