"""A candidate becomes a hit: RE2 over the decoded text, line by line, never more than 2 KiB at a time.

RE2 is linear in the text, but one byte can cost microseconds and a search cannot be interrupted (measured: `a[ab]{1000}c` takes
28 ms on 2 KiB, 130-340 ms on 8 KiB). What bounds it is how much text and how large a program it is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from detector.core.engine.budget import NoBudget
from detector.core.engine.regexes import Match, Regex, Regexes
from detector.core.ruleset.scan_form import ScanForm, UnscannablePattern, scan_form, spans_lines

WINDOW_BYTES = 2048
MAX_WINDOWS = 32
MATCHES_A_WINDOW = 16
MAX_PLACES = 20_000


class Window(NamedTuple):
    """A place worth a search, and whether it is a piece of a longer line."""

    begin: int
    end: int
    is_cut_before: bool = False
    is_cut_after: bool = False


class Matcher:
    """One pattern, ready to look at events."""

    __slots__ = ("_folds_case", "_has_edge", "_literals", "_promised", "_spans_lines", "pattern", "regex", "was_used")

    def __init__(self, pattern: str, literals: tuple[str, ...] = ()) -> None:
        """`literals` are what the rule's author promises to be in every match."""
        self.pattern = pattern
        self.regex: Regex | None = None
        self.was_used = False
        self._promised = literals
        self._literals: tuple[bytes, ...] = ()
        self._folds_case = self._spans_lines = self._has_edge = False

    def make(self, regexes: Regexes) -> Regex:
        """Gets ready to look at an event: at a pattern's first hit, for most patterns never have one. Raises RegexTooLarge."""
        try:
            form = scan_form(self.pattern, self._promised)
        except UnscannablePattern:  # an `unless` needs none: then every line is looked at
            form = ScanForm("", (), spans_lines=spans_lines(self.pattern), has_edge=True)
        self._literals = tuple(text.encode() for text in form.literals)
        self._folds_case, self._spans_lines, self._has_edge = form.folds_case, form.spans_lines, form.has_edge
        return regexes.make(self)

    def find(
        self, regexes: Regexes, text: bytes, limit: int, want_last: bool, wanted: frozenset[str], budget: NoBudget
    ) -> Match | None:
        """The first or last match in `text[:limit]`; one that fills a group of `wanted` goes before one that fills none.

        Looks at MAX_WINDOWS places at most, from the wanted end. Raises RegexTooLarge.
        """
        regex = self.regex or self.make(regexes)
        self.was_used = True
        lowered = text.lower() if self._folds_case else text
        if limit <= WINDOW_BYTES and (self._spans_lines or lowered.find(b"\n", 0, limit) < 0):
            match = regex.search(text if limit == len(text) else text[:limit], 0, 0)
            if match is None or not self._has_literal(lowered, match.end, limit):
                return match  # nearly always: one short line, one match
        fallback: Match | None = None
        for count, window in enumerate(self._windows(lowered, limit, want_last)[:MAX_WINDOWS]):
            if count and not budget.spend():
                break
            for match in self._matches(regex, text, lowered, window, want_last, budget):
                if not wanted or not wanted.isdisjoint(match.groups):
                    return match
                fallback = fallback or match
        return fallback

    def _matches(
        self, regex: Regex, text: bytes, lowered: bytes, window: Window, want_last: bool, budget: NoBudget
    ) -> list[Match]:
        """The matches in one window, the wanted one first. Searches again only where a literal is left to find."""
        found: list[Match] = []
        piece = text[window.begin : window.end]
        at = 0
        for _ in range(MATCHES_A_WINDOW):
            match = regex.search(piece, at, window.begin)
            if match is None:
                break
            if not self._is_at_cut(match, window):
                found.append(match)
            at = max(match.end - window.begin, at + 1)
            if not self._has_literal(lowered, window.begin + at, window.end) or not budget.spend():
                break
        return found[::-1] if want_last else found

    def _has_literal(self, lowered: bytes, begin: int, end: int) -> bool:
        for literal in self._literals:  # noqa: SIM110 - `any` over a generator takes three times as long
            if lowered.find(literal, begin, end) >= 0:
                return True
        return False

    def _is_at_cut(self, match: Match, window: Window) -> bool:
        """Whether `^` or `$` may have matched where a window ends and the line goes on."""
        if not self._has_edge:
            return False
        return (window.is_cut_before and match.begin == window.begin) or (window.is_cut_after and match.end == window.end)

    def _windows(self, lowered: bytes, limit: int, want_last: bool) -> list[Window]:
        if limit <= WINDOW_BYTES and (self._spans_lines or lowered.find(b"\n", 0, limit) < 0):
            return [Window(0, limit)]
        found = list(self._places(lowered, limit) if self._literals else self._lines(lowered, limit))
        return found[::-1] if want_last else found

    def _places(self, lowered: bytes, limit: int) -> Iterator[Window]:
        """The lines, or pieces of long lines, that hold a literal, in order."""
        ahead = [lowered.find(literal, 0, limit) for literal in self._literals]
        for _ in range(MAX_PLACES):
            at = min((place for place in ahead if place >= 0), default=-1)
            if at < 0:
                return
            yield (window := self._around(lowered, at, limit))
            after = max(at + 1, window.end - WINDOW_BYTES // 4 if window.is_cut_after else window.end)
            ahead = [
                lowered.find(literal, after, limit) if 0 <= place < after else place
                for literal, place in zip(self._literals, ahead, strict=True)
            ]

    def _around(self, lowered: bytes, at: int, limit: int) -> Window:
        begin, end = (0, limit) if self._spans_lines else _line_at(lowered, at, limit)
        if end - begin <= WINDOW_BYTES:
            return Window(begin, end)
        low, high = max(begin, at - WINDOW_BYTES // 2), min(end, at + WINDOW_BYTES // 2)
        return Window(low, high, low > begin, high < end)

    def _lines(self, lowered: bytes, limit: int) -> Iterator[Window]:
        """For a pattern no literal is known of: every line; of a long one the first and last 2 KiB."""
        if self._spans_lines:
            yield Window(0, WINDOW_BYTES, is_cut_after=True)
            return
        begin = 0
        while begin <= limit:
            _, end = _line_at(lowered, begin, limit)
            if end - begin <= WINDOW_BYTES:
                yield Window(begin, end)
            else:
                yield Window(begin, begin + WINDOW_BYTES, is_cut_after=True)
                yield Window(end - WINDOW_BYTES, end, is_cut_before=True)
            begin = end + 1


def _line_at(text: bytes, at: int, limit: int) -> tuple[int, int]:
    """Begin and end of the line that holds `at`, without its newline."""
    end = text.find(b"\n", at, limit)
    return text.rfind(b"\n", 0, at) + 1, limit if end < 0 else end
