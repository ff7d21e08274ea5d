"""What every row is measured with: where things lie, how often, and how a row is told."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from tests.bench.corpus import Recipe, corpus
from tests.bench.rulesets import rules, write_for_ripgrep


@dataclass(frozen=True, slots=True)
class Bench:
    """Where corpora and caches lie, how long the plain log is, how often each thing is measured."""

    folder: Path
    lines: int
    rounds: int

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def log(self, layout: str = "plain", **changes: float) -> Path:
        return corpus(Recipe(layout, **{"lines": self.lines, **changes}), self.folder)  # type: ignore[arg-type]

    def patterns(self, count: int, helped: bool) -> Path:
        path = self.folder / f"rules-{count}-{'helped' if helped else 'written'}.rg"
        write_for_ripgrep(_rules(count), path, helped)
        return path


_rules = functools.cache(rules)


def told(name: str, bound: str, is_kept: bool, what: str) -> bool:
    print(f"{'ok  ' if is_kept else 'MISS'} {name:22s} {bound:34s} {what}", flush=True)
    return is_kept
