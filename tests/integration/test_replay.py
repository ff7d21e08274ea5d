"""`trimwatch replay` as a user calls it."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

TRIMMED = Path(str(files("detector"))) / "demo_data" / "trimmed.log"
INTACT = TRIMMED.with_name("intact.log")
CHECKER = Path(__file__).resolve().parents[3] / "shared" / "tools" / "check_interface.py"


def replay(*arguments, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-P", "-m", "detector.cli", "replay", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=120, check=False)


def objects(done) -> list[dict]:
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_seventeen_requests_of_the_trimmed_service_are_one_incident():
    """The bundled recording: one incident, the class as printed, count 17, evidence from the file; then the summary."""
    incident, summary = objects(replay("--json", TRIMMED))
    assert (incident["entity_kind"], incident["stage"], incident["count"]) == ("class", "dependency", 17)
    assert incident["entity"].replace("/", ".") == "jakarta.validation.Validation"
    assert incident["service"] == "trimmed"
    assert (summary["kind"], summary["incidents"]) == ("summary", 1)
    assert summary["lines"] == len(TRIMMED.read_bytes().splitlines())
    assert summary["bytes"] == TRIMMED.stat().st_size


def test_the_intact_service_is_silent_and_says_what_it_looked_at():
    """Nothing found is an answer: lines, rules, layout."""
    done = replay(INTACT)
    assert done.returncode == 0
    said = " ".join(done.stdout.decode().split())
    assert f"{len(INTACT.read_bytes().splitlines())} lines" in said
    assert "rules, layout spring-boot" in said
    assert "nothing found" in said


def test_every_input_is_a_stream_of_its_own(tmp_path):
    """A file, its gzip and standard input give the same incident each under its own service."""
    packed = tmp_path / "packed.log.gz"
    packed.write_bytes(gzip.compress(TRIMMED.read_bytes()))
    found = objects(replay("--json", TRIMMED, packed, "-", stdin=TRIMMED.read_bytes()))
    incidents = found[:-1]
    assert {one["service"] for one in incidents} == {"trimmed", "packed", "stdin"}
    assert {one["count"] for one in incidents} == {17}
    assert {one["source"] for one in incidents} == {str(TRIMMED), str(packed), "-"}


def test_the_same_service_in_two_files_is_one_incident(tmp_path):
    """Deduplicated across pods: the key has no file in it."""
    copy = tmp_path / "copy.log"
    copy.write_bytes(TRIMMED.read_bytes())
    found = objects(replay("--json", "--service", "shop", TRIMMED, copy))
    assert [one["count"] for one in found[:-1]] == [34]


def test_fail_on_makes_it_an_exit_status():
    """0 although something was found, 1 when it is loud enough to fail on."""
    assert replay("--json", TRIMMED).returncode == 0
    assert replay("--json", "--fail-on", "critical", TRIMMED).returncode == 1
    assert replay("--json", "--fail-on", "info", INTACT).returncode == 0


def test_a_file_that_is_not_there_is_a_clear_error(tmp_path):
    """Exit status 2, the name and the reason, no traceback; every missing one at once."""
    done = replay(tmp_path / "a.log", tmp_path / "*.none")
    assert done.returncode == 2
    said = done.stderr.decode()
    assert "a.log: no such file" in said
    assert "*.none: no file matches" in said
    assert "Traceback" not in said


def test_nothing_to_read_is_a_usage_error():
    """Exit status 2 and what to name."""
    done = replay()
    assert done.returncode == 2
    assert b"standard input" in done.stderr


def test_hostile_bytes_are_judged_not_fatal(tmp_path):
    """NUL, broken UTF-8, half an escape, a lone brace, a very long line: the failure among them is found."""
    log = tmp_path / "hostile.log"
    trouble = [b"\0" * 100, b"\xff\xfe\xfa", b'{"a":', b"{" * 100_000, b"\x1b]0;title\x07", b"x" * 3_000_000, b'"\\ud800"', b"\r"]
    log.write_bytes(b"\n".join([*trouble, b"java.lang.ClassNotFoundException: a.B", *trouble]))
    found = objects(replay("--json", log))
    assert [one["entity"] for one in found[:-1]] == ["a.B"]


def test_what_is_printed_cannot_steer_a_terminal(tmp_path):
    """Escape sequences in a log are spelled out, in the table and in JSON."""
    log = tmp_path / "evil.log"
    log.write_bytes(b"2026-11-24T10:00:00Z ERROR x : \x1b]0;owned\x07\x1b[2J java.lang.ClassNotFoundException: a.B\n")
    for arguments in ([], ["--json"]):
        done = replay(*arguments, log)
        assert b"\x1b" not in done.stdout
        assert b"a.B" in done.stdout


def test_a_file_name_that_is_no_text_can_be_kept_in_a_store(tmp_path):
    """Latin-1 in the name: found, kept, printed as JSON."""
    log = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.log"))
    log.write_bytes(b"java.lang.ClassNotFoundException: a.B\n")
    for _ in range(2):
        found = objects(replay("--json", "--store", tmp_path / "state", log))
        assert [one["entity"] for one in found[:-1]] == ["a.B"]


@pytest.mark.skipif(not CHECKER.is_file(), reason="the checker of the interface is not here")
def test_json_has_the_stable_shape():
    """Every line of --json passes the interface's own checker."""
    spec = importlib.util.spec_from_file_location("check_interface", CHECKER)
    assert spec is not None
    checker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checker)
    assert list(checker.faults(replay("--json", TRIMMED, INTACT).stdout.decode().splitlines())) == []
