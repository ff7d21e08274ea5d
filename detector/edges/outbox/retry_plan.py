"""When a receiver that failed is tried again."""

from __future__ import annotations

from random import Random

from detector.settings import OutboxSettings


class RetryPlan:
    """The pause doubles from `first_retry` to `longest_retry`, shortened by up to a quarter so that a hundred sidecars do not
    come back at once. What the receiver asked for is kept to the millisecond, within `give_up_after`."""

    def __init__(self, settings: OutboxSettings, random: Random) -> None:
        self._first_s = settings.first_retry.total_seconds()
        self._longest_s = settings.longest_retry.total_seconds()
        self._give_up_s = settings.give_up_after.total_seconds()
        self._random = random

    def pause_ms(self, failures: int, retry_after_s: float | None) -> int:
        """After so many failures in a row, from 1."""
        if retry_after_s is not None and retry_after_s >= 0:
            return int(min(retry_after_s, self._give_up_s) * 1000 + 0.999)
        doubled_s = self._first_s * 2.0 ** min(failures - 1, 40)
        return int(min(doubled_s, self._longest_s) * self._random.uniform(0.75, 1.0) * 1000)

    def given_up_before_ms(self, now_ms: int) -> int:
        """What has been failing since before this is given up."""
        return now_ms - int(self._give_up_s * 1000)
