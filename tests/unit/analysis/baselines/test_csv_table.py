"""CSV that people, tools and enemies write."""

from __future__ import annotations

import numpy as np
import pytest

from detector.analysis.baselines.csv_table import read_csv
from detector.errors import BadInput


def faults(raw: bytes) -> list[str]:
    with pytest.raises(BadInput) as bad:
        read_csv("f.csv", raw)
    return [str(fault) for fault in bad.value.faults]


def test_a_file_as_windows_saves_it() -> None:
    """A byte order mark, CRLF, quoted names with commas, blank lines, spaces."""
    table = read_csv(
        "f.csv", b'\xef\xbb\xbftime,"a, b", c\r\n2026-11-25T09:00:00Z,1,\r\n\r\n2026-11-25T10:00:15+01:00, 2,"3"\r\n'
    )
    assert list(table.columns) == ["a, b", "c"]
    assert table.times_s.tolist() == [1795597200.0, 1795597215.0]
    np.testing.assert_equal(table.columns["a, b"], [1.0, 2.0])
    np.testing.assert_equal(table.columns["c"], [np.nan, 3.0])


@pytest.mark.parametrize("cell", ["", " ", "NaN", "nan", "null", "N/A", "Inf", "-Inf", "+Inf", "infinity", "1e999"])
def test_what_is_no_finite_number_is_missing_or_infinite(cell: str) -> None:
    """It never counts as a value."""
    values = read_csv("f.csv", f"time,a\n1,5\n2,{cell}\n".encode()).columns["a"]
    assert np.isfinite(values).tolist() == [True, False]


def test_rows_in_any_order_and_repeated() -> None:
    """Sorted by time; the last of one time counts; both are told."""
    table = read_csv("f.csv", b"time,a\n3,30\n1,1\n2,20\n1,10\n")
    assert (table.times_s.tolist(), table.columns["a"].tolist()) == ([1.0, 2.0, 3.0], [10.0, 20.0, 30.0])
    assert len(table.notes) == 2


@pytest.mark.parametrize(("scale", "word"), [(1, ""), (1000, "milli"), (10**6, "micro"), (10**9, "nano")])
def test_epoch_times_in_any_unit(scale: int, word: str) -> None:
    """Told apart by their size; anything but seconds is told."""
    table = read_csv("f.csv", f"time,a\n{1764000000 * scale},1\n{1764000015 * scale},2\n".encode())
    assert table.times_s.tolist() == [1764000000.0, 1764000015.0]
    assert any(word in note for note in table.notes) == bool(word)


def test_a_unit_behind_each_number() -> None:
    """As in a table of a runbook; two units in a column are no unit."""
    table = read_csv("f.csv", b"time,a,b\n1,0.012%,420 ms\n2,,4e2ms\n")
    assert dict(table.units) == {"a": "%", "b": "ms"}
    np.testing.assert_equal(table.columns["b"], [420.0, 400.0])
    assert faults(b"time,a,b\n1,1ms,5\n2,1s,5%\n") == [
        "f.csv:1: a: has cells in ms and in s; write one unit",
        "f.csv:1: b: has cells without a unit and in %; write one unit",
    ]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "f.csv:1: file: is empty"),
        (b"\n\n", "f.csv:1: file: is empty"),
        (b"time,a\n", "f.csv:1: file: has a header and no row"),
        (b"time\n1\n", "f.csv:1: header: has no column beside the time"),
        (b"time;a\n1;2\n", "f.csv:1: header: columns are parted by semicolons"),
        (b"time,a\n1,2,3\n", "f.csv:2: row: has 3 cells; the header names 2 columns"),
        (b"time,a\n1,2\n2,3,4\n", "f.csv:3: row: has 3 cells"),
        (b"time,a,a\n1,2,3\n", "f.csv:1: 'a': names columns 2 and 3"),
        (b"time,,b\n1,2,3\n", "f.csv:1: column 2: has no name"),
        (b"time,a\n1,\xff\n", "f.csv:2: file: is not UTF-8"),
        ("time,a\n1,2\n".encode("utf-16"), "f.csv:1: file: is UTF-16"),
        (b"time,a\nnoon,2\n", "f.csv:2: time: is 'noon'"),
        (b"time,a\n1,2\n,3\n", "f.csv:3: time: is empty"),
        (b"time,a\n1,2\n2,0x10\n", "f.csv:3: a: '0x10' is no number"),
        (b"time,a\n1,2\n2,1_000\n", "f.csv:3: a: '1_000' is no number"),
        (b"time,a\n1,2\n2,true\n", "f.csv:3: a: 'true' is no number"),
        (b'time,a\n1,"2\n', "f.csv:"),
        (b"time,a\n1,\x002\n", "f.csv:2: a: "),
    ],
)
def test_a_fault_has_its_line(raw: bytes, said: str) -> None:
    """In the form that editors understand, never a trace of pandas."""
    assert faults(raw)[0].startswith(said)


def test_all_faults_at_once_but_not_all_of_a_million() -> None:
    """Twenty at most."""
    assert len(faults(b"time,a,b\n" + b"1,x,y\n" * 500)) == 20


def test_a_line_is_counted_across_quoted_line_breaks() -> None:
    """As an editor counts it."""
    assert faults(b'time,"a\nb"\n1,2\n2,x\n')[0].startswith("f.csv:4: a")


def test_signs_are_seen() -> None:
    """A deviation alone is written with one."""
    assert read_csv("f.csv", b"time,a,b,c,d\n1,-20,+5,5,\n").signed == {"a", "b"}
