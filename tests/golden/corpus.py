"""Reads a corpus of labelled log excerpts and says how many the rules find, name and wrongly flag.

usage: python -P -m tests.golden.corpus FILE.jsonl...     one record a line: id, label (trim, negative, ...), entity, text
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from detector.edges.scan_cache import default_folder
from detector.records import Batch, Incident, Severity, Stage, Stream
from detector.replay import replay
from detector.rule_loading import ReadyRules, read_rules, ready_rules
from detector.settings import RuleSettings

OBSERVED_MS = 1_795_000_000_000


@dataclass
class Score:
    """Ids by what went wrong, and how many there were. Named: some labels are only a fragment of the token as printed."""

    trims: int = 0
    named: int = 0
    negatives: int = 0
    missed: list[str] = field(default_factory=list)
    misnamed: list[str] = field(default_factory=list)
    flagged: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        found, right = self.trims - len(self.missed), self.named - len(self.misnamed)
        lines = [f"MISSED   {one}" for one in self.missed] + [f"MISNAMED {one}" for one in self.misnamed]
        lines += [f"FLAGGED  {one}" for one in self.flagged]
        lines.append(
            f"found {found} of {self.trims} ({found / max(1, self.trims):.1%}), named {right} of {self.named}"
            f" ({right / max(1, self.named):.1%}), flagged {len(self.flagged)} of {self.negatives} negatives"
        )
        return "\n".join(lines)


@lru_cache(maxsize=1)
def rules() -> ReadyRules:
    return ready_rules(RuleSettings(), default_folder())


def incidents_in(text: str) -> list[Incident]:
    """What a replay of this excerpt alone claims to be trim failures."""
    body = text.encode("utf-8", "surrogatepass")
    body += b"" if body.endswith(b"\n") else b"\n"
    batch = Batch(Stream("excerpt", "excerpt"), body, 0, len(body), 0, OBSERVED_MS, ends=True)
    ready = rules()
    ready.engine.restore({})
    found = replay([batch], ready).incidents
    return [i for i in found if i.severity.rank >= Severity.WARNING.rank and i.stage is not Stage.NONE]


def score(paths: list[Path]) -> Score:
    total = Score()
    for record in (json.loads(line) for path in paths for line in path.open(encoding="utf-8")):
        found = incidents_in(record["text"])
        said = ", ".join(f"{i.rule}={i.entity}" for i in found)
        if record["label"] == "trim":
            total.trims += 1
            total.named += bool(record["entity"])
            if not found:
                total.missed.append(f"{record['id']} {record['failure']} {record['entity']!r}")
            elif record["entity"] and not any(record["entity"] in (i.entity or "") for i in found):
                total.misnamed.append(f"{record['id']} {record['entity']!r} as {said}")
        elif record["label"] == "negative":
            total.negatives += 1
            if found:
                total.flagged.append(f"{record['id']} {said}")
    return total


if __name__ == "__main__":
    print(f"{len(read_rules(RuleSettings()))} rules")
    print(score([Path(name) for name in sys.argv[1:]]))
