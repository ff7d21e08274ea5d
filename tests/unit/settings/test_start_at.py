"""Where a source begins: words, and times that leave no doubt."""

from __future__ import annotations

import pytest

from detector.settings.start_at import start_at


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("earliest", "earliest"),
        ("latest", "latest"),
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-25T02:00:00Z", 1_795_572_000_000),
        ("2026-11-25t03:00:00.5+01:00", 1_795_572_000_500),
        ("2026-11-25 02:00z", 1_795_572_000_000),
        ("2026-11-25T02:00:00.123456789Z", 1_795_572_000_123),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_words_and_times_are_understood(text: str, meant: str | int) -> None:
    """In any zone, to the millisecond."""
    assert start_at(text) == meant


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "write earliest, latest, or a time"),
        ("Earliest", "write earliest, latest, or a time"),
        ("beginning", "write earliest, latest, or a time"),
        ("2026-11-25", "write earliest, latest, or a time"),
        ("1795572000000", "write earliest, latest, or a time"),
        ("2026-11-25T02:00:00", "in which zone"),
        ("2026-02-30T02:00:00Z", "no day or no hour"),
        ("2026-11-25T25:00:00Z", "no day or no hour"),
        ("2026-11-25T02:00:00+99:00", "no day or no hour"),
        ("x" * 10_000, "xxx…"),
    ],
)
def test_what_is_no_time_is_said_in_words(text: str, problem: str) -> None:
    """A time without a zone is refused: two daemons would read it as two times."""
    with pytest.raises(ValueError, match=problem):
        start_at(text)
