"""What a `Retry-After` header asks for."""

from __future__ import annotations

import pytest

from detector.edges.sinks.answers import refused
from detector.retry_after import LONGEST_WAIT_S, retry_after_s

NOW_MS = 784_111_777_000  # Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 30 ", 30.0),
        ("1.5", 1.5),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
        ("Sunday, 06-Nov-94 08:49:47 GMT", 10.0),
        ("Sun Nov  6 08:49:47 1994", 10.0),
        ("Sun, 06 Nov 1994 08:00:00 GMT", 0.0),
        ("999999999999999", LONGEST_WAIT_S),
        ("Sun, 06 Nov 2094 08:49:37 GMT", LONGEST_WAIT_S),
        (None, None),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("9" * 400, None),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 999999999 08:49:37 GMT", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    """Numbers and all three date forms of RFC 9110; rubbish is no answer, and nobody makes us wait for more than a day."""
    assert retry_after_s(header, NOW_MS) == seconds


def test_a_date_counts_from_a_millisecond_in_between() -> None:
    """To the second means not a moment before it."""
    assert retry_after_s("Sun, 06 Nov 1994 08:49:47 GMT", NOW_MS + 250) == 9.75


def test_a_refusal_for_good_has_nothing_to_wait_for() -> None:
    """Also when the receiver sends the header."""
    assert refused("https://x", 400, "10", "", NOW_MS).retry_after_s is None
    assert str(refused("https://x", 503, None, "busy", NOW_MS)) == "https://x answered 503: busy"
