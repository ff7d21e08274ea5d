"""RE2's syntax as a tree. It answers what the engine does not: which characters a pattern needs, and where it may end a line.

RE2 itself says first whether a pattern is valid; the parser here may therefore be generous, but it never reads a pattern as
matching less than RE2 does. https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from detector.core.ruleset import chars
from detector.core.ruleset.chars import CharSet

MAX_PATTERN_CHARS = 4000
MAX_DEPTH = 60
REPLACEMENT = 0xFFFD  # what a decoder puts in the place of a broken byte: it stands for any


class PatternSyntax(ValueError):
    """The pattern cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of the set. `char` is the one character that it stands for, or empty where it may be several."""

    set: CharSet
    char: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """A place that takes no character: ^ $ \\A \\z \\b \\B."""

    kind: str


@dataclass(frozen=True, slots=True)
class Seq:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alt:
    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`part`, low to high times; high is None without a limit."""

    part: Node
    low: int
    high: int | None


Node = Chars | Edge | Seq | Alt | Repeat


@dataclass(frozen=True, slots=True)
class Flags:
    folds_case: bool = False
    dot_takes_newline: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """`folds_case`: some part of it is under (?i). `has_edge`: it has ^ or $. `writes_newline`: the author wrote a newline, not
    just a class that is wide enough for one."""

    tree: Node
    folds_case: bool
    has_edge: bool
    writes_newline: bool


def parse(pattern: str) -> Parsed:
    """Reads a pattern that RE2 accepts. Raises PatternSyntax for what it cannot follow: too long, too deep, `\\C`."""
    if len(pattern) > MAX_PATTERN_CHARS:
        raise PatternSyntax(f"is {len(pattern)} characters long; at most {MAX_PATTERN_CHARS}")
    parser = _Parser(pattern)
    tree = parser.alternatives(Flags(), 0)
    if parser.at < len(pattern):
        raise PatternSyntax(f"unmatched ) at character {parser.at + 1}")
    return Parsed(tree, parser.folds_case, parser.has_edge, parser.writes_newline)


_SIMPLE = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_EDGES = {"A": "^", "z": "$", "b": "b", "B": "B"}


# Letters and the like that stand for themselves, up to one that is repeated.
_PLAIN_RUN = re.compile(r"(?:[A-Za-z0-9 :;,'\"/<>=&%@!#~`_-](?![*+?{]))+")


class _Parser:
    """Recursive descent, one method a rule of the grammar. `at` is the next character to read."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.folds_case = False
        self.has_edge = False
        self.writes_newline = False

    def alternatives(self, flags: Flags, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise PatternSyntax(f"groups nest deeper than {MAX_DEPTH}")
        branches: list[Node] = []
        parts: list[Node] = []
        while self.at < len(self.pattern) and self.peek() != ")":
            run = _PLAIN_RUN.match(self.pattern, self.at)
            if run:
                parts.extend(self.literal(ord(char), flags) for char in run[0])
                self.at = run.end()
            elif self.takes("|"):
                branches.append(Seq(tuple(parts)))
                parts = []
            elif self.pattern.startswith("(?", self.at) and not self.pattern.startswith(("(?:", "(?P<", "(?<"), self.at):
                flags, group = self.flag_group(flags, depth)
                if group is not None:
                    parts.append(self.repeated(group))
            elif self.takes("\\Q"):
                parts.extend(self.quoted(flags))
            else:
                parts.append(self.repeated(self.atom(flags, depth)))
        branches.append(Seq(tuple(parts)))
        return branches[0] if len(branches) == 1 else Alt(tuple(branches))

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def takes(self, text: str) -> bool:
        if self.pattern.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def next(self) -> str:
        char = self.peek()
        if not char:
            raise PatternSyntax("ends in the middle")
        self.at += 1
        return char

    def until(self, end: str) -> str:
        stop = self.pattern.find(end, self.at)
        if stop < 0:
            raise PatternSyntax(f"{end!r} is missing")
        text, self.at = self.pattern[self.at : stop], stop + len(end)
        return text

    def flag_group(self, flags: Flags, depth: int) -> tuple[Flags, Node | None]:
        """`(?is)` changes the flags of what follows in this group, `(?is:...)` those of its own."""
        self.at += 2
        is_on, mine = True, flags
        while (char := self.next()) not in ":)":
            if char == "-":
                is_on = False
            elif char == "i":
                mine = replace(mine, folds_case=is_on)
            elif char == "s":
                mine = replace(mine, dot_takes_newline=is_on)
            elif char not in "mU":
                raise PatternSyntax(f"(?{char} is not RE2 syntax; there is no look-around and no atomic group")
        return (mine, None) if char == ")" else (flags, self.group(mine, depth))

    def group(self, flags: Flags, depth: int) -> Node:
        tree = self.alternatives(flags, depth + 1)
        if not self.takes(")"):
            raise PatternSyntax("a ( is never closed")
        return tree

    def atom(self, flags: Flags, depth: int) -> Node:
        if self.takes("(?:"):
            return self.group(flags, depth)
        if self.takes("(?P<") or self.takes("(?<"):
            self.until(">")
            return self.group(flags, depth)
        char = self.next()
        if char == "(":
            return self.group(flags, depth)
        if char == "[":
            return self.char_class(flags)
        if char == ".":
            everything = chars.ANYTHING
            return Chars(everything if flags.dot_takes_newline else everything.without_newline())
        if char in "^$":
            return self.edge(char)
        if char == "\\":
            return self.escape(flags)
        return self.literal(ord(char), flags)

    def edge(self, kind: str) -> Edge:
        self.has_edge |= kind in "^$"
        return Edge(kind)

    def literal(self, code: int, flags: Flags) -> Chars:
        self.folds_case |= flags.folds_case
        self.writes_newline |= code == 10
        return _literal(code, flags.folds_case)

    def span(self, low: int, high: int, flags: Flags) -> CharSet:
        self.folds_case |= flags.folds_case
        return _span(low, high, flags.folds_case)

    def fold(self, found: CharSet, flags: Flags) -> CharSet:
        self.folds_case |= flags.folds_case
        return found.folded() if flags.folds_case else found

    def quoted(self, flags: Flags) -> list[Node]:
        """`\\Q...\\E`: as it stands; without `\\E` to the end. A repeat after it is for its last character."""
        stop = self.pattern.find("\\E", self.at)
        text = self.pattern[self.at : stop if stop >= 0 else len(self.pattern)]
        self.at = stop + 2 if stop >= 0 else len(self.pattern)
        parts: list[Node] = [self.literal(ord(char), flags) for char in text]
        if parts:
            parts[-1] = self.repeated(parts[-1])
        return parts

    def escape(self, flags: Flags) -> Node:
        char = self.peek()
        if char in _EDGES and char:
            self.at += 1
            return self.edge(_EDGES[char])
        if char == "C":
            raise PatternSyntax("\\C matches half a character; write a class instead")
        if self.takes("E"):
            return Seq(())
        found = self.class_escape(flags)
        return Chars(found) if found is not None else self.literal(self.code_escape(), flags)

    def class_escape(self, flags: Flags) -> CharSet | None:
        """`\\d \\W \\pL \\P{Greek}`; the backslash is read. None when it is a single character's escape."""
        char = self.peek()
        if char.lower() in chars.PERL and char:
            self.at += 1
            found = self.fold(chars.PERL[char.lower()], flags)
            return found.negated() if char.isupper() else found
        if char not in ("p", "P"):
            return None
        self.at += 1
        name = self.until("}") if self.takes("{") else self.next()
        is_negated = (char == "P") != name.startswith("^")
        found = self.fold(chars.unicode_class(name.lstrip("^")), flags)
        return found.negated() if is_negated else found

    def code_escape(self) -> int:
        """`\\n \\x41 \\x{1F600} \\101 \\.`; the backslash is read."""
        char = self.next()
        if char in _SIMPLE:
            return _SIMPLE[char]
        if char == "x":
            digits = self.until("}") if self.takes("{") else self.next() + self.next()
            return self.number(digits, 16)
        if char in "01234567":
            digits = char
            while len(digits) < 3 and self.peek() in tuple("01234567"):
                digits += self.next()
            return self.number(digits, 8)
        return ord(char)

    def number(self, digits: str, base: int) -> int:
        try:
            return int(digits, base)
        except ValueError:
            raise PatternSyntax(f"{digits!r} is no character code") from None

    def char_class(self, flags: Flags) -> Chars:
        is_negated = self.takes("^")
        found, is_first = chars.EMPTY, True
        while is_first or self.peek() != "]":
            is_first = False
            item, code = self.class_item(flags)
            if code is not None and self.peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self.class_code()
                item = self.span(code, high, flags)
            found |= item
            self.writes_newline |= code == 10 and not is_negated
        self.at += 1
        return Chars(found.negated() if is_negated else found)

    def class_item(self, flags: Flags) -> tuple[CharSet, int | None]:
        """The next thing in a class, and its code if it is one character."""
        if self.takes("[:"):
            name = self.until(":]")
            found = self.fold(chars.POSIX.get(name.lstrip("^"), chars.ANYTHING), flags)
            return (found.negated() if name.startswith("^") else found), None
        if self.peek() == "\\" and self.pattern[self.at + 1 : self.at + 2].lower() in ("d", "w", "s", "p"):
            self.at += 1
            return self.class_escape(flags) or chars.ANYTHING, None
        code = self.class_code()
        return self.span(code, code, flags), code

    def class_code(self) -> int:
        return self.code_escape() if self.takes("\\") else ord(self.next())

    def repeated(self, part: Node) -> Node:
        """The part with the repeats written after it: `* + ? {2} {2,} {2,5}`, each maybe lazy."""
        while True:
            bounds = self.bounds()
            if bounds is None:
                return part
            self.takes("?")
            part = Repeat(part, *bounds)

    def bounds(self) -> tuple[int, int | None] | None:
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if self.peek() in simple:
            return simple[self.next()]
        stop = self.pattern.find("}", self.at)
        if self.peek() != "{" or stop < 0:
            return None
        low, comma, high = self.pattern[self.at + 1 : stop].partition(",")
        if not _is_number(low) or (high and not _is_number(high)):
            return None
        self.at = stop + 1
        return int(low), (int(high) if high else None) if comma else int(low)


@lru_cache(maxsize=512)
def _literal(code: int, folds_case: bool) -> Chars:
    found = _span(code, code, folds_case)
    is_one = code != REPLACEMENT and (code > 127 or found.ascii.bit_count() == 1) and not (folds_case and found.beyond)
    return Chars(found, chr(code) if is_one else "")


def _span(low: int, high: int, folds_case: bool) -> CharSet:
    if not folds_case:
        return chars.span(low, high)
    found = chars.span(low, high).folded()
    for code, letters in ((chars.LONG_S, "sS"), (chars.KELVIN, "kK")):
        found |= chars.one_of(letters) if low <= code <= high else chars.EMPTY
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4
