"""RE2 objects for confirming: made when first needed, bounded in size, only the last used kept."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

MAX_PROGRAM = 5000
MAX_PATTERN = 20_000
MAX_TOKEN_BYTES = 512


@dataclass(frozen=True, slots=True)
class Match:
    """Where a pattern matched in an event's text, and what its named groups held (empty ones left out)."""

    begin: int
    end: int
    groups: dict[str, str]


class RegexTooLarge(Exception):
    """The pattern's program is larger than what can be run in the time there is."""


class Regex:
    """A compiled pattern over UTF-8 bytes, with its groups' names as text."""

    __slots__ = ("_groups", "_search")

    def __init__(self, pattern: str) -> None:
        import re2

        if len(pattern) > MAX_PATTERN:
            raise RegexTooLarge(f"{len(pattern)} characters, at most {MAX_PATTERN}")
        options = re2.Options()
        options.log_errors = False
        compiled = re2.compile(pattern.encode(), options)
        if compiled.programsize > MAX_PROGRAM:
            raise RegexTooLarge(f"a program of {compiled.programsize} instructions, at most {MAX_PROGRAM}")
        self._search = compiled.search
        self._groups = tuple((name.decode(), index) for name, index in compiled.groupindex.items())

    def search(self, piece: bytes, at: int, offset: int) -> Match | None:
        """The first match in `piece` from `at` on. The piece is all that `^`, `$` and `\\b` know of; where it stands in the
        event's text, `offset`, is added to what is returned."""
        found: Any = self._search(piece, at)
        if found is None:
            return None
        groups = {}
        for name, index in self._groups:
            token = found.group(index)
            if token:
                groups[name] = token[:MAX_TOKEN_BYTES].decode("utf-8", "replace")
        begin, end = found.span()
        return Match(begin + offset, end + offset, groups)


class Regexes:
    """Keeps the last used RE2 objects: one takes 50 KiB and more, five hundred took 24-31 MB."""

    def __init__(self, keep: int = 128) -> None:
        self._keep = keep
        self._made: OrderedDict[str, Regex] = OrderedDict()

    def get(self, pattern: str) -> Regex:
        """Raises RegexTooLarge; and re2.error for what RE2 refuses, which loading the rules has ruled out."""
        made = self._made.get(pattern)
        if made is None:
            made = self._made[pattern] = Regex(pattern)
            if len(self._made) > self._keep:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end(pattern)
        return made
