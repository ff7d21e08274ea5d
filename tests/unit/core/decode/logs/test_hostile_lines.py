"""No line, whatever it holds, takes more than a bounded time a byte to read."""

from __future__ import annotations

import resource

import pytest

from detector.core.decode.logs import line as line_reader
from tests.unit.core.decode.logs.marking import OBSERVED_MS

HEADS = [
    "",
    "2024-05-14 09:31:07,123 ",
    "ERROR ",
    "[ERROR] ",
    "level=error ",
    '{"a":"',
    "{",
    "[",
    "<34>1 ",
    "May 14 09:31:07 ",
    "\t",
    "\x1b]0;",
]
HEADS += ["java.lang.", "[pod/", "a.b(", "2024-05-14 09:31:07.123  INFO 1 --- [", "E0514 09:31:07.123456 1 "]
UNITS = [
    "a",
    "a.",
    "a$",
    "a::",
    "[",
    "[]",
    "(a) ",
    "<a> ",
    '\\"',
    "\\",
    'a="',
    "a=b ",
    "1 ",
    "- ",
    "Error",
    "Sanitizer$",
    "\x1b",
    "\x00",
    " ",
    '{"a":',
    "[1,",
    "a@b",
]
MOST_SECONDS_A_MEGABYTE = 1.0  # the slowest of them takes a tenth of it


@pytest.mark.parametrize("head", HEADS)
def test_reading_is_linear(head: str) -> None:
    """A quarter of a megabyte of each unit behind each head."""
    for unit in UNITS:
        raw = (head + unit * (250_000 // len(unit)) + " ERROR x").encode()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        line_reader.meaning(line_reader.read(raw, OBSERVED_MS), OBSERVED_MS)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < MOST_SECONDS_A_MEGABYTE / 4, unit
