"""What is wrong with rules beyond their syntax: what a reviewer would say, said by a machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from detector.analysis.rulecheck.hostile import slowest_rate
from detector.analysis.rulecheck.samples import NOTE, sample_paths
from detector.core.engine.scan import parts_of
from detector.core.ruleset.load import RuleFile, read_rule
from detector.core.ruleset.pattern_faults import check_pattern
from detector.core.ruleset.scan_form import scan_form
from detector.core.ruleset.spec import Rule
from detector.documents import Mapping as Document
from detector.documents import line_at, read_document, read_file
from detector.documents.fields import unknown
from detector.errors import BadInput, Fault

SLOW_MB_S = 20.0
REFUSED_MB_S = 1.0
SHORT_LITERAL = 5
MOST_TITLE = 120
ADVICE = "write + for {1,200}: it costs nothing, and no more than 2 KiB are ever looked at"
_PLACEHOLDER = re.compile(r"(?<!\$)\{([a-z_][a-z0-9_]*)\}")


@dataclass(slots=True)
class Linted:
    """`faults` must be mended; `warnings` may be right as they are."""

    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)


def lint(files: Sequence[RuleFile], known: Iterable[str] = ()) -> Linted:
    """Looks at every rule of the files. `known`: ids of further rules that may be named."""
    linted = Linted()
    ids = {*known, *(file.id for file in files)}
    owners: dict[str, str] = {}
    for file in files:
        try:
            rule = read_rule(replace(file, is_tested=False))
        except BadInput as bad:
            linted.faults += bad.faults
            continue
        document = read_document(file.path, file.text)
        assert isinstance(document, Document)
        _RuleLint(rule, document, linted).look(ids, owners)
    linted.faults += _orphans(files)
    linted.faults.sort()
    linted.warnings.sort()
    return linted


class _RuleLint:
    """One rule that reads well."""

    def __init__(self, rule: Rule, document: Document, linted: Linted) -> None:
        self.rule = rule
        self.document = document
        self.linted = linted

    def fault(self, path: str, problem: str) -> None:
        self.linted.faults.append(self._at(path, problem))

    def warn(self, path: str, problem: str) -> None:
        self.linted.warnings.append(self._at(path, problem))

    def _at(self, path: str, problem: str) -> Fault:
        return Fault(self.rule.where, line_at(self.document, path), path, problem)

    def look(self, ids: set[str], owners: dict[str, str]) -> None:
        self.texts()
        self.names(ids)
        for path, pattern in _patterns(self.rule):
            self.pattern(path, pattern, owners)
        self.samples()

    def texts(self) -> None:
        """Cause, fix and source are what makes a finding worth more than the line itself."""
        for key, text in (("cause", self.rule.cause), ("fix", self.rule.fix), ("source", self.rule.source)):
            if not text:
                self.fault(key, "is missing")
        if len(self.rule.title) > MOST_TITLE:
            self.warn("title", f"is {len(self.rule.title)} characters long; a pager shows {MOST_TITLE}")
        groups = {group for _, pattern in _patterns(self.rule) for group in check_pattern(pattern, False).groups}
        for key, text in (("title", self.rule.title), ("cause", self.rule.cause), ("fix", self.rule.fix)):
            for name in _PLACEHOLDER.findall(text):
                if name not in groups:
                    self.fault(key, unknown("group", name, sorted(groups)) + "; {name} puts a group's text in")

    def names(self, ids: set[str]) -> None:
        for other in self.rule.also_hits:
            if other not in ids:
                self.fault("also_hits", unknown("rule", other, sorted(ids)))
        wanted = set(self.rule.entity.from_groups) if self.rule.entity else set()
        for path, pattern in _patterns(self.rule):
            is_scanned = not path.startswith("unless") and self.rule.absent is None
            if wanted and is_scanned and self.rule.patterns and not wanted & set(check_pattern(pattern, False).groups):
                self.warn(path, "names no entity: it has none of the groups of entity.from")

    def pattern(self, path: str, pattern: str, owners: dict[str, str]) -> None:
        if not path.startswith("unless"):
            form = scan_form(pattern, self.rule.literals)
            shortest = min(form.literals, key=len)
            if len(shortest) < SHORT_LITERAL:
                self.warn(path, f"all that every match must hold is {shortest!r}: the scan will stop at many lines")
            other = owners.setdefault(pattern, self.rule.id)
            if other != self.rule.id:
                self.warn(path, f"{other} has the very same pattern")
        rate = slowest_rate(pattern)
        if rate < REFUSED_MB_S:
            self.fault(path, f"runs at {rate:.2g} MB/s on text made for it; at least {REFUSED_MB_S:g}: {ADVICE}")
        elif rate < SLOW_MB_S:
            self.warn(path, f"runs at {rate:.3g} MB/s on text made for it; good ones run at over {SLOW_MB_S:g}: {ADVICE}")

    def samples(self) -> None:
        """Both files must be there; where their lines come from should be said."""
        for path in sample_paths(self.rule.where):
            try:
                text = read_file(str(path))
            except BadInput as bad:
                self.fault("file", f"{path.name}: {bad.faults[0].problem}; a rule has a match.log and a clean.log beside it")
                continue
            lines = [line for line in text.split(b"\n") if line.strip()]
            if not any(not line.startswith(NOTE) for line in lines):
                self.fault("file", f"{path.name} holds no line")
            elif path.name.endswith(".match.log") and not any(line.startswith(b"# from:") for line in lines):
                self.warn("file", f"{path.name} does not say where its lines come from (# from: ...)")


def _patterns(rule: Rule) -> Iterator[tuple[str, str]]:
    """Every pattern with its path in the document."""
    key = "patterns" if rule.patterns else "all" if rule.all_of else "sequence"
    if rule.absent is not None:
        yield from (("absent.after", rule.absent.after), ("absent.expect", rule.absent.expect))
    else:
        yield from ((f"{key}.{at}", pattern) for at, pattern in enumerate(parts_of(rule)))
    yield from ((f"unless.{at}", pattern) for at, pattern in enumerate(rule.unless))


def _orphans(files: Sequence[RuleFile]) -> list[Fault]:
    """Sample logs without a rule."""
    wanted = {path for file in files for path in sample_paths(file.path)}
    folders: Mapping[Path, None] = dict.fromkeys(Path(file.path).parent for file in files)
    found = [path for folder in folders for pattern in ("*.match.log", "*.clean.log") for path in folder.glob(pattern)]
    is_whole = {folder: len({Path(file.path) for file in files if Path(file.path).parent == folder}) for folder in folders}
    return [
        Fault(str(path), 1, "file", "is a sample of no rule")
        for path in sorted(found)
        if path not in wanted and is_whole[path.parent] == len(list(path.parent.glob("*.yaml")))
    ]
