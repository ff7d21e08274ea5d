"""`trimwatch verdict` as a user starts it: the installed command, files, exit status."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from detector.interface_schema import verdict_schema

COMMAND = Path(sys.executable).with_name("trimwatch")
HEADER = "time,p99_ms,pool_idle,scrape_failures,kafka_lag\n"
BEFORE = HEADER + "2026-11-24T09:00:00Z,420,68,0.012,\n"
AFTER = HEADER + "2026-11-25T09:00:00Z,485,82,0.008,-20\n"
CONFIG = """\
p99_ms: {kind: latency, acceptable: +15%, layer: application}
pool_idle: {kind: share, acceptable: ">=+10pp"}
scrape_failures: {kind: share, acceptable: +0.005pp, unit: "%"}
kafka_lag: {kind: latency, acceptable: +100ms}
"""
GOLDEN = """\
| signal | baseline | after | acceptable | observed | verdict | reason |
|---|--:|--:|--:|--:|---|---|
| p99\\_ms | 420 ms | 485 ms | +15% | +15.5 % | ✗ **fail** | 485 ms against 420 ms \\(+15.5 %\\), accepted +15%: beyond it: fail |
| pool\\_idle | 68 % | 82 % | \\>=+10pp | +14 pp | ✓ **pass** | 82 % against 68 % \\(+14 pp\\), accepted \\>=+10pp: at least as wanted: pass |
| scrape\\_failures | 0.012 % | 0.008 % | +0.005pp | -0.004 pp | ✓ **pass** | 0.008 % against 0.012 % \\(-0.004 pp\\), accepted +0.005pp: within it: pass |
| kafka\\_lag | - | - | +100ms | -20 ms | ✓ **pass** | -20 ms, the deviation alone, accepted +100ms: within it: pass |

4 signals: 1 failed, 0 inconclusive, 3 passed; point values compared, chance not considered.
"""  # noqa: E501


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "NO_COLOR": "1"}
    command = [str(COMMAND), "verdict", *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120)


def objects(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    made = [json.loads(line) for line in done.stdout.splitlines()]
    validator = jsonschema.Draft202012Validator(verdict_schema())
    for one in made:
        validator.validate(one)
    return made


@pytest.fixture
def article(tmp_path: Path) -> Path:
    for name, text in (("before.csv", BEFORE), ("after.csv", AFTER), ("signals.yaml", CONFIG)):
        (tmp_path / name).write_text(text)
    return tmp_path


FILES = ("--before", "before.csv", "--after", "after.csv")


def test_the_table_of_the_article(article: Path) -> None:
    """To the letter; exit status 1, as one of its signals failed."""
    done = call(article, *FILES, "--config", "signals.yaml", "--strict", "-o", "markdown")
    assert (done.returncode, done.stdout, done.stderr) == (1, GOLDEN, "")


def test_the_json_of_the_article(article: Path) -> None:
    """One object a signal, in the stable shape."""
    done = call(article, *FILES, "--config", "signals.yaml", "--strict", "--json")
    found = {one["signal"]: one for one in objects(done)}
    assert {name: (one["verdict"], one["window"]) for name, one in found.items()} == {
        "p99_ms": ("fail", "all"),
        "pool_idle": ("pass", "all"),
        "scrape_failures": ("pass", "all"),
        "kafka_lag": ("pass", "all"),
    }
    assert found["p99_ms"]["layer"] == "application"


def test_two_point_values_pass_only_under_strict(article: Path) -> None:
    """Without it they are too little to judge: exit status 3."""
    done = call(article, *FILES, "--config", "signals.yaml", "--json")
    assert (done.returncode, {one["verdict"] for one in objects(done)}) == (3, {"inconclusive"})


def series(folder: Path, name: str, start: int, rows: int, columns: dict[str, tuple[float, float]], seed: int) -> None:
    """Noise around a level, 15 s apart."""
    rng = np.random.default_rng(seed)
    made = [mean * np.exp(rng.normal(0, noise, rows)) for mean, noise in columns.values()]
    lines = [",".join(("time", *columns))]
    lines += [",".join((str(start + 15 * at), *(f"{column[at]:.5g}" for column in made))) for at in range(rows)]
    (folder / name).write_text("\n".join(lines) + "\n")


def test_a_day_before_and_three_windows_after(tmp_path: Path) -> None:
    """A shift is found, no shift passes, what vanished is inconclusive, the load is not judged."""
    level = (200.0, 0.1)
    series(tmp_path, "before.csv", 1764000000, 5760, {"good_ms": level, "bad_ms": level, "gone_ms": level, "load": (50, 0.1)}, 1)
    series(tmp_path, "after.csv", 1764088200, 180, {"good_ms": level, "bad_ms": (260.0, 0.1), "load": (50, 0.1)}, 2)
    asked = (*FILES, "--kind", "latency", "--acceptable", "+15%", "--load", "load")
    done = call(tmp_path, *asked, "--json")
    found = objects(done)
    assert {one["signal"]: one["verdict"] for one in found if one["window"] == "all"} == {
        "good_ms": "pass",
        "bad_ms": "fail",
        "gone_ms": "inconclusive",
    }
    assert [one["window"] for one in found if one["signal"] == "bad_ms"] == [1, 2, 3, "all"]
    assert "vanished" in next(one["reason"] for one in found if one["signal"] == "gone_ms")
    assert (done.returncode, done.stderr) == (1, "")
    html = call(tmp_path, *asked, "-o", "html").stdout
    assert html.count("<svg") == 3  # what vanished has a course before
    assert "▁" in call(tmp_path, *asked).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--before", "none.csv", "--after", "after.csv"), "none.csv:1: file: No such file or directory"),
        (("--before", "before.csv", "--after", "empty.csv"), "empty.csv:1: file: is empty"),
        ((*FILES, "--config", "typo.yaml"), "typo.yaml:1: p99_mss: unknown column 'p99_mss'; did you mean 'p99_ms'?"),
        ((*FILES, "--load", "p99"), "before.csv:1: p99: unknown column 'p99'; did you mean 'p99_ms'?"),
        ((*FILES, "--acceptable", "lots"), "'lots' is no deviation"),
        ((*FILES, "--acceptable", "15 percent"), "may mean two things"),
        ((*FILES, "--window", "0s"), "must be longer than nothing"),
        (("--before", "before.csv"), "Missing option '--after'"),
    ],
)
def test_wrong_usage_is_answered_in_words(article: Path, arguments: tuple[str, ...], said: str) -> None:
    """Exit status 2, the file and line where there is one, nothing on standard output."""
    (article / "empty.csv").write_text("")
    (article / "typo.yaml").write_text("p99_mss: {}\n")
    done = call(article, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_hundreds_of_columns_in_one_call(tmp_path: Path) -> None:
    """300 columns over a day at 15 s; a whole thousand is measured by hand, at 2.5 s."""
    columns = {f"s{at}_ms": (200.0, 0.1) for at in range(300)}
    series(tmp_path, "before.csv", 1764000000, 5760, columns, 3)
    series(tmp_path, "after.csv", 1764088200, 180, columns, 4)
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = call(tmp_path, *FILES, "--kind", "latency", "--acceptable", "+15%", "--json")
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert len(objects(done)) == 1200
    assert (spent.ru_utime - began.ru_utime) + (spent.ru_stime - began.ru_stime) < 6
