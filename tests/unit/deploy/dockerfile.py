"""A Dockerfile, taken apart into its instructions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Instruction:
    word: str
    rest: str
    stage: int


def instructions_of(path: Path) -> list[Instruction]:
    """In order; continued lines are joined, comments left out. `stage` counts FROMs, 0 before the first."""
    text = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^\s*#.*\n", "", path.read_text()))
    found: list[Instruction] = []
    stage = 0
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        stage += word == "FROM"
        found.append(Instruction(word, rest.strip(), stage))
    return found
