"""Third place: files that `trimwatch baseline export` wrote, as a ConfigMap mounts them."""

from __future__ import annotations

from collections.abc import Sequence

from detector.analysis.baselines.places.base import Held, Wanted
from detector.analysis.baselines.places.baseline_tables import chosen, held
from detector.core.signals.baseline import Baseline
from detector.core.signals.definition import SignalDefinition
from detector.edges.baseline_files import baseline_files


class MountedFiles:
    """`patterns` are paths, or patterns of them. A file that is missing, or was changed since, is a note."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns

    def look(self, wanted: Wanted, signals: Sequence[SignalDefinition]) -> Held:
        by_path, notes = self.read()
        baseline = chosen(by_path.values(), wanted)
        if baseline is None:
            services = ", ".join(sorted({each.service for each in by_path.values()}))
            if by_path:
                notes.append(f"the mounted files hold no baseline of {wanted.service}, but of {services}")
            return Held("a mounted file", notes=tuple(notes))
        path = next(path for path, each in by_path.items() if each is baseline)
        found = held(baseline, f"the file {path}", wanted, signals)
        return Held(found.place, found.tables, found.after, found.doubts, found.missing, (*notes, *found.notes))

    def read(self) -> tuple[dict[str, Baseline], list[str]]:
        """By path, and what could not be read."""
        files = list(baseline_files(self._patterns))
        read = {each.path: each.baseline for each in files if each.baseline is not None}
        return read, [each.problem for each in files if each.baseline is None]
