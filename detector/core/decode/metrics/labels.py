"""Labels of a series: sorted, bounded, each name once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from detector.records import Labels

MOST_POINTS = 100_000  # in one record
MOST_LABELS = 128
LONGEST_NAME = 256
LONGEST_VALUE = 512
_DIGEST = 16


def named(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Labels by name, bounded; of two with one name the later stands. An empty value is as good as none. Raises ValueError when
    there are too many: to leave some out would make one series of several."""
    found = dict(pairs)
    values = found.values()
    if found and (max(map(len, values)) > LONGEST_VALUE or max(map(len, found)) > LONGEST_NAME or "" in values):
        found = {bounded(name, LONGEST_NAME): bounded(value, LONGEST_VALUE) for name, value in found.items() if value}
    if len(found) > MOST_LABELS:
        raise ValueError(f"more than {MOST_LABELS} labels")
    return found


def sorted_labels(*by_name: Mapping[str, str]) -> Labels:
    """All of them, by name; the later mapping's stands where two have it. Raises ValueError when there are too many."""
    found = dict(by_name[0])
    for each in by_name[1:]:
        found.update(each)
    if len(found) > MOST_LABELS:
        raise ValueError(f"more than {MOST_LABELS} labels")
    return tuple(sorted(found.items()))


def bounded(text: str, longest: int) -> str:
    """A longer text is cut, and ends in a digest of the whole: two that differ stay two."""
    if len(text) <= longest:
        return text
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=_DIGEST // 2).hexdigest()
    return f"{text[: longest - _DIGEST - 1]}~{digest}"
