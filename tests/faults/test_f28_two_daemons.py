"""F28: two daemons on one state directory."""

from __future__ import annotations

import subprocess
import sys

import pytest

from detector.edges.store.store import Store
from detector.errors import StoreInUse
from detector.settings import StoreSettings
from tests.unit.edges.records import checkpoint

HOLD = (
    "import sys; from detector.edges.store.store import Store; from detector.settings import StoreSettings;"
    "s = Store.open(StoreSettings(path=sys.argv[1]), 1000); print('held', flush=True); sys.stdin.read()"
)


def test_the_second_is_refused_and_the_first_goes_on(settings: StoreSettings) -> None:
    """While one process holds the folder a second one is told so and touches nothing; after a kill -9 the folder is free."""
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, settings.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"
    with pytest.raises(StoreInUse, match="another trimwatch"):
        Store.open(settings, 2_000)
    first.kill()
    first.wait(10)
    first.stdout.close()
    assert first.stdin is not None
    first.stdin.close()
    store = Store.open(settings, 3_000)
    assert store.loss is None
    store.close()


def test_the_second_in_one_process_too(store: Store, settings: StoreSettings) -> None:
    """The refusal holds within one process as well, and leaves the holder working."""
    with pytest.raises(StoreInUse):
        Store.open(settings, 2_000)
    store.write(checkpoint())
    assert len(store.positions()) == 1
    store.close()
    Store.open(settings, 3_000).close()
