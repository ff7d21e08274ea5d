"""What is in a mirror: asked of the real cluster, past the code that wrote it."""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from detector.settings import ElasticsearchSettings
from tests.services.elasticsearch import Elasticsearch


def settings_of(address: str, prefix: str, **changes: Any) -> ElasticsearchSettings:
    timeout = timedelta(seconds=changes.pop("timeout_s", 10))
    return ElasticsearchSettings(urls=(address,), prefix=prefix, timeout=timeout, **changes)


class Mirrored:
    """The data streams of a prefix. What was just written is seen: every question refreshes first."""

    def __init__(self, node: Elasticsearch, prefix: str) -> None:
        self._node = node
        self.prefix = prefix

    def count(self, kind: str) -> int:
        """Documents, doubled ones included."""
        return int(self._search(kind, 0)["hits"]["total"]["value"])

    def sources(self, kind: str) -> list[dict[str, Any]]:
        """Up to 10,000 documents."""
        return [hit["_source"] for hit in self._search(kind, 10_000)["hits"]["hits"]]

    def dedup_keys(self, kind: str) -> list[str]:
        """Sorted, as often as they are there."""
        return sorted(source["trimwatch"]["dedup_key"] for source in self.sources(kind))

    def fields(self, kind: str) -> int:
        """How many fields its mapping has, inner ones included."""
        (index,) = self._node.ask("GET", f"/{self.prefix}-{kind}/_mapping").values()
        return _count(index["mappings"])

    def wait_for(self, wanted: Callable[[], bool], within_s: float = 60) -> None:
        end = time.monotonic() + within_s
        while not _holds(wanted):
            assert time.monotonic() < end, {kind: self.count(kind) for kind in ("findings", "incidents", "deliveries")}
            time.sleep(0.2)  # a cluster tells nobody when it has got something

    def _search(self, kind: str, size: int) -> Any:
        stream = f"{self.prefix}-{kind}"
        self._node.ask("POST", f"/{stream}/_refresh?ignore_unavailable=true")
        options = f"ignore_unavailable=true&track_total_hits=true&size={size}"
        return self._node.ask("GET", f"/{stream}/_search?{options}")


def _holds(wanted: Callable[[], bool]) -> bool:
    """An index that was made this moment answers 503."""
    try:
        return wanted()
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
        return False


def _count(mapping: dict[str, Any]) -> int:
    return sum(1 + _count(field) for field in mapping.get("properties", {}).values())
