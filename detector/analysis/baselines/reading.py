"""Files of series, whichever of the two formats they have."""

from __future__ import annotations

from collections.abc import Sequence

from detector.analysis.baselines.csv_table import read_csv
from detector.analysis.baselines.query_range import Ranged, kept_labels, read_query_range, table_of
from detector.analysis.baselines.table import MAX_BYTES, Table
from detector.errors import BadInput, Fault


def read_tables(paths: Sequence[str]) -> list[Table]:
    """The tables of the files in their order, with names that agree between them. Raises BadInput with all faults of all."""
    faults: list[Fault] = []
    read: list[Table | list[Ranged]] = []
    for path in paths:
        try:
            raw = raw_bytes(path)
            is_json = raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
            read.append(read_query_range(path, raw.removeprefix(b"\xef\xbb\xbf")) if is_json else read_csv(path, raw))
        except BadInput as bad:
            faults += bad.faults
    if faults:
        raise BadInput(faults)
    kept = kept_labels(one for one in read if isinstance(one, list))
    return [one if isinstance(one, Table) else table_of(path, one, kept) for path, one in zip(paths, read, strict=True)]


def raw_bytes(path: str) -> bytes:
    """Raises BadInput when it cannot be read or is larger than we take."""
    try:
        with open(path, "rb") as source:
            raw = source.read(MAX_BYTES + 1)
    except OSError as problem:
        raise BadInput([Fault(path, 1, "file", problem.strerror or str(problem))]) from None
    if len(raw) > MAX_BYTES:
        raise BadInput([Fault(path, 1, "file", f"is larger than {MAX_BYTES >> 30} GiB")])
    return raw
