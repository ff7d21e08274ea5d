"""Whatever the numbers, units and questions: every output can be made of what was judged, without a warning."""

from __future__ import annotations

import io
import json
import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from detector.analysis.baselines.asked import Asked, deviation_of, limit_of
from detector.analysis.baselines.comparison import Comparison
from detector.analysis.baselines.planning import plans
from detector.analysis.baselines.table import Table
from detector.analysis.report.verdict_markdown import markdown
from detector.analysis.report.verdict_page import page
from detector.analysis.report.verdict_rows import VerdictRow
from detector.analysis.report.verdict_table import show_verdicts
from detector.cli.verdict import _row
from detector.cli.verdict_plan import plan_object
from detector.core.signals.spec import Direction, SignalKind
from detector.errors import BadInput
from detector.interface import json_line, verdict_object

NUMBERS = st.lists(
    st.sampled_from([0.0, 1.0, -1.0, 5.0, 0.5, 100.0, 1e-9, np.nan, np.inf, 1e308, -1e308, 5e-324]), min_size=1, max_size=12
)
UNITS = st.sampled_from(["", "ms", "s", "ratio", "%", "B", "1/h"])


@given(
    before=NUMBERS,
    after=NUMBERS,
    lengths=st.tuples(st.sampled_from([1, 5, 60, 300]), st.sampled_from([1, 5, 60, 150])),
    kind=st.sampled_from(list(SignalKind)),
    direction=st.sampled_from(list(Direction)),
    acceptable=st.sampled_from(["+15%", "+0.1pp", "-10pp", "+100ms", ">=+10pp", "<=-3", "±35%", "0", "+5MiB"]),
    limit=st.sampled_from([None, "5", "75%"]),
    units=st.tuples(UNITS, UNITS),
    evidence=st.sampled_from([0.0, 5.0, 1e9]),
    is_strict=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_every_output_can_be_made(
    before: list[float],
    after: list[float],
    lengths: tuple[int, int],
    kind: SignalKind,
    direction: Direction,
    acceptable: str,
    limit: str | None,
    units: tuple[str, str],
    evidence: float,
    is_strict: bool,
) -> None:
    asked = Asked(kind, direction, deviation_of(acceptable), None if limit is None else limit_of(limit), evidence=evidence)
    old, new = (np.resize(np.array(values), n) for values, n in zip((before, after), lengths, strict=True))
    start = 15.0 * len(old)
    tables = [
        Table("f", np.arange(begin, begin + 15.0 * len(values), 15.0), {"x": values}, {"x": unit} if unit else {})
        for begin, values, unit in zip((0.0, start), (old, new), units, strict=True)
    ]
    comparison = Comparison(tables[0], tables[1], asked, {}, 60.0, is_strict=is_strict)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            compared = list(comparison.run())
        except BadInput:
            return  # units that do not fit are told to the one who wrote them
        rows: list[VerdictRow] = [_row(one, (12, 8)) for one in compared]
        for verdict in rows[0].verdicts:
            json.loads(json_line(verdict_object(verdict)))
        for plan in plans(comparison, 3):
            json.loads(json_line(plan_object(plan)))
            assert str(plan)
        assert markdown(rows, is_strict)
        assert "NaN" not in "".join(page(rows, "t", is_strict))
        show_verdicts(Console(file=io.StringIO(), width=120), rows, is_strict)
