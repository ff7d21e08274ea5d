"""A JSON record of a topic: bounded before it is read, for a byte of JSON can be thirty in memory."""

from __future__ import annotations

from typing import Any

from detector.core.decode.logs import json_text

MOST_BYTES = 16 << 20
MOST_BRACKETS = 400_000


def load(value: bytes) -> dict[str, Any]:
    """The object; an array at the top comes as the object's only member, under the name "". What is slightly broken is repaired
    as in logs: a number that none can hold is null. Raises ValueError with the reason."""
    if len(value) > MOST_BYTES:
        raise ValueError(f"{len(value)} bytes of JSON; at most {MOST_BYTES} are read")
    value = value.removeprefix(b"\xef\xbb\xbf").strip()
    if value[:1] == b"[":
        value = b'{"":' + value + b"}"
    if value[:1] != b"{":
        raise ValueError("no JSON object")
    if value.count(b"{") + value.count(b"[") > MOST_BRACKETS:
        raise ValueError(f"JSON of more than {MOST_BRACKETS} brackets")
    found, _ = json_text.load(value)
    if found is None:
        raise ValueError("broken JSON")
    return found
