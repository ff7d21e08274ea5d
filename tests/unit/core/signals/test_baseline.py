from __future__ import annotations

import base64
import gzip
import json
import math
import random
from array import array

import pytest

from detector.core.signals.baseline import Baseline, BaselineSignal, on_grid, step_of
from detector.core.signals.baseline_file import MOST_FILE_BYTES, read_file, write_file
from detector.core.signals.changes import change_id, read_manifest
from detector.core.signals.chunks import Cells


def cells(*pairs: tuple[int, float]) -> Cells:
    return Cells(
        array("q", [time for time, _ in pairs]), array("d", [value for _, value in pairs]), array("d", [9.0] * len(pairs))
    )


def baseline(signals: int, hours: int) -> Baseline:
    chance = random.Random(1)
    count = hours * 240
    made = [
        BaselineSignal(
            f"s{at}",
            "ms",
            "history",
            tuple(float(f"{420 * math.exp(chance.gauss(0, 0.05)):.6g}") for _ in range(count)),
            tuple(float(chance.randrange(250, 350)) for _ in range(count)),
        )
        for at in range(signals)
    ]
    return Baseline("shop", 3, "shop-1", "test", 5, 0, count * 15_000, 15_000, tuple(made))


def test_cells_fall_into_their_steps() -> None:
    """Holes are None and no value is moved to another step; of two in one step the later one; outside of the span nothing."""
    given = cells((-1, 1.0), (0, 2.0), (14_999, 3.0), (31_000, 4.0), (45_000, math.nan), (60_000, 5.0))
    made = on_grid("a", "ms", "history", given, 0, 60_000, 15_000)
    assert made.values == (3.0, None, 4.0, None)
    assert made.evidence == (9.0, 0.0, 9.0, 0.0)
    assert made.present == 2


def test_the_step_is_the_commonest_distance() -> None:
    assert step_of([cells((0, 1.0), (15, 1.0), (30, 1.0), (90, 1.0))]) == 15
    assert step_of([cells((0, 1.0)), cells()]) is None


def test_a_day_of_twenty_signals_fits_in_a_configmap_and_forty_days_do_not() -> None:
    """Packed above 64 KiB; a larger one is refused with what to do."""
    made = baseline(20, 24)
    file = write_file(made)
    assert "content_gzip" in json.loads(file)
    assert len(file) < MOST_FILE_BYTES
    assert read_file("x", file) == made
    with pytest.raises(ValueError, match="shorter --span, or name the signals"):
        write_file(baseline(20, 96))


def test_a_bomb_is_not_unpacked() -> None:
    bomb = base64.b64encode(gzip.compress(bytes(200 << 20), 9)).decode()
    with pytest.raises(ValueError, match="longer than 64 MiB"):
        read_file("x", json.dumps({"kind": "baseline", "content_gzip": bomb}).encode())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"format": 2}, "format 2, this release knows 1"),
        ({"format": 1, "begin_ms": 0, "end_ms": 10, "step_ms": 0}, "make no sense"),
        ({"format": 1, "begin_ms": 0, "end_ms": 1 << 50, "step_ms": 1, "signals": [1]}, "more than 2000000 cells"),
        ({"format": 1, "begin_ms": "0", "end_ms": 10, "step_ms": 1}, "begin_ms is no whole number"),
        ([], "no object"),
    ],
)
def test_what_is_no_baseline_is_refused_with_words(content: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_file("x", json.dumps({"kind": "baseline", "content": content}).encode())


def test_an_id_can_be_said_and_is_free() -> None:
    at_ms = 1_795_573_620_000
    assert change_id("shop", at_ms, ()) == "shop-20261125-0227"
    assert change_id("shop", at_ms, ("shop-20261125-0227",)) == "shop-20261125-0227-2"
    assert change_id("Shop/Käse", at_ms, ()) == "shop-k-se-20261125-0227"
    assert change_id("///", at_ms, ()) == "change-20261125-0227"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "1 to 20000 items"),
        ('{"kind":"item","item":"a"}\nno', "m:2: this is no JSON"),
        ("[1]", "m:1: an item is an object"),
        ('{"kind":"item"}', "m:1: it does not say which"),
        ("x" * (1 << 21), "at most 1 MiB"),
    ],
)
def test_what_is_no_manifest_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_manifest("m", text)
