"""What lies among the shared silences and is none costs a line in the log, and nobody's daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from detector.edges.mirror.documents import Version, Versioned, Write
from detector.edges.mirror.silences import A_PAGE, Order, Orders, SharedSilences
from detector.edges.store.store import Store
from detector.settings import StoreSettings

NOW_MS = 1_800_000_000_000
ORDER = Order("silence", "key", NOW_MS, NOW_MS, NOW_MS + 3_600_000, "api", "other").body()


class Found:
    """An index that holds these documents; any search finds all."""

    def __init__(self, bodies: Sequence[Mapping[str, Any]]) -> None:
        self.bodies = bodies

    async def search(self, query: Mapping[str, Any], order: str, limit: int) -> list[tuple[str, Versioned]]:
        return [(str(at), Versioned(body, Version(at, 1))) for at, body in enumerate(self.bodies[:limit])]

    async def put_many(self, writes: Sequence[Write]) -> list[bool]:
        return [True for _ in writes]

    async def delete(self, id: str, expected: Version) -> None:
        return


@pytest.mark.parametrize(
    "odd",
    [{}, {**ORDER, "at_ms": float("inf")}, {**ORDER, "end_ms": "later"}, {**ORDER, "what": "tell_again"}, {**ORDER, "key": ""}],
)
def test_a_document_that_is_no_silence_is_passed_over(odd: Mapping[str, Any], tmp_path: Path) -> None:
    """Alone, and as the last one of a page that is full."""
    store = Store.open(StoreSettings(path=str(tmp_path)), NOW_MS)
    page = [ORDER, *[odd] * (A_PAGE - 1)]
    silences = SharedSilences(cast(Orders, Found(page)), store, 1.0, lambda: NOW_MS, Random(1))
    asyncio.run(silences.exchange())
    assert [command.what for command in store.commands_after(0)] == ["silence"]
