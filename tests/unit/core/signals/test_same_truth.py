"""However the same truth is sent, the same cells come of it."""

import math

import pytest

from detector.core.signals.folding import Folding
from tests.unit.core.signals.senders import BEGIN_MS, SENDERS, scrape, truth
from tests.unit.core.signals.shipped import shipped

SIGNALS = (
    "application/http-5xx-share",
    "application/latency-p99",
    "application/request-rate",
    "storage/redis-clients",
    "storage/redis-evicted-keys",
)
RATES = {"application/request-rate", "storage/redis-evicted-keys"}


def cells(points):
    folding = Folding(shipped(*SIGNALS))
    folding.take(points, BEGIN_MS + 600_000)
    closed = folding.close(BEGIN_MS + 600_000)
    assert folding.counts.late == folding.counts.ahead == folding.counts.unmerged == 0
    return {(cell.signal, cell.start_ms): cell for cell in closed.cells}


@pytest.mark.parametrize("offset_ms", [0, 7_000])
@pytest.mark.parametrize("sender", SENDERS)
def test_the_same_truth_gives_the_same_cells(sender, offset_ms):
    """In the edge of a step and within it. The evidence of a rate is samples: where totals are sent there is one more at the
    beginning."""
    send, tolerance = SENDERS[sender]
    rounds = truth(offset_ms)
    expected, found = cells(scrape(rounds)), cells(send(rounds))
    assert {signal for signal, _ in expected} == set(SIGNALS)
    assert found.keys() == expected.keys()
    for key, cell in found.items():
        told = expected[key]
        signal, start_ms = key
        rel = tolerance if signal == "application/latency-p99" else 1e-9
        assert cell.value == pytest.approx(told.value, rel=rel, nan_ok=True), key
        assert cell.exposure_s == told.exposure_s, key
        if signal not in RATES or start_ms > BEGIN_MS:
            assert cell.evidence == pytest.approx(told.evidence), key


@pytest.mark.parametrize("offset_ms", [0, 7_000])
def test_and_they_say_what_happened(offset_ms):
    """Not only the same wrong thing."""
    rounds = truth(offset_ms)
    found = cells(scrape(rounds))
    requests = sum(len(took) for each in rounds for took in each.took_ms.values())
    failed = sum(len(each.took_ms["500"]) for each in rounds)
    rates = [cell for (signal, _), cell in found.items() if signal == "application/request-rate"]
    shares = [cell for (signal, _), cell in found.items() if signal == "application/http-5xx-share"]
    assert math.fsum(cell.value * cell.exposure_s for cell in rates) == pytest.approx(requests)
    assert math.fsum(cell.value * cell.evidence for cell in shares) == pytest.approx(failed)
    for (signal, _), cell in found.items():
        if signal == "application/latency-p99":
            assert cell.value == pytest.approx(990, rel=0.01)
