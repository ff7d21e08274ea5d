"""Lines by level and starts become cells."""

from detector.core.signals.from_logs import LogFolding
from tests.unit.core.signals.shipped import shipped


def test_errors_are_a_share_of_all_lines():
    """Of each service and step; a step is closed by time."""
    folding = LogFolding(shipped())
    folding.take_lines("cart", 1_000, {"INFO": 90, "ERROR": 5})
    folding.take_lines("cart", 14_000, {"INFO": 0, "FATAL": 5})
    folding.take_lines("cart", 16_000, {"INFO": 1})
    cells = folding.close(29_000)
    assert [(cell.signal, cell.service, cell.start_ms, cell.value, cell.evidence) for cell in cells] == [
        ("application/error-log-share", "cart", 0, 0.1, 100)
    ]
    folding.take_lines("cart", 2_000, {"INFO": 7})
    assert folding.late == 7


def test_starts_of_one_step_are_their_mean():
    """In seconds."""
    folding = LogFolding(shipped("application/startup-time"))
    folding.take_start("cart", 1_000, 3.0)
    folding.take_start("cart", 2_000, 5.0)
    assert [(cell.value, cell.evidence) for cell in folding.close(15_000)] == [(4.0, 2)]
