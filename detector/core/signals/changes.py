"""A change: what somebody did to a service, when, and what to go back to."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Container
from datetime import UTC, datetime

from detector.records import Manifest

MOST_MANIFEST_BYTES = 1 << 20
MOST_ITEMS = 20_000
_UNFIT = re.compile(r"[^a-z0-9.]+")


def change_id(service: str, at_ms: int, taken: Container[str]) -> str:
    """A word that one can say: service and minute, `shop-20261125-0927`; `-2` and so on where that is taken."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    name = f"{_UNFIT.sub('-', service.lower()).strip('-.')[:60] or 'change'}-{moment:%Y%m%d-%H%M}"
    number, chosen = 1, name
    while chosen in taken:
        number += 1
        chosen = f"{name}-{number}"
    return chosen


def read_manifest(name: str, text: str) -> Manifest:
    """Raises ValueError, with the line, when it is no manifest."""
    if len(text.encode()) > MOST_MANIFEST_BYTES:
        raise ValueError(f"{name}: a manifest has at most {MOST_MANIFEST_BYTES >> 20} MiB")
    items = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError):
            raise ValueError(f"{name}:{number}: this is no JSON; a manifest has one object a line") from None
        if not isinstance(item, dict) or item.get("kind") not in ("item", "warning"):
            raise ValueError(f'{name}:{number}: an item is an object with "kind":"item" (or "warning")')
        if not isinstance(item.get("item"), str) or not item["item"]:
            raise ValueError(f'{name}:{number}: it does not say which "item"')
        items += 1
    if not 0 < items <= MOST_ITEMS:
        raise ValueError(f"{name}: a manifest has 1 to {MOST_ITEMS} items, this one has {items}")
    return Manifest(name, hashlib.sha256(text.encode()).hexdigest(), text)
