from __future__ import annotations

import pytest

from detector.telemetry import Health, Trouble


def test_each_part_clears_its_own() -> None:
    """Two sinks in trouble are two reports; one that recovers leaves the other."""
    health = Health()
    health.set(Trouble.SINK_FAILING, "pager", "503", 1)
    health.set(Trouble.SINK_FAILING, "chat", "429", 2)
    health.clear(Trouble.SINK_FAILING, "pager")
    health.clear(Trouble.SINK_FAILING, "unknown")
    assert [report.subject for report in health.reports()] == ["chat"]
    assert not health.is_ready


def test_a_trouble_keeps_its_beginning() -> None:
    """Saying it again changes the text, not since when."""
    health = Health()
    health.set(Trouble.STORE_UNAVAILABLE, "", "full", 1)
    health.set(Trouble.STORE_UNAVAILABLE, "", "read-only", 9)
    (report,) = health.reports()
    assert (report.since_ms, report.text) == (1, "read-only")


@pytest.mark.parametrize("trouble", list(Trouble))
def test_lesser_troubles_leave_us_ready(trouble: Trouble) -> None:
    """Readiness falls when work is not being done, not when something is merely to be told."""
    health = Health()
    health.set(trouble, "", "", 1)
    lost = {Trouble.STATE_LOST, Trouble.BYTES_LOST}
    told_only = lost | {Trouble.SOURCE_FAILING, Trouble.RELOAD_FAILED, Trouble.RULES_QUARANTINED, Trouble.MIRROR_FAILING}
    assert health.is_ready == (trouble in told_only)
