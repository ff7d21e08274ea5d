"""Mounted files and our own store as places of the before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.analysis.baselines.places.asking import ask
from detector.analysis.baselines.places.mounted_files import MountedFiles
from detector.analysis.baselines.places.own_history import OwnHistory
from detector.core.signals.baseline_file import write_file
from detector.edges.store.baselines import Baselines
from tests.unit.analysis.baselines.places.made import (
    CHANGE_MS,
    HOUR_MS,
    STEP_MS,
    baseline,
    cells,
    definitions,
    store_with,
    wanted,
)

P99, CPU, REDIS = "application/latency-p99", "container/cpu", "storage/redis-clients"


def test_history_is_read_up_to_the_change(tmp_path: Path) -> None:
    """Not a cell of the time after; the evidence comes with it; what is not there says why."""
    told = cells(P99, "ms", [float(n) for n in range(40)]) + cells(P99, "ms", [999.0] * 20, end_ms=CHANGE_MS + 20 * STEP_MS)
    told += cells(REDIS, "clients", [5.0] * 40, service="cart")
    opened = store_with(tmp_path, told)
    found = ask([OwnHistory(opened)], wanted(), definitions(P99, CPU, REDIS))
    opened.close()
    table = found.tables[P99]
    assert table.times_s[-1] * 1000 == CHANGE_MS - STEP_MS
    assert list(table.columns[P99]) == [float(n) for n in range(40)]
    assert list(table.evidence[P99]) == [3.0] * 40
    assert found.is_own
    assert found.source == "the before of 1 signal from own history"
    assert found.missing[CPU].startswith("own history has no value of it from ")
    assert found.missing[REDIS] == "own history has it of cart, not of shop"
    assert str(found).startswith("found 1 of 3 signals; missing: container/cpu, because ")


def test_a_pinned_baseline_stands_for_its_change(tmp_path: Path) -> None:
    """Later windows are held to what was learned at the first, whatever history holds by then."""
    opened = store_with(tmp_path, cells(P99, "ms", [1.0] * 40))
    Baselines(opened).add(baseline([(P99, "ms", [7.0] * 40)], change="shop-1"))
    Baselines(opened).add(baseline([(P99, "ms", [8.0] * 40)], change="shop-0", version=2))
    found = ask([OwnHistory(opened)], wanted(), definitions(P99))
    opened.close()
    assert set(found.tables[P99].columns[P99]) == {7.0}
    assert not found.is_own
    assert found.source == "the before of 1 signal from the pinned baseline shop@1"


def test_a_changed_unit_is_doubted(tmp_path: Path) -> None:
    """History of seconds for a signal of milliseconds; where there is both, the right one is taken."""
    opened = store_with(tmp_path, cells(P99, "s", [0.4] * 60) + cells(CPU, "s", [1.0] * 60) + cells(CPU, "s/min", [2.0] * 20))
    found = ask([OwnHistory(opened)], wanted(), definitions(P99, CPU))
    opened.close()
    assert found.doubts == {P99: "its unit changed: the baseline is in s, it is measured in ms now"}
    assert set(found.tables[CPU].columns[CPU]) == {2.0}


def test_the_mounted_file_of_the_change_is_taken(tmp_path: Path) -> None:
    """By its pin, else the newest that begins before the change; patterns are followed; a broken or lost one is a note."""
    files = {
        "old": baseline([(P99, "ms", [1.0] * 40)], version=1, end_ms=CHANGE_MS - 72 * HOUR_MS),
        "pinned": baseline([(P99, "ms", [2.0] * 40)], change="shop-1", version=2, end_ms=CHANGE_MS - HOUR_MS),
        "new": baseline([(P99, "ms", [3.0] * 40)], change="shop-0", version=3),
        "cart": baseline([(P99, "ms", [4.0] * 40)], service="cart"),
    }
    for name, made in files.items():
        (tmp_path / f"{name}.json").write_bytes(write_file(made))
    (tmp_path / "broken.json").write_bytes(write_file(files["old"]).replace(b"1.0", b"9.0", 1))
    place = MountedFiles([str(tmp_path / "*.json"), str(tmp_path / "gone")])
    found = ask([place], wanted(), definitions(P99, CPU))
    assert set(found.tables[P99].columns[P99]) == {2.0}
    assert found.missing[CPU] == f"shop@2 (the file {tmp_path}/pinned.json) does not hold it"
    assert any("it was changed after it was made" in note for note in found.notes)
    assert any(note.endswith("gone: No such file or directory") for note in found.notes)
    other = ask([place], wanted(change="shop-9"), definitions(P99))
    assert set(other.tables[P99].columns[P99]) == {3.0}
    assert "shop@3 is pinned to shop-0, not to shop-9" in other.notes
    nobody = ask([place], wanted(service="pay"), definitions(P99))
    assert nobody.missing[P99].endswith("the mounted files hold no baseline of pay, but of cart, shop")


def test_a_baseline_of_the_time_after_is_no_before(tmp_path: Path) -> None:
    """It says so, and that a clock may be wrong; one that reaches past the change is cut there."""
    late = baseline([(P99, "ms", [1.0] * 40)], end_ms=CHANGE_MS + HOUR_MS)
    (tmp_path / "late.json").write_bytes(write_file(late))
    found = ask([MountedFiles([str(tmp_path / "late.json")])], wanted(), definitions(P99))
    assert "it is of the time after, or a clock is wrong" in found.missing[P99]
    across = baseline([(P99, "ms", [1.0] * 20 + [9.0] * 20)], end_ms=CHANGE_MS + 20 * STEP_MS)
    (tmp_path / "late.json").write_bytes(write_file(across))
    found = ask([MountedFiles([str(tmp_path / "late.json")])], wanted(), definitions(P99))
    assert list(found.tables[P99].columns[P99]) == [1.0] * 20


@pytest.mark.parametrize("values", [[None] * 40, [None] * 35 + [1.0] * 5])
def test_of_a_few_values_nothing_is_known(values: list[float | None], tmp_path: Path) -> None:
    (tmp_path / "few.json").write_bytes(write_file(baseline([(P99, "ms", values)])))
    found = ask([MountedFiles([str(tmp_path / "few.json")])], wanted(), definitions(P99))
    assert "values of it before the change" in found.missing[P99]


def test_the_next_place_is_asked_for_what_is_left(tmp_path: Path) -> None:
    """The file stands before own history; each signal comes from the first that has it."""
    (tmp_path / "file.json").write_bytes(write_file(baseline([(P99, "ms", [1.0] * 40)])))
    opened = store_with(tmp_path / "store", cells(P99, "ms", [5.0] * 40) + cells(CPU, "s/min", [6.0] * 40))
    found = ask([MountedFiles([str(tmp_path / "file.json")]), OwnHistory(opened)], wanted(), definitions(P99, CPU))
    opened.close()
    assert np.unique(found.tables[P99].columns[P99]) == [1.0]
    assert np.unique(found.tables[CPU].columns[CPU]) == [6.0]
    assert found.source == f"the before of 1 signal from the file {tmp_path}/file.json, of 1 signal from own history"
