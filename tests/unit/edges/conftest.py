from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.edges.store.store import Store
from detector.settings import StoreSettings


@pytest.fixture
def settings(tmp_path: Path) -> StoreSettings:
    return StoreSettings(path=str(tmp_path / "state"))


@pytest.fixture
def store(settings: StoreSettings) -> Iterator[Store]:
    opened = Store.open(settings, 1_000)
    yield opened
    opened.close()
