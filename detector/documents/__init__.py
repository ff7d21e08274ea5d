"""YAML that people write, read under guard, with the line of everything in it."""

from detector.documents.reading import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_FAULTS,
    MAX_VALUES,
    Entry,
    Items,
    Mapping,
    Node,
    Scalar,
    line_at,
    read_document,
    read_file,
)

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_FAULTS",
    "MAX_VALUES",
    "Entry",
    "Items",
    "Mapping",
    "Node",
    "Scalar",
    "line_at",
    "read_document",
    "read_file",
]
