"""Histograms of OpenTelemetry by their exact bounds."""

from __future__ import annotations

import math
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint, HistogramDataPoint

from detector.core.decode.metrics import decoder_of
from detector.core.decode.metrics.histograms import MOST_BUCKETS, bound, explicit, exponential
from detector.records import Distribution
from tests.services.otlp_producer import exponential_histogram


def exp(scale: int, positive: Any = None, negative: Any = None, **more: Any) -> Distribution:
    return exponential(ExponentialHistogramDataPoint(scale=scale, positive=positive, negative=negative, **more))


def buckets(offset: int, *counts: int) -> dict[str, Any]:
    return {"offset": offset, "bucket_counts": counts}


def test_bounds_are_powers_of_the_base() -> None:
    """Scale 0: powers of two; scale 1: of its root; scale -1: of four."""
    assert exp(0, buckets(1, 1, 2)) == Distribution((2.0, 4.0, 8.0), (0.0, 1.0, 2.0, 0.0), None)
    assert exp(-1, buckets(-1, 1, 2)) == Distribution((0.25, 1.0, 4.0), (0.0, 1.0, 2.0, 0.0), None)
    assert exp(1, buckets(1, 5), sum=6.0) == Distribution((math.sqrt(2), 2.0), (0.0, 5.0, 0.0), 6.0)


@pytest.mark.parametrize("scale", range(1, 21))
def test_a_bound_is_the_same_number_at_every_scale(scale: int) -> None:
    """So that two histograms of one series can be subtracted after the producer has become coarser."""
    assert [bound(index * 2, scale) for index in range(-300, 300)] == [bound(index, scale - 1) for index in range(-300, 300)]


def test_below_and_around_zero() -> None:
    """The mirror image, and what was too near to zero to tell."""
    found = exp(0, buckets(0, 3), buckets(1, 4, 5), zero_count=2, zero_threshold=0.5)
    assert found == Distribution((-8.0, -4.0, -2.0, -0.5, 0.5, 1.0, 2.0), (0.0, 5.0, 4.0, 0.0, 2.0, 0.0, 3.0, 0.0), None)
    assert exp(0, zero_count=7) == Distribution((0.0,), (7.0, 0.0), None)
    assert exp(3) == Distribution((), (0.0,), None)


def test_many_buckets_are_merged_to_a_coarser_scale() -> None:
    """Exactly: nothing is spread over bounds that were not there."""
    counts = [1] * 1000
    found = exp(5, buckets(0, *counts))
    assert len(found.bounds) <= MOST_BUCKETS + 1
    assert sum(found.counts) == 1000
    coarser = [sum(counts[index : index + 4]) for index in range(0, 1000, 4)]
    assert found == exp(3, buckets(0, *coarser))


@pytest.mark.parametrize("scale", [-(2**31), -12, 0, 21, 2**31 - 1])
@pytest.mark.parametrize("offset", [-(2**31), -5, 2**31 - 1])
def test_no_scale_and_no_offset_is_too_much(scale: int, offset: int) -> None:
    """Bounds stay finite, and rise; every value is counted once."""
    found = exp(scale, buckets(offset, 1, 0, 2), buckets(offset, 3), zero_count=1, zero_threshold=math.nan)
    assert all(math.isfinite(each) for each in found.bounds)
    assert list(found.bounds) == sorted(set(found.bounds))
    assert (len(found.counts), sum(found.counts)) == (len(found.bounds) + 1, 7)


def test_a_real_producers_values_lie_in_the_buckets_that_say_so() -> None:
    """The OpenTelemetry SDK counted them, and its exporter wrote them down."""
    values = [1.0, 1.5, 2.0, 3.0, 0.001, 250.0, 0.0, *(number / 7 for number in range(1, 500))]
    (point,) = decoder_of("otlp_metrics")(exponential_histogram(values), -1)
    found = point.value
    assert isinstance(found, Distribution)
    reached = 0.0
    for upper, count in zip(found.bounds, found.counts, strict=False):
        reached += count
        assert reached == sum(value <= upper for value in values)
    assert found.total == pytest.approx(sum(values))


@pytest.mark.parametrize(
    ("bounds", "counts", "expected"),
    [
        ([1, 2], [1, 2, 3], Distribution((1.0, 2.0), (1.0, 2.0, 3.0), None)),
        ([1, math.inf], [1, 2, 3], Distribution((1.0,), (1.0, 5.0), None)),
        ([], [4], Distribution((), (4.0,), None)),
        ([], [], Distribution((), (6.0,), None)),
    ],
)
def test_explicit_bounds(bounds: list[float], counts: list[int], expected: Distribution) -> None:
    """A last bound of infinity says nothing; without buckets the count is all."""
    assert explicit(HistogramDataPoint(explicit_bounds=bounds, bucket_counts=counts, count=6)) == expected


@pytest.mark.parametrize("bounds", [[1.0], [2.0, 1.0], [1.0, 1.0], [math.nan, 1.0]])
def test_a_histogram_that_cannot_be_is_refused(bounds: list[float]) -> None:
    """Counts that do not belong to the bounds, and bounds that do not rise."""
    with pytest.raises(ValueError, match="a histogram "):
        explicit(HistogramDataPoint(explicit_bounds=bounds, bucket_counts=[1, 2, 3]))
