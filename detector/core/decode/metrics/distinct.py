"""How many different things there were, without keeping them: exact up to MOST_KEPT, then by the smallest of their digests.

Bar-Yossef et al. 2002, "Counting distinct elements in a data stream", the k minimum values: with the k-th smallest of n evenly
spread numbers at m, n is about (k - 1) / m; the standard error is 1 / sqrt(k - 2).
"""

from __future__ import annotations

import hashlib
import heapq

MOST_KEPT = 1024  # a standard error of 3 %
_ALL = 1 << 64


class Distinct:
    """Adding one twice counts once."""

    __slots__ = ("_kept", "_largest_first")

    def __init__(self) -> None:
        self._kept: set[int] = set()
        self._largest_first: list[int] = []  # a heap of negated digests

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def add(self, thing: bytes) -> None:
        digest = int.from_bytes(hashlib.blake2b(thing, digest_size=8).digest())
        if digest in self._kept:
            return
        if len(self._kept) < MOST_KEPT:
            heapq.heappush(self._largest_first, -digest)
        elif digest < -self._largest_first[0]:
            self._kept.discard(-heapq.heapreplace(self._largest_first, -digest))
        else:
            return
        self._kept.add(digest)

    def count(self) -> float:
        if len(self._kept) < MOST_KEPT:
            return float(len(self._kept))
        return float(round((MOST_KEPT - 1) * _ALL / -self._largest_first[0]))
