"""`python -m tests.bench.real_verdicts FOLDER`: the judge on series of real machines, on which nothing was chosen.

FOLDER is a checkout of github.com/numenta/NAB, brought by hand: CPU, disk, network, latencies, requests, traffic and tweets, at 5
to 60 minutes. Every six hours a change is pretended that there was not; the days before it are the baseline, windows of an hour
(or of 12 samples) come after. Those over a labelled anomaly are left out; whatever else happened to these systems is in it.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from models.judging import Question, Series, judge
from models.series import Floats
from tests.bench.verdict_rival import fails as rival_fails

EVERY_S, DAY_S = 6 * 3600.0, 86_400.0
KINDS = {"latency": "latency", "TravelTime": "latency", "Twitter": "count", "count": "rate", "etwork": "rate", "bytes": "rate"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.real_verdicts", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=float, default=7.0, help="of the baseline")
    chosen = parser.parse_args()
    labelled = json.loads((chosen.folder / "labels" / "combined_windows.json").read_text(encoding="utf-8"))
    print(f"{'series':<52}{'asked':>7}{'window':>9}{'gate':>9}{'rival':>9}{'pass':>7}")
    whole: Counter[str] = Counter()
    for name in sorted(name for name in labelled if not name.startswith("artificial")):
        seen = _counted(chosen.folder / "data" / name, labelled[name], chosen.days * DAY_S)
        whole += seen
        _tell(name, seen)
    _tell("all", whole)


def _counted(path: Path, labelled: list[list[str]], before_s: float) -> Counter[str]:
    table = pd.read_csv(path)
    times_s = pd.to_datetime(table["timestamp"]).to_numpy().astype("datetime64[s]").astype(np.float64)
    values = table["value"].to_numpy(np.float64)
    window_s = max(3600.0, 12 * float(np.median(np.diff(times_s))))
    bad = [(pd.Timestamp(start).timestamp(), pd.Timestamp(end).timestamp()) for start, end in labelled]
    kind = next((kind for word, kind in KINDS.items() if word in path.name), "gauge")
    seen: Counter[str] = Counter()
    for at in np.arange(times_s[0] + before_s, times_s[-1] - 3 * window_s, EVERY_S):
        end = at + 3 * window_s
        if any(at < late and end > early for early, late in bad):
            continue
        before, after = (_part(times_s, values, start, stop) for start, stop in ((at - before_s, at), (at, end)))
        if len(after.values) >= 12:
            for direction in ("up", "down"):
                seen += _asked(before, after, Question(kind, direction, 0.10, is_relative=True, window_s=window_s))
    return seen


def _asked(before: Series, after: Series, question: Question) -> Counter[str]:
    answers = judge(before, after, question)
    window = len(after.values) // 3
    return Counter(
        asked=1,
        windows=len(answers) - 1,
        failed=sum(answer.state == "fail" for answer in answers[:-1]),
        stopped=answers[-1].state == "fail",
        passed=answers[-1].state == "pass",
        rival=question.direction == "up" and rival_fails(before.values[-window:], after.values[:window]),
    )


def _part(times_s: Floats, values: Floats, start: float, end: float) -> Series:
    chosen = (times_s >= start) & (times_s < end)
    return Series(times_s[chosen], values[chosen])


def _tell(name: str, seen: Counter[str]) -> None:
    asked, windows = max(seen["asked"], 1), max(seen["windows"], 1)
    shares = (seen["failed"] / windows, seen["stopped"] / asked, 2 * seen["rival"] / asked)
    told = "".join(f"{share:>9.2%}" for share in shares)
    print(f"{name:<52.52}{seen['asked']:>7}{told}{seen['passed'] / asked:>7.0%}", flush=True)


if __name__ == "__main__":
    main()
