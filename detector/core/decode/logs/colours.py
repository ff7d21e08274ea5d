"""Terminal escape sequences, as loggers that believe they write to a terminal put them around levels."""

from __future__ import annotations

import re

_SEQUENCE = re.compile(rb"\x1b(?:\[[0-9;:?]{0,64}[@-~]|\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)|[()][A-Z0-9]|[@-Z\\^_=>])")
_SEQUENCE_TEXT = re.compile("\x1b" + r"(?:\[[0-9;:?]{0,64}[@-~]|\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)|[()][A-Z0-9]|[@-Z\\^_=>])")


def strip(line: bytes) -> bytes:
    """The line as a person sees it; an incomplete sequence stays."""
    return _SEQUENCE.sub(b"", line) if b"\x1b" in line else line


def strip_text(text: str) -> str:
    """The same for text that JSON has already decoded."""
    return _SEQUENCE_TEXT.sub("", text) if "\x1b" in text else text
