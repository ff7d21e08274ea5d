"""`python -m tests.bench.nab FOLDER`: what the alarm models say of the Numenta Anomaly Benchmark, for its own scorer.

FOLDER is a checkout of github.com/numenta/NAB, brought by hand; results/<name of the model>/ is written in its layout, then
`python run.py -d <name of the model> --optimize --score --normalize` there gives the three figures of its board. Only what was
known counts: a model is fitted anew each twentieth of a series on all before it, and says what comes until the next time, in
parts of the largest it says of that past (the scorer looks for one threshold of all series, so ours do not serve). What follows
an alarm is told as `models/streaming.py` tells it. `together` is the largest of all models.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from models.alarm_models import ALARM_MODELS, JOINT
from models.streaming import AlarmRule, FloatArray, Model, Panel, TooShort

PROBATION, MOST_PROBATION = 0.15, 750  # of the rows, as in its sweeper
REFITS = 20
_ENOUGH = 20.0  # times the largest is 1 on its scale of 0 to 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.nab", description=__doc__)
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    models = {name.replace(" ", ""): model for name, model in ALARM_MODELS.items() if name not in JOINT}
    for path in sorted((chosen.folder / "data").glob("*/*.csv")):
        table = pd.read_csv(path)
        times_s = pd.to_datetime(table["timestamp"]).to_numpy().astype("datetime64[s]").astype(np.float64)
        rises = np.concatenate([[True], np.diff(np.maximum.accumulate(times_s)) > 0])
        panel = Panel(times_s[rises], table["value"].to_numpy(np.float64)[rises, None])
        found = {name: scores(model, panel) for name, model in models.items()}
        found["together"] = np.max(list(found.values()), axis=0)
        for name, said in found.items():
            table["anomaly_score"], table["label"] = 0.0, 0
            table.loc[rises, "anomaly_score"] = np.minimum(told(panel.times_s, said, AlarmRule()) / _ENOUGH, 1.0)
            out = chosen.folder / "results" / name / path.parent.name / f"{name}_{path.name}"
            out.parent.mkdir(parents=True, exist_ok=True)
            table.to_csv(out, index=False)


def scores(model: Model, panel: Panel) -> FloatArray:
    """(n,); 0 while its scorer does not look, and where there is too little to learn from."""
    rows = panel.times_s.size
    found, ends = np.zeros(rows), np.linspace(min(PROBATION * rows, MOST_PROBATION), rows, REFITS + 1).astype(int)
    for start, end in pairwise(ends):
        history = panel.rows(0, start)
        try:
            fitted = model.fit(history)
        except TooShort:
            continue
        usual = float(np.nanmax(np.abs(fitted.score(history)), initial=0.0))
        lead = max(0, start - int(np.ceil(model.lead_s / history.step_s)))
        said = np.abs(fitted.score(panel.rows(lead, end))[start - lead :, 0])
        found[start:end] = np.nan_to_num(said) / max(usual, 1.0)
    return found


def told(times_s: FloatArray, found: FloatArray, rule: AlarmRule) -> FloatArray:
    """Without a threshold: all that is `again` times as far as the last one within `rest_s`."""
    said, last, last_s = np.zeros_like(found), 0.0, -np.inf
    for row in np.flatnonzero(found > 0):
        if times_s[row] - last_s > rule.rest_s or found[row] >= rule.again * last:
            said[row] = last = found[row]
            last_s = times_s[row]
    return said


if __name__ == "__main__":
    main()
