"""How many requests a minute a receiver is sent, with room kept for what cannot wait."""

from __future__ import annotations

from collections import deque

_MINUTE_MS = 60_000


class SendingRate:
    """At most `per_minute` in any 60 s, as the receiver counts them: a bucket that refills would let twice as many through.

    What can wait (`is_urgent=False`) leaves the last fifth to what cannot.
    """

    def __init__(self, per_minute: int) -> None:
        self._limits = {True: per_minute, False: max(1, per_minute * 4 // 5)}
        self._sent: deque[int] = deque(maxlen=per_minute)

    def take(self, now_ms: int, *, is_urgent: bool) -> float:
        """0 when the request may go now (it is counted), else the seconds until one may. A clock that was set back frees the
        whole minute rather than blocking for hours."""
        if self._sent and now_ms < self._sent[-1]:
            self._sent.clear()
        while self._sent and self._sent[0] <= now_ms - _MINUTE_MS:
            self._sent.popleft()
        surplus = len(self._sent) - self._limits[is_urgent]
        if surplus < 0:
            self._sent.append(now_ms)
            return 0.0
        return (self._sent[surplus] + _MINUTE_MS - now_ms) / 1000
