"""Scatter and spikes of a window, and what is said of signals that could not be made."""

from detector.core.signals.cells import FamilyCell
from detector.core.signals.derived import Derivation, deviation, spikes
from detector.core.signals.folding import Folding
from detector.core.signals.found import found
from tests.unit.core.signals.shipped import point, shipped


def test_a_window_of_cells_becomes_one_deviation():
    """Once a cell behind its end has come."""
    derivation = Derivation(shipped("container/cpu", "container/cpu-deviation"))
    cells = [FamilyCell("cart", "container/cpu", "cadvisor", at * 15_000, float(at % 2), 1, 15.0) for at in range(61)]
    made = derivation.take(cells)
    assert [(cell.signal, cell.start_ms, cell.evidence) for cell in made] == [("container/cpu-deviation", 0, 60)]
    assert abs(made[0].value - deviation([0.0, 1.0] * 30)) < 1e-12


def test_spikes_are_counted_and_constants_have_none():
    """Also where more than half of the cells are equal."""
    assert spikes([1.0, 1.1, 0.9, 1.05, 0.95, 1.0, 1.1, 50.0]) == 1
    assert spikes([3.0] * 60) == 0
    assert spikes([0.0] * 59 + [9.0]) == 1


def test_what_is_missing_is_told_with_the_reason():
    """No series; series with other labels; a part without its whole; another service."""
    folding = Folding(
        shipped("storage/redis-clients", "container/working-set", "application/old-generation", "application/request-rate")
    )
    folding.take([point("container_memory_working_set_bytes", 1.0, at, container="POD") for at in (0, 15)], 0)
    old = {"id": "G1 Old Gen", "area": "heap"}
    folding.take([point("jvm_memory_used_bytes", 1.0, at, **old) for at in (0, 15)], 0)
    folding.take([point("redis_connected_clients", 1.0, at) for at in (0, 15)], 0)
    folding.close(60_000)
    told = found(folding)
    assert told.found == ("storage/redis-clients",)
    reasons = {missing.signal: missing.reason for missing in told.missing}
    assert "jvm_memory_used_bytes came, but not with it jvm_memory_max_bytes" in reasons["application/old-generation"]
    assert 'never with container!=""' in reasons["container/working-set"]
    assert "no series came that is called http_server_requests_seconds_count" in reasons["application/request-rate"]
    assert str(told).startswith("found 1 of 4 signals; missing: application/old-generation, because ")
    assert "of other services than web" in found(folding, service="web").missing[-1].reason
