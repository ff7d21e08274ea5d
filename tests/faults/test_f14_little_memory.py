"""F14: a backlog of many files and many rules in a container of 96 MB: reads slow down, memory does not grow with the backlog."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.whole import finds_something_fresh
from tests.integration.test_run import HEADER, RULE, Place, trace

FILES, FILE_BYTES, RULES = 2_000, 150_000, 500
MOST_MIB = 96
QUIET = "2026-11-24T10:00:00.000Z  INFO 1 --- [main] shop.Cart : added item {n} to the cart of a customer, all is well\n"


def write_backlog(folder: Path) -> set[str]:
    """300 MB in 2,000 files, one failure in every hundredth."""
    noise = "".join(QUIET.format(n=n) for n in range(FILE_BYTES // len(QUIET))).encode()
    wanted = set()
    folder.mkdir()
    for number in range(FILES):
        with open(folder / f"app{number}.log", "wb") as log:
            log.write(noise)
            if number % 100 == 0:
                log.write((trace(f"N{number}") + HEADER).encode())
                wanted.add(f"planted.N{number}")
    return wanted


def write_rules(folder: Path) -> None:
    """As many of our own as make 500 with the built-in ones, each with a literal and a class that repeats."""
    for number in range(RULES - 280):
        word = f"gizmo{number:03d}x"
        text = RULE.replace("frobnicator-gone", f"{word}-gone").replace("frobnicator", word)
        (folder / f"{word}-gone.yaml").write_text(text)


@pytest.mark.slow
def test_a_backlog_in_little_memory(place: Place, tmp_path: Path) -> None:
    """300 MB behind in 2,000 files with 500 rules: every failure is told, the largest memory the kernel saw stays below the
    container's limit, and a fresh failure is found."""
    wanted = write_backlog(tmp_path / "logs")
    write_rules(place.rules)
    place.settings["sources"][0]["paths"] = [str(tmp_path / "logs" / "*.log"), str(place.log)]
    place.settings["service"] = "shop"
    place.daemon.write_settings(place.settings)
    began = time.monotonic()
    place.daemon.start()
    assert place.receiver.wait_for(wanted, 240) == set()
    seconds = time.monotonic() - began
    finds_something_fresh(place)
    assert place.daemon.stop() == 0
    print(f"{place.daemon.peak_kib / 1024:.1f} MiB at most, {seconds:.1f} s for {FILES * FILE_BYTES / 1e6:.0f} MB")
    assert place.daemon.peak_kib < MOST_MIB * 1024
