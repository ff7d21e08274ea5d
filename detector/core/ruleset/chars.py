"""A set of characters as a pattern names it: ASCII exactly, everything beyond in three steps.

What lies beyond ASCII may be written in so many ways in a log (UTF-8, `\\u00e9`, a broken byte) that the scan form never tells
one such character from another. The one exception are the two that fold to ASCII letters under `(?i)`: the Kelvin sign and the
long s; without it every `(?i)` pattern would match any such character at each k and s.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

ALL_ASCII = (1 << 128) - 1
NEWLINE = 1 << 10
LONG_S, KELVIN = 0x17F, 0x212A


class Beyond(IntEnum):
    """Which characters above U+007F are in a set; the larger includes the smaller."""

    NONE = 0
    FOLDS = 1  # the long s and the Kelvin sign, where s and k are
    ANY = 2


@dataclass(frozen=True, slots=True)
class CharSet:
    """Bit n of `ascii` says that chr(n) is in the set."""

    ascii: int
    beyond: Beyond = Beyond.NONE

    def __or__(self, other: CharSet) -> CharSet:
        return CharSet(self.ascii | other.ascii, max(self.beyond, other.beyond))

    def __contains__(self, char: str) -> bool:
        return bool(self.ascii >> ord(char) & 1)

    def without_newline(self) -> CharSet:
        return CharSet(self.ascii & ~NEWLINE, self.beyond)

    def codes(self) -> Iterator[int]:
        """The ASCII codes in it, ascending."""
        left = self.ascii
        while left:
            lowest = left & -left
            yield lowest.bit_length() - 1
            left ^= lowest

    def negated(self) -> CharSet:
        """All others. Beyond ASCII we cannot tell, so all of it."""
        return CharSet(ALL_ASCII & ~self.ascii, Beyond.ANY)

    def folded(self) -> CharSet:
        """With every letter's other case, as RE2 folds under (?i). The long s and the Kelvin sign are the caller's to fold."""
        mask = self.ascii
        for code in self.codes():
            mask |= 1 << ord(chr(code).swapcase())
        has_fold = mask & _bits("ks")
        return CharSet(mask, max(self.beyond, Beyond.FOLDS) if has_fold else self.beyond)


def span(low: int, high: int) -> CharSet:
    """The characters of code low to high, both included."""
    top = min(high, 127)
    mask = ((1 << (top + 1)) - 1) & ~((1 << low) - 1) if low <= top else 0
    return CharSet(mask, Beyond.ANY if high > 127 else Beyond.NONE)


def one_of(text: str) -> CharSet:
    return CharSet(_bits(text))


def _bits(text: str) -> int:
    mask = 0
    for char in text:
        mask |= 1 << ord(char)
    return mask


EMPTY = CharSet(0)
ANYTHING = CharSet(ALL_ASCII, Beyond.ANY)
DIGIT = span(0x30, 0x39)
UPPER = span(0x41, 0x5A)
LOWER = span(0x61, 0x7A)
WORD = DIGIT | UPPER | LOWER | one_of("_")
SPACE = one_of("\t\n\f\r ")
PERL = {"d": DIGIT, "w": WORD, "s": SPACE}
POSIX = {
    "alnum": DIGIT | UPPER | LOWER,
    "alpha": UPPER | LOWER,
    "ascii": span(0, 127),
    "blank": one_of("\t "),
    "cntrl": span(0, 31) | span(127, 127),
    "digit": DIGIT,
    "graph": span(0x21, 0x7E),
    "lower": LOWER,
    "print": span(0x20, 0x7E),
    "punct": span(0x21, 0x2F) | span(0x3A, 0x40) | span(0x5B, 0x60) | span(0x7B, 0x7E),
    "space": SPACE | one_of("\v"),
    "upper": UPPER,
    "word": WORD,
    "xdigit": DIGIT | span(0x41, 0x46) | span(0x61, 0x66),
}


def unicode_class(name: str) -> CharSet:
    """`\\p{name}`: its ASCII part exactly (general categories and the scripts that reach into ASCII), and all beyond."""
    letters = UPPER | LOWER
    if name == "Any":
        return ANYTHING
    if name in ("Latin", "Common"):
        mask = letters.ascii if name == "Latin" else ALL_ASCII & ~letters.ascii
        return CharSet(mask, Beyond.ANY)
    mask = 0
    if len(name) <= 2:
        mask = sum(1 << code for code in range(128) if unicodedata.category(chr(code)).startswith(name))
    return CharSet(mask, Beyond.ANY)
