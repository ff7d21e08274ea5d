"""What is wrong with one pattern, in words that help: not RE2 syntax, too large, or without a text to look for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import re2

from detector.core.ruleset.scan_form import UnscannablePattern, scan_form
from detector.core.ruleset.syntax import MAX_PATTERN_CHARS

MAX_PROGRAM = 5000
_CACHED_PATTERNS = 2048
_NOT_LINEAR = (("(?=", "(?!", "(?<=", "(?<!"), "RE2 has no look-around; say what must not be there with `unless`")
_NOT_ATOMIC = (("(?>", "++", "*+", "?+"), "RE2 has no atomic groups and needs none: it never backtracks")
_NO_BACK_REFERENCE = "RE2 has no back-references; write the alternatives out"


@dataclass(frozen=True, slots=True)
class Checked:
    """`problem` is empty for a good pattern; `groups` are its named groups; `program` is RE2's instruction count."""

    problem: str
    groups: tuple[str, ...] = ()
    program: int = 0


@lru_cache(maxsize=_CACHED_PATTERNS)
def check_pattern(pattern: str, must_scan: bool, literals: tuple[str, ...] = ()) -> Checked:
    """Whether confirm can run the pattern and, if it `must_scan`, whether a scan form can be made of it."""
    if len(pattern) > MAX_PATTERN_CHARS:
        return Checked(f"is {len(pattern)} characters long; at most {MAX_PATTERN_CHARS}")
    try:
        compiled = re2.compile(pattern, options())
    except re2.error as problem:
        return Checked(explained(pattern, problem))
    if compiled.programsize > MAX_PROGRAM:
        return Checked(
            f"compiles to {compiled.programsize} instructions; at most {MAX_PROGRAM}: write + for a repeat "
            "like {1,200}, which costs nothing (no more than 2 KiB are ever looked at)"
        )
    groups = tuple(compiled.groupindex)
    if compiled.search("") is not None:
        return Checked("matches the empty text, so every line", groups)
    return Checked(_unscannable(pattern, literals) if must_scan else "", groups, compiled.programsize)


def options() -> re2.Options:
    """How every pattern is compiled: RE2's own memory limit, and no writing to standard error."""
    chosen = re2.Options()
    chosen.log_errors = False
    return chosen


def _unscannable(pattern: str, literals: Sequence[str]) -> str:
    try:
        scan_form(pattern, literals)
    except UnscannablePattern as problem:
        return f"{problem}; write more of the line, or `literals` if every match holds one of them"
    return ""


def explained(pattern: str, problem: Exception) -> str:
    """RE2's complaint, and what to do instead where the author thought of another engine."""
    said = problem.args[0] if problem.args else "cannot be compiled"
    said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    for marks, advice in (_NOT_LINEAR, _NOT_ATOMIC):
        if any(mark in pattern for mark in marks):
            return f"{said}: {advice}"
    if "invalid escape sequence" in said and any(f"\\{digit}" in said for digit in "123456789"):
        return f"{said}: {_NO_BACK_REFERENCE}"
    return said
