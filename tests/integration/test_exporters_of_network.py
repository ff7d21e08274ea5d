"""The real blackbox exporter looks a name up and asks who has it: what it measured becomes the signal of look-ups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.watched import watched
from tests.services.exporter import Exporter, blackbox_exporter, probe_of

pytestmark = pytest.mark.service


@pytest.fixture
def blackbox(tmp_path: Path) -> Iterator[Exporter]:
    exporter = blackbox_exporter(tmp_path / "blackbox")
    exporter.start()
    yield exporter
    exporter.kill()


def test_look_ups(blackbox: Exporter) -> None:
    """Of a name that is there, in ms; its own metrics page is what it asks."""
    target = blackbox.address.replace("127.0.0.1", "localhost")
    with watched(probe_of(blackbox, target), "probes") as seen:
        seen.scrapes()
        assert seen.last("probe_success") == 1
        cell = seen.cells("network/dns-p99")[-1]
        assert (cell.service, cell.family) == ("probes", "blackbox")
        slowest = max(point.value for point in seen.named("probe_dns_lookup_time_seconds") if isinstance(point.value, float))
        assert 0 < cell.value <= slowest * 1000
