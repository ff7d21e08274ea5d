"""CSV: the first column is the time (RFC 3339 or epoch seconds), each other one a signal; an empty cell is missing.

pandas' C parser reads it whole; only where it finds a cell that is no number does the slower `csv` module look for its line.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd

from detector.analysis.baselines.table import MAX_SIGNALS, Floats, Table, in_time_order, seconds_of
from detector.documents.fields import shown
from detector.errors import BadInput, Fault

_MISSING = [
    "",
    "NaN",
    "nan",
    "-nan",
    "NAN",
    "null",
    "NULL",
    "None",
    "none",
    "NA",
    "N/A",
    "n/a",
    "<NA>",
    "-",
    "+Inf",
    "-Inf",
    "Inf",
]
_MISSING += ["inf", "+inf", "-inf", "Infinity", "-Infinity"]
_MEASURED = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(%|pp|[a-zA-Zµμ]{1,12}(?:/[a-z]{1,3})?)\s*")
_MOST_FAULTS = 20
_MOST_TEXTS = 10_000
_SHORT = 100  # rows: nobody writes more deviations by hand
_NOT_UTF8 = "is not UTF-8 text"


def read_csv(path: str, raw: bytes) -> Table:
    """Raises BadInput with every fault found, up to twenty."""
    text = raw.removeprefix(b"\xef\xbb\xbf")
    names = _header(path, text)
    frame = _frame(path, text, len(names))
    if frame.empty:
        raise BadInput([Fault(path, 1, "file", "has a header and no row")])
    faults: list[Fault] = []
    times, note = _times(path, text, frame.iloc[:, 0], faults)
    units: dict[str, str] = {}
    parts = []
    for at, name in enumerate(names[1:], 1):
        column = frame.iloc[:, at]
        if column.dtype.kind in "fiu":
            parts.append(column.to_numpy(np.float64))
            continue
        values, unit = _measured(column)
        if values is None and (mixed := _mixed(column)):
            faults.append(Fault(path, 1, name[:80], f"has cells {mixed}; write one unit"))
        elif values is None:
            faults += _bad_cells(path, text, at, name, _MOST_FAULTS - len(faults))
        else:
            parts.append(values)
            units |= {name: unit} if unit else {}
        if len(faults) >= _MOST_FAULTS:
            break
    if faults:
        raise BadInput(sorted(faults)[:_MOST_FAULTS])
    rows = np.column_stack(parts)
    times, rows, notes = in_time_order(times, rows)
    columns = dict(zip(names[1:], np.ascontiguousarray(rows.T), strict=True))
    signed = _signed(text) if len(frame) <= _SHORT else frozenset[str]()
    return Table(path, times, columns, units, signed, tuple(filter(None, (note, *notes))))


def _signed(text: bytes) -> frozenset[str]:
    """Columns whose numbers are all written with a sign: `-20`, `+15`. A person who gives a deviation alone writes one."""
    rows = (found for found in _rows(text) if found[1])
    names = [name.strip() for name in next(rows, (0, []))[1]]
    seen: dict[str, bool] = {}
    for _, row in rows:
        for name, cell in zip(names[1:], row[1:], strict=False):
            if cell.strip() not in _MISSING:
                seen[name] = seen.get(name, True) and cell.strip()[0] in "+-"
    return frozenset(name for name, is_signed in seen.items() if is_signed)


def _header(path: str, text: bytes) -> list[str]:
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadInput([Fault(path, 1, "file", "is UTF-16; save it as UTF-8")])
    line, cells = next(((line, row) for line, row in _rows(text, path) if row), (1, []))
    if not cells:
        raise BadInput([Fault(path, 1, "file", "is empty; the first line names the columns: time, then one a signal")])
    names = [cell.strip() for cell in cells]
    if len(names) < 2:
        other = next((word for mark, word in ((";", "semicolons"), ("\t", "tabs")) if mark in cells[0]), "")
        hint = f"columns are parted by {other}; write commas" if other else "has no column beside the time"
        raise BadInput([Fault(path, line, "header", hint)])
    if len(names) - 1 > MAX_SIGNALS:
        raise BadInput(
            [Fault(path, line, "header", f"has {len(names) - 1} columns; at most {MAX_SIGNALS} are judged in one call")]
        )
    faults = [Fault(path, line, f"column {at}", "has no name") for at, name in enumerate(names[1:], 2) if not name]
    first: dict[str, int] = {}
    for at, name in enumerate(names, 1):
        if name and first.setdefault(name, at) != at:
            faults.append(Fault(path, line, shown(name), f"names columns {first[name]} and {at}"))
    if faults:
        raise BadInput(faults[:_MOST_FAULTS])
    return names


def _frame(path: str, text: bytes, width: int) -> pd.DataFrame:
    """All cells; a column in which some cell is no number holds texts."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.BytesIO(text),
                header=0,
                names=list(range(width)),
                index_col=False,
                na_values=_MISSING,
                keep_default_na=False,
                skipinitialspace=True,
                low_memory=False,
                encoding="utf-8",
            )
    except UnicodeDecodeError:
        raise BadInput([Fault(path, _line_of_bad_byte(text), "file", _NOT_UTF8)]) from None
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError, OverflowError, ValueError) as problem:
        raise BadInput(list(_ragged(path, text, width)) or [Fault(path, 1, "file", str(problem).strip()[:200])]) from None


def _times(path: str, text: bytes, column: pd.Series, faults: list[Fault]) -> tuple[Floats, str]:
    if column.dtype.kind in "fiu":
        times, note = seconds_of(column.to_numpy(np.float64))
    else:
        stamps = pd.to_datetime(column.astype(str).str.strip(), utc=True, format="ISO8601", errors="coerce")
        times, note = stamps.to_numpy("datetime64[us]").astype(np.int64) / 1e6, ""
        times[stamps.isna().to_numpy()] = np.nan
    if np.isnan(times).any():
        wrong = set(np.flatnonzero(np.isnan(times))[:_MOST_FAULTS].tolist())
        for at, (line, row) in enumerate(_body(text)):
            if at in wrong:
                cell = row[0].strip()
                said = f"is {shown(cell)}" if cell else "is empty"
                faults.append(Fault(path, line, "time", f"{said}; write RFC 3339 (2026-11-25T09:00:00Z) or seconds since 1970"))
    return times, note


def _measured(column: pd.Series) -> tuple[Floats | None, str]:
    """Numbers with one unit behind each, as in `0.012%` or `420 ms`; None where that does not fit."""
    texts = column.dropna().astype(str)
    found = [_MEASURED.fullmatch(text) for text in texts]
    units = {match[2] for match in found if match}
    numbers = pd.to_numeric(texts, errors="coerce")
    if numbers.notna().all():
        return pd.to_numeric(column, errors="coerce").to_numpy(np.float64), ""
    if len(units) != 1 or not all(found):
        return None, ""
    values = np.full(len(column), np.nan)
    values[column.notna().to_numpy()] = [float(match[1]) for match in found if match]
    return values, units.pop()


def _mixed(column: pd.Series) -> str:
    """`in ms and in s`, where that is all that is wrong."""
    texts = column.dropna().astype(str).str.strip().unique()[:_MOST_TEXTS]
    found = [_MEASURED.fullmatch(text) for text in texts]
    if not all(match or _is_number(text) for match, text in zip(found, texts, strict=True)):
        return ""
    units = dict.fromkeys(f"in {match[2]}" if match else "without a unit" for match in found)
    return " and ".join(list(units)[:4])


def _bad_cells(path: str, text: bytes, at: int, name: str, most: int) -> Iterator[Fault]:
    for line, row in _body(text):
        cell = row[at].strip() if at < len(row) else ""
        if cell not in _MISSING and not _is_number(cell):
            if most <= 0:
                return
            most -= 1
            yield Fault(path, line, name[:80], f"{shown(cell)} is no number; leave a missing cell empty")


def _ragged(path: str, text: bytes, width: int) -> Iterator[Fault]:
    for line, row in _rows(text, path):
        if len(row) > width:
            yield Fault(path, line, "row", f"has {len(row)} cells; the header names {width} columns")
            return


def _body(text: bytes) -> Iterator[tuple[int, list[str]]]:
    """Rows after the header with the line each begins at, as pandas counts rows: blank lines are none."""
    rows = (found for found in _rows(text) if found[1])
    next(rows, None)
    yield from rows


def _rows(text: bytes, path: str = "") -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(text), "utf-8", newline=""), skipinitialspace=True)
    line = 1
    while True:
        try:
            row = next(reader, None)
        except UnicodeDecodeError:
            raise BadInput([Fault(path, _line_of_bad_byte(text), "file", _NOT_UTF8)]) from None
        except csv.Error as problem:
            raise BadInput([Fault(path, line, "file", str(problem))]) from None
        if row is None:
            return
        yield line, row
        line = reader.line_num + 1


def _line_of_bad_byte(text: bytes) -> int:
    try:
        text.decode()
    except UnicodeDecodeError as problem:
        return text.count(b"\n", 0, problem.start) + 1
    return 1


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell
