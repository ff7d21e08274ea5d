"""A baseline as one JSON file that fits in a ConfigMap, and back, if nobody changed it.

Kubernetes holds at most 1 MiB in a ConfigMap, keys included. A small baseline stands there as readable JSON; a larger one as the
same JSON under gzip and base64.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import zlib

from detector.core.signals.baseline import Baseline, baseline_of, canonical, digest_of

MOST_FILE_BYTES = 1_000_000
READABLE_BYTES = 64 << 10  # above so many, packed
MOST_UNPACKED_BYTES = 64 << 20


class ChangedBaseline(ValueError):
    """The file is not what was exported."""


def write_file(baseline: Baseline) -> bytes:
    """Raises ValueError, and says what would make it smaller, when it would not fit in a ConfigMap."""
    content = canonical(baseline)
    head = {"kind": "baseline", "about": _about(baseline), "sha256": digest_of(baseline)}
    if len(content) <= READABLE_BYTES:
        text = json.dumps({**head, "content": json.loads(content)}, ensure_ascii=False)
    else:
        packed = base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()
        text = json.dumps({**head, "content_gzip": packed}, ensure_ascii=False)
    file = text.encode() + b"\n"
    if len(file) > MOST_FILE_BYTES:
        raise ValueError(
            f"{baseline.name} would take {len(file):,} bytes and a ConfigMap holds {MOST_FILE_BYTES:,}:"
            f" learn it with a shorter --span, or name the signals that matter with --signal (it has {len(baseline.signals)})"
        )
    return file


def read_file(name: str, file: bytes) -> Baseline:
    """What `write_file` was given. Raises ChangedBaseline, or ValueError when it is no such file; both with words."""
    if len(file) > 4 * MOST_FILE_BYTES:
        raise ValueError(f"{name}: {len(file):,} bytes are no exported baseline")
    try:
        found = json.loads(file)
    except (ValueError, RecursionError):
        raise ValueError(f"{name}: this is no JSON, or only a part of it") from None
    if not isinstance(found, dict) or found.get("kind") != "baseline":
        raise ValueError(f'{name}: this is no baseline: "kind":"baseline" is missing')
    try:
        baseline = baseline_of(found["content"] if "content" in found else _unpacked(found.get("content_gzip")))
        digest = digest_of(baseline)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if digest != found.get("sha256"):
        raise ChangedBaseline(
            f"{name}: it was changed after it was made: it says sha256 {str(found.get('sha256'))[:64]!r},"
            f" its content has {digest}"
        )
    if found.get("about") != _about(baseline):
        raise ChangedBaseline(f"{name}: it was changed after it was made: `about` says something else than its content")
    return baseline


def _about(baseline: Baseline) -> str:
    hours = (baseline.end_ms - baseline.begin_ms) / 3_600_000
    pinned = f", before {baseline.change}" if baseline.change else ""
    return f"{baseline.name}{pinned}: {len(baseline.signals)} signals, {hours:g} h, a value every {baseline.step_ms / 1000:g} s"


def _unpacked(packed: object) -> object:
    if not isinstance(packed, str):
        raise ValueError("it has no content")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(base64.b64decode(packed, validate=True))) as stream:
            content = stream.read(MOST_UNPACKED_BYTES + 1)
        if len(content) > MOST_UNPACKED_BYTES:
            raise ValueError(f"its content is longer than {MOST_UNPACKED_BYTES >> 20} MiB")
        unpacked: object = json.loads(content)
    except (binascii.Error, OSError, EOFError, zlib.error, RecursionError) as error:
        raise ValueError(f"its content cannot be unpacked: {error}") from None
    return unpacked
