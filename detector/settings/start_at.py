"""Where a source begins that has no position yet: the first record there is, the next one to come, or a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

from detector.documents.fields import shown

StartAt = Literal["earliest", "latest"] | int

_WORDS: dict[str, Literal["earliest", "latest"]] = {"earliest": "earliest", "latest": "latest"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?P<zone>[Zz]|[+-]\d\d:?\d\d)?")
_LIKE = "write earliest, latest, or a time like 2026-11-25T02:00:00Z"


def start_at(text: str) -> StartAt:
    """`earliest`, `latest`, or milliseconds since the epoch. Raises ValueError that says what is wrong with the text."""
    if text in _WORDS:
        return _WORDS[text]
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError(f"is {shown(text)}; {_LIKE}")
    if match["zone"] is None:
        raise ValueError(f"is {shown(text)}, but in which zone? End it with Z for UTC, or with an offset like +01:00")
    try:
        moment = datetime.fromisoformat(_to_microseconds(text.upper()))
    except ValueError:
        raise ValueError(f"is {shown(text)}, which is no day or no hour; {_LIKE}") from None
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _to_microseconds(text: str) -> str:
    return re.sub(r"(\.\d{6})\d+", r"\1", text)
