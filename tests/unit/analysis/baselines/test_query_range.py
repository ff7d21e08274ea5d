"""What Prometheus answers to query_range."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.analysis.baselines.reading import read_tables
from detector.errors import BadInput


def answer(*series: tuple[dict[str, str], list[list[Any]]]) -> str:
    rows = [{"metric": labels, "values": values} for labels, values in series]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": rows}})


def written(folder: Path, **texts: str) -> list[str]:
    for name, text in texts.items():
        (folder / f"{name}.json").write_text(text)
    return [str(folder / f"{name}.json") for name in texts]


def test_strings_gaps_and_words(tmp_path: Path) -> None:
    """Values are strings; NaN and +Inf are missing; where a series has no sample, it is missing."""
    text = answer(({"code": "200"}, [[1, "1.5"], [2, "NaN"], [3, "+Inf"]]), ({"code": "500"}, [[2, "7"]]))
    (table,) = read_tables(written(tmp_path, b=text))
    assert table.times_s.tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_equal(table.columns['{code="200"}'], [1.5, np.nan, np.nan])
    np.testing.assert_equal(table.columns['{code="500"}'], [np.nan, 7.0, np.nan])


def test_a_series_has_the_same_name_before_and_after(tmp_path: Path) -> None:
    """A pod that a trim replaced is no part of it; a label that tells two series apart in one file is."""
    before = answer(({"__name__": "up", "pod": "old"}, [[1, "1"]]), ({"__name__": "p99", "path": "/a", "pod": "old"}, [[1, "1"]]))
    after = answer(
        ({"__name__": "up", "pod": "new"}, [[9, "1"]]),
        ({"__name__": "p99", "path": "/a", "pod": "new"}, [[9, "1"]]),
        ({"__name__": "p99", "path": "/b", "pod": "new"}, [[9, "2"]]),
    )
    old, new = read_tables(written(tmp_path, b=before, a=after))
    assert list(old.columns) == ["up", 'p99{path="/a"}']
    assert list(new.columns) == ["up", 'p99{path="/a"}', 'p99{path="/b"}']


def test_a_series_without_labels_is_called_value(tmp_path: Path) -> None:
    """As after sum()."""
    (table,) = read_tables(written(tmp_path, b=answer(({}, [[1, "1"]]))))
    assert list(table.columns) == ["value"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "file: JSON:"),
        ("[]", "file: must be the JSON object"),
        ('{"status":"error","error":"parse error"}', "error: Prometheus refused the query: 'parse error'"),
        ('{"status":"success","data":{}}', "data.result: is missing"),
        ('{"data":{"result":[]}}', "data.result: holds no series"),
        ('{"data":{"result":[3]}}', "data.result.0: must hold metric and values"),
        ('{"data":{"result":[{"metric":{},"values":[[1,"x"]]}]}}', "data.result.0.values: entry 0 is \"[1, 'x']\""),
        ('{"data":{"result":[{"metric":{},"values":[[1]]}]}}', "data.result.0.values: entry 0"),
        ('{"data":{"result":[{"metric":{},"values":[["NaN","1"]]}]}}', "data.result.0.values: a time is no finite number"),
        ('{"data":{"result":[{"metric":{},"values":[]}]}}', "data.result: holds no sample"),
        ('{"data":{"result":[{"metric":{},"histograms":[]}]}}', "data.result.0: holds native histograms"),
    ],
)
def test_what_is_none_is_refused_in_words(tmp_path: Path, text: str, said: str) -> None:
    """With the path into it."""
    with pytest.raises(BadInput) as bad:
        read_tables(written(tmp_path, b=text))
    assert str(bad.value.faults[0]).startswith(f"{tmp_path}/b.json:1: {said}")
