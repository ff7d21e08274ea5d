"""JSON as logs contain it: orjson, then orjson on a repaired copy, then nothing (the line is judged as text).

orjson refuses bad UTF-8, raw control characters, lone surrogates, NaN, numbers beyond 1e308 and a depth beyond 1,024.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

import orjson

_CONTROL = re.compile(r"[\x00-\x1f]")
_HIGH = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})")
_LOW = re.compile(r"(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_NO_NUMBER = re.compile(r"(?<=[:\[,])\s*-?(?:NaN|Infinity|nan|inf|\d{300,}(?:\.\d+)?|\d+(?:\.\d+)?[eE]\+?\d{3,})(?=\s*[,}\]])")
_MOST_BRACKETS = 2000


class How(StrEnum):
    """How a JSON line could be read."""

    CLEAN = "clean"
    REPAIRED = "repaired"
    BROKEN = "broken"


def load(line: bytes) -> tuple[dict[str, Any] | None, How]:
    """The object on the line. None when there is no way to read it, or when it is no object."""
    try:
        found = orjson.loads(line)
        return (found, How.CLEAN) if isinstance(found, dict) else (None, How.BROKEN)
    except orjson.JSONDecodeError:
        pass
    if line.rstrip()[-1:] != b"}" or line.count(b"[") + line.count(b"{") > _MOST_BRACKETS:
        return None, How.BROKEN
    try:
        found = orjson.loads(_repaired(line))
    except orjson.JSONDecodeError:
        return None, How.BROKEN
    return (found, How.REPAIRED) if isinstance(found, dict) else (None, How.BROKEN)


def _repaired(line: bytes) -> str:
    text = line.decode("utf-8", "replace").replace("\t", "\\t")
    text = _CONTROL.sub(" ", text)
    if "\\u" in text:
        text = _LOW.sub("\\\\ufffd", _HIGH.sub("\\\\ufffd", text))
    return _NO_NUMBER.sub("null", text)
