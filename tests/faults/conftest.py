from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.receiver import Receiver
from tests.integration.test_run import Place
from tests.unit.edges.conftest import settings, store

__all__ = ["settings", "store"]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A folder with a log, settings and a receiver, where no daemon outlives the test."""
    with Receiver() as receiver:
        place = Place(tmp_path, receiver)
        yield place
        if not place.daemon.has_ended():
            place.daemon.kill()
