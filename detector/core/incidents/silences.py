"""A person's order not to alert, with an end. It hides the alerts of one dedup key or of a whole service, never the incident."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

MOST = 10_000


@dataclass(slots=True)
class Silences:
    """`until` maps a dedup key or `service:<name>` to the end, in milliseconds since the epoch."""

    until: dict[str, int] = field(default_factory=dict)

    def add(self, key: str, until_ms: int) -> None:
        if len(self.until) >= MOST:
            self.until.pop(min(self.until, key=self.until.__getitem__))
        self.until[key] = until_ms

    def hides(self, key: str, service: str, now_ms: int) -> bool:
        if not self.until:
            return False
        return max(self.until.get(key, 0), self.until.get(f"service:{service}", 0)) > now_ms

    def expire(self, now_ms: int) -> bool:
        """Forgets what has ended; true if something had."""
        over = [key for key, end in self.until.items() if end <= now_ms]
        for key in over:
            del self.until[key]
        return bool(over)

    def snapshot(self) -> bytes:
        return json.dumps(self.until).encode()

    @classmethod
    def restore(cls, state: bytes) -> Silences:
        """Raises ValueError when the state is not ours."""
        known = json.loads(state)
        if not isinstance(known, dict):
            raise ValueError("silences that this release does not read")
        return cls({str(key): int(end) for key, end in known.items()})
