"""`trimwatch verdict --plan`, and what evidence, span and required do, as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.acceptance.test_verdict import call

DAY, START = 5760, 1764000000
CONFIG = """\
p99_ms: {kind: latency, acceptable: +15%, layer: application}
noisy_ms: {kind: latency, acceptable: +3%, layer: application}
errors: {kind: share, acceptable: +0.1pp, unit: ratio, requests: served, evidence: 1000}
scrapes: {kind: share, acceptable: +0.005pp, unit: ratio, requests: served, evidence: 60000, span: 24h, required: false}
"""


def series(folder: Path, name: str, start: int, rows: int, served: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns = {
        "p99_ms": 400 * np.exp(rng.normal(0, 0.1, rows)),
        "noisy_ms": 400 * np.exp(rng.normal(0, 0.6, rows)),
        "errors": np.zeros(rows),
        "scrapes": np.zeros(rows),
        "served": np.full(rows, served),
    }
    lines = [",".join(("time", *columns))]
    lines += [",".join((str(start + 15 * at), *(f"{column[at]:.6g}" for column in columns.values()))) for at in range(rows)]
    (folder / name).write_text("\n".join(lines) + "\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    series(tmp_path, "before.csv", START, DAY, 100.0, 1)
    series(tmp_path, "after.csv", START + 15 * (DAY + 120), 240, 100.0, 2)
    series(tmp_path, "quiet.csv", START + 15 * (DAY + 120), 240, 4.0, 3)
    (tmp_path / "signals.yaml").write_text(CONFIG)
    return tmp_path


PLAN = ("--plan", "--before", "before.csv")


def test_a_plan_that_holds_and_one_that_is_refused(folder: Path) -> None:
    """Exit status 0 or 1; each signal with the least that would be found and, where it is refused, what to do."""
    done = call(folder, *PLAN, "--config", "signals.yaml", "--json")
    plans = {one["signal"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert (done.returncode, done.stderr) == (1, "")
    assert {name: one["holds"] for name, one in plans.items()} == {
        "p99_ms": True,
        "noisy_ms": False,
        "errors": True,
        "scrapes": False,
    }
    assert 0 < plans["p99_ms"]["detectable"] < 15
    assert "run a control beside it" in plans["noisy_ms"]["remedy"]
    assert (plans["scrapes"]["required"], plans["scrapes"]["remedy"]) == (False, "judge 24 windows instead of 3")
    easy = call(folder, *PLAN, "--kind", "latency", "--acceptable", "+200%", "-o", "markdown")
    assert easy.returncode == 0
    assert easy.stdout.splitlines()[-1] == "5 signals over 3 windows: the plan holds."
    assert "refused" in call(folder, *PLAN, "--config", "signals.yaml").stdout


@pytest.mark.parametrize("more", [("--after", "after.csv"), ("-o", "html"), ("--strict",), ("--windows", "0")])
def test_a_plan_looks_at_the_time_before_alone(folder: Path, more: tuple[str, ...]) -> None:
    done = call(folder, *PLAN, *more)
    assert (done.returncode, done.stdout) == (2, "")


def test_too_few_requests_are_told_and_hold_the_rollout(folder: Path) -> None:
    asked = ("--config", "signals.yaml", "--json")
    states = {}
    for name in ("after.csv", "quiet.csv"):
        done = call(folder, "--before", "before.csv", "--after", name, *asked)
        whole = [one for one in map(json.loads, done.stdout.splitlines()) if one["window"] == "all"]
        states[name] = {one["signal"]: (one["verdict"], one["reason"]) for one in whole}
    assert states["after.csv"]["errors"][0] == "pass"
    assert states["quiet.csv"]["errors"][0] == "inconclusive"
    assert "240 of the 1,000 samples or requests it needs" in states["quiet.csv"]["errors"][1]
    assert "24,000 of the 60,000" in states["after.csv"]["scrapes"][1]
    table = call(folder, "--before", "before.csv", "--after", "after.csv", "--config", "signals.yaml").stdout
    assert "The rollout waits: 1 of 3 required signals without a pass." in table


def test_a_control_that_is_told_but_not_given(folder: Path) -> None:
    done = call(folder, "--before", "before.csv", "--after", "after.csv", "--against", "control")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--against control needs --control" in done.stderr
