"""RE2 objects for confirming: made when first needed, bounded in size, only the last used kept."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple, Protocol

import re2

from detector.core.ruleset.pattern_faults import MAX_PROGRAM, options
from detector.core.ruleset.syntax import MAX_PATTERN_CHARS

MAX_TOKEN_BYTES = 512
_ANYWHERE: Any = re2._Anchor.UNANCHORED


class Match(NamedTuple):
    """Where a pattern matched in an event's text, and what its named groups held (empty ones left out)."""

    begin: int
    end: int
    groups: dict[str, str]


class RegexTooLarge(Exception):
    """The pattern's program is larger than what can be run in the time there is."""


class Regex:
    """A compiled pattern over UTF-8 bytes, with its groups' names as text."""

    __slots__ = ("_compiled", "_groups", "_match")

    def __init__(self, pattern: str) -> None:
        if len(pattern) > MAX_PATTERN_CHARS:
            raise RegexTooLarge(f"{len(pattern)} characters, at most {MAX_PATTERN_CHARS}")
        self._compiled: Any = re2.compile(pattern.encode(), options())
        if self._compiled.programsize > MAX_PROGRAM:
            raise RegexTooLarge(f"a program of {self._compiled.programsize} instructions, at most {MAX_PROGRAM}")
        # The module's own `search` makes a generator and a match object around this call: 1.5 us that a storm pays each time.
        self._match = self._compiled._regexp.Match
        self._groups = tuple((name.decode(), index) for name, index in self._compiled.groupindex.items())

    def search(self, piece: bytes, at: int, offset: int) -> Match | None:
        """The first match in `piece` from `at` on. The piece is all that `^`, `$` and `\\b` know of; where it stands in the
        event's text, `offset`, is added to what is returned."""
        spans = self._match(_ANYWHERE, piece, at, len(piece))
        begin, end = spans[0]
        if begin < 0:
            return None
        groups = {}
        for name, index in self._groups:
            first, last = spans[index]
            if first < last:
                groups[name] = piece[first : min(last, first + MAX_TOKEN_BYTES)].decode("utf-8", "replace")
        return Match(begin + offset, end + offset, groups)


class Owner(Protocol):
    """Who holds a compiled pattern. `was_used` says so since the last time it was asked."""

    pattern: str
    regex: Regex | None
    was_used: bool


class Regexes:
    """Keeps about the last used RE2 objects: one takes 50 KiB and more, five hundred took 24-31 MB."""

    def __init__(self, keep: int = 128) -> None:
        self._keep = keep
        self._owners: deque[Owner] = deque()

    def make(self, owner: Owner) -> Regex:
        """Gives the owner its regex, and takes one from somebody who did not use his of late. Raises RegexTooLarge; and re2.error
        for what RE2 refuses, which loading the rules has ruled out."""
        made = owner.regex = Regex(owner.pattern)
        owner.was_used = True
        while len(self._owners) >= self._keep:
            oldest = self._owners.popleft()
            if oldest.was_used:
                oldest.was_used = False
                self._owners.append(oldest)
            else:
                oldest.regex = None
        self._owners.append(owner)
        return made
