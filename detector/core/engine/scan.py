"""All rules at once over a whole buffer: what comes out are candidates, never more than a hint of where to look."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from detector.core.engine.loud import LOUD
from detector.core.engine.parts import PARTS
from detector.core.ruleset.scan_form import ScanForm, scan_form
from detector.core.ruleset.spec import Rule

Buffer = bytes | bytearray | memoryview

NO_RULE = -1


class Scanner(Protocol):
    """Finds where in a buffer a pattern may have matched."""

    def scan(self, buffer: Buffer, begin: int, end: int) -> list[tuple[int, int]]:
        """(offset in `buffer` of the last matched byte, pattern index) for `buffer[begin:end]`, ascending. `begin` is a line
        start. A pattern that matches in a line is reported at least once in that line."""
        ...


class Pattern:
    """One pattern of one rule. `part` counts within the rule; those of levels and cut lines belong to NO_RULE and are their own
    scan forms.

    The scan form is derived when it is asked for: with a database in the cache, most patterns' never is.
    """

    __slots__ = ("_form", "literals", "part", "rule", "text")

    def __init__(self, text: str, rule: int, part: int, literals: tuple[str, ...] = (), form: ScanForm | None = None) -> None:
        self.text = text
        self.rule = rule
        self.part = part
        self.literals = literals
        self._form = form

    @property
    def form(self) -> ScanForm:
        """Raises UnscannablePattern, which loading the rules has ruled out."""
        return self._form or scan_form(self.text, self.literals)


@dataclass(frozen=True, slots=True)
class PatternTable:
    """Every pattern by its index; the rules' come first, then from `first_loud` on the level patterns, then from `first_part` on
    those of lines that were cut into parts."""

    patterns: tuple[Pattern, ...]
    first_loud: int
    first_part: int

    def forms(self) -> list[bytes]:
        """The patterns as both engines read them: bytes in, bytes out, no UTF-8. A thousand take a tenth of a second."""
        return [pattern.form.pattern.encode("latin-1") for pattern in self.patterns]

    @property
    def digest(self) -> str:
        """Equal for tables that compile to the same database, as long as scan forms are derived in the same way."""
        texts = "\n\0".join(f"{pattern.text}\0{pattern.literals}" for pattern in self.patterns)
        return hashlib.sha256(texts.encode("utf-8", "surrogatepass")).hexdigest()


def parts_of(rule: Rule) -> tuple[str, ...]:
    """The patterns of a rule that are scanned for; the index is what is called a part."""
    if rule.absent is not None:
        return (rule.absent.after, rule.absent.expect)
    return rule.patterns or rule.all_of or rule.sequence


def pattern_table(rules: Iterable[Rule]) -> PatternTable:
    """The table for these rules, in their order."""
    patterns = [
        Pattern(text, index, part, rule.literals) for index, rule in enumerate(rules) for part, text in enumerate(parts_of(rule))
    ]
    others = [Pattern(text, NO_RULE, part, form=ScanForm(text, ())) for part, text in enumerate((*LOUD, *PARTS))]
    return PatternTable((*patterns, *others), len(patterns), len(patterns) + len(LOUD))


def compile_database(table: PatternTable) -> bytes:
    """The serialised Hyperscan database. Takes from milliseconds to seconds and leaves megabytes behind: see edges/scan_cache.

    Raises hyperscan.error when a pattern is refused and ImportError where there is no Hyperscan.
    """
    return compile_forms(table.forms())


def compile_forms(forms: Sequence[bytes]) -> bytes:
    """As `compile_database`, from the patterns alone; a pattern's index is its id."""
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=forms, ids=list(range(len(forms))), flags=[0] * len(forms))
    return bytes(hyperscan.dumpb(database))


class HyperscanScanner:
    """Scans with a database from `compile_database` of the same table. Not for two threads at once: it has one scratch."""

    def __init__(self, database: bytes) -> None:
        import hyperscan

        self._database = hyperscan.loadb(database, hyperscan.HS_MODE_BLOCK)
        self._database.scratch = hyperscan.Scratch(self._database)

    def scan(self, buffer: Buffer, begin: int, end: int) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        note = found.append
        before = begin - 1

        def on_match(pattern: int, _start: int, stop: int, _flags: int, _context: Any) -> None:
            note((stop + before, pattern))

        with memoryview(buffer) as view, view[begin:end] as run:
            self._database.scan(cast(bytes, run), match_event_handler=on_match)
        found.sort()
        return found


class SetScanner:
    """Scans line by line with RE2 sets: slower, the same lines, no Hyperscan needed.

    A set whose automaton does not fit its memory finds nothing and does not say so, therefore sets are bounded in text as well as
    in number: measured, 1,238 patterns in sets of 256 took 40 MB at most and made 21 MB/s of a plain log, in sets of 64 seven.
    Long lines are looked at in overlapping pieces because the cost of a hostile one is per call.
    """

    PER_SET = 256
    CHARS_PER_SET = 100_000
    MEMORY_BYTES = 8 << 20
    PIECE_BYTES = 64 << 10
    OVERLAP_BYTES = 8 << 10

    def __init__(self, table: PatternTable, forms: Sequence[bytes] | None = None) -> None:
        """`forms` are the table's, where they are known already."""
        forms, first, chars = forms or table.forms(), 0, 0
        self._sets: list[tuple[int, Any]] = []
        for index, form in enumerate(forms):
            chars += len(form)
            is_full = index + 1 - first == self.PER_SET or chars > self.CHARS_PER_SET
            if is_full or index + 1 == len(forms):
                self._sets.append((first, self._compile(forms[first : index + 1])))
                first, chars = index + 1, 0

    def _compile(self, forms: Sequence[bytes]) -> Any:
        import re2

        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.max_mem = self.MEMORY_BYTES
        options.log_errors = False
        chosen = re2.Set.SearchSet(options)
        for form in forms:
            chosen.Add(form)
        chosen.Compile()
        return chosen

    def scan(self, buffer: Buffer, begin: int, end: int) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        run = bytes(memoryview(buffer)[begin:end])
        at = 0
        while at < len(run):
            newline = run.find(b"\n", at)
            stop = len(run) if newline < 0 else newline
            if stop > at:
                found.extend((begin + stop - 1, pattern) for pattern in sorted(self._line(run, at, stop)))
            at = stop + 1
        return found

    def _line(self, run: bytes, at: int, stop: int) -> set[int]:
        """Pattern indices that match in the line `run[at:stop]`."""
        hit: set[int] = set()
        while True:
            piece = run[at : min(stop, at + self.PIECE_BYTES)]
            for first, chosen in self._sets:
                hit.update(first + index for index in chosen.Match(piece) or ())
            if at + self.PIECE_BYTES >= stop:
                return hit
            at += self.PIECE_BYTES - self.OVERLAP_BYTES
