"""Signs of a line that a runtime or shipper cut into parts: what has one must be put together before it is scanned for good.

They follow `decode/logs/rebuilding.py`, which says what a part is; here they only find records that may hold one without reading
the quiet ones.
"""

from __future__ import annotations

_QUOTE = r"\\{0,3}\x22"
_COLON = r"[ \t]{0,4}:[ \t]{0,4}"

PARTS: tuple[str, ...] = (
    r" std(?:out|err) P",
    rf"(?:logtag|_p){_QUOTE}{_COLON}{_QUOTE}P{_QUOTE}",
    rf"CONTAINER_PARTIAL_MESSAGE{_QUOTE}{_COLON}{_QUOTE}true",
    # Docker's own: a line whose text does not end in a newline
    r"(?:[^n\\]|[^\\]n)\x22,\x22stream\x22:\x22std(?:out|err)\x22,\x22(?:attrs|time)",
)
