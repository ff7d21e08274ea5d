"""`trimwatch replay --before OLD NEW`: which patterns of the log changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from detector.cli.replay import replay

START = datetime(2026, 11, 24, tzinfo=UTC)


def log(path: Path, start_minute: int, minutes: int, *messages: str) -> str:
    """Each message once a minute, and a quiet line at each end."""
    quiet = f"{START + timedelta(minutes=start_minute):%Y-%m-%d %H:%M:%S.000} INFO  [main] shop.Main - up\n"
    lines = [quiet]
    for minute in range(minutes):
        at = START + timedelta(minutes=start_minute + minute, seconds=30)
        lines += [f"{at:%Y-%m-%d %H:%M:%S.000} WARN  [main] shop.Cart - {message} {minute}\n" for message in messages]
    path.write_text("".join([*lines, quiet]))
    return str(path)


@pytest.fixture
def logs(tmp_path: Path) -> tuple[str, str]:
    before = log(tmp_path / "old.log", 0, 240, "slow query of table orders took", "payment retried after")
    after = log(tmp_path / "new.log", 240, 60, "slow query of table orders took", "no codec registered for frame")
    return before, after


def test_new_and_vanished_patterns_are_objects_before_the_summary(logs: tuple[str, str]) -> None:
    done = CliRunner().invoke(replay, ["--json", "--before", *logs])
    assert done.exit_code == 0, done.output
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    patterns = [(each["how"], each["before"], each["after"]) for each in objects if each["kind"] == "pattern"]
    assert patterns == [("new", 0, 60), ("gone", 240, 0)]
    assert objects[-1]["kind"] == "summary"
    assert "no codec registered" in next(each["example"] for each in objects if each["kind"] == "pattern")


def test_a_person_reads_them_as_a_table(logs: tuple[str, str]) -> None:
    done = CliRunner().invoke(replay, ["--before", *logs])
    assert done.exit_code == 0, done.output
    words = " ".join(done.output.split())
    assert "3 patterns of loud lines that no rule explains, 2 changed" in words
    assert "new since the change: 60 lines" in words


def test_the_same_log_twice_has_no_change(logs: tuple[str, str]) -> None:
    done = CliRunner().invoke(replay, ["--json", "--before", logs[0], logs[0]])
    assert [line for line in done.stdout.splitlines() if '"pattern"' in line] == []


def test_a_log_without_times_is_said(tmp_path: Path) -> None:
    bare = tmp_path / "bare.log"
    bare.write_text("WARN something odd\n" * 5)
    done = CliRunner().invoke(replay, ["--before", str(bare), str(bare)])
    assert "rates cannot be compared" in " ".join(done.output.split())


def test_a_log_that_is_not_there_is_said_at_once(logs: tuple[str, str]) -> None:
    assert CliRunner().invoke(replay, ["--before", "missing.log", logs[1]]).exit_code != 0


def test_an_index_is_not_compared(logs: tuple[str, str]) -> None:
    done = CliRunner().invoke(replay, ["--before", logs[0], "--elasticsearch", "http://127.0.0.1:9", "--index", "logs"])
    assert done.exit_code == 2
    assert "--before" in done.output
