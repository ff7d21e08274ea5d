"""Where rule files lie: the built-in packs (in the wheel or in a checkout) and folders of the user's own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from detector.core.ruleset.load import RuleFile
from detector.documents import read_file
from detector.errors import BadInput, BadRules, Fault

NOT_RULES = ("signals", "drills")  # packs of other data
_SUFFIXES = (".yaml", ".yml")


def builtin_folder() -> Path:
    """The folder of the built-in packs: `detector/_rules` in a wheel, the top folder `rules/` in a checkout."""
    package = Path(str(files("detector")))
    installed = package / "_rules"
    return installed if installed.is_dir() else package.parent / "rules"


def builtin_rule_files(packs: Sequence[str] = ()) -> list[RuleFile]:
    """The built-in rules; only those of `packs`, if any are named."""
    found = rule_files(builtin_folder())
    return [replace(file, is_tested=True) for file in found if not packs or file.id.partition("/")[0] in packs]


def rule_files(folder: str | Path) -> list[RuleFile]:
    """The rules of a folder of packs, of one pack, or of one file; ordered by id. Raises BadRules if one cannot be read."""
    top = Path(os.path.normpath(folder))
    found, faults = [], []
    for path in sorted(_paths(top)):
        try:
            found.append(RuleFile(f"{path.absolute().parent.name}/{path.stem}", str(path), read_file(str(path))))
        except BadInput as bad:
            faults.extend(bad.faults)
    if not found and not faults:
        reason = "holds no rules (*.yaml, or packs of them)" if top.is_dir() else "is no file or folder"
        faults.append(Fault(str(top), 1, "rules.paths", reason))
    if faults:
        raise BadRules(faults)
    return found


def _paths(top: Path) -> Iterable[Path]:
    if top.is_file():
        return [top]
    if not top.is_dir():
        return []
    packs = [pack for pack in top.iterdir() if pack.is_dir() and pack.name not in NOT_RULES and not pack.name.startswith(".")]
    return [path for place in (top, *packs) for path in place.iterdir() if path.suffix in _SUFFIXES and path.is_file()]
