"""Where the files of golden signals lie: `rules/signals/<layer>/<signal>.yaml`, in the wheel or in a checkout."""

from __future__ import annotations

from pathlib import Path

from detector.core.signals.catalogue import SignalFile
from detector.documents import read_file
from detector.edges.rule_files import builtin_folder
from detector.errors import BadInput, BadRules, Fault


def builtin_signal_files() -> list[SignalFile]:
    return signal_files(builtin_folder() / "signals")


def signal_files(folder: str | Path) -> list[SignalFile]:
    """Ordered by id. Raises BadRules if one cannot be read, or there is none."""
    found, faults = [], []
    for path in sorted(Path(folder).glob("*/*.yaml")):
        try:
            found.append(SignalFile(f"{path.parent.name}/{path.stem}", str(path), read_file(str(path))))
        except BadInput as bad:
            faults.extend(bad.faults)
    if not found and not faults:
        faults.append(Fault(str(folder), 1, "signals", "holds no signals (<layer>/<signal>.yaml)"))
    if faults:
        raise BadRules(faults)
    return found
