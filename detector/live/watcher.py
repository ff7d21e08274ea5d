"""Hears of every checkpoint: wakes the courier and the mirrors, hands on what is asked of the judge, and when the store cannot be
written tells people past it."""

from __future__ import annotations

from detector.core.incidents import self_report
from detector.core.incidents.life import first_report
from detector.errors import StoreUnavailable
from detector.inbox import Clocks
from detector.live.couriers import Couriers
from detector.live.feeds import Feeds
from detector.live.judges import Judges
from detector.records import AlertAction, Checkpoint, Incident
from detector.telemetry import Health, Metrics, Trouble, logger

TELL_AFTER_MS = 5_000  # a store that is busy for a moment is no emergency


class Watcher:
    """Implements `inbox.Listener`."""

    def __init__(
        self, couriers: Couriers, feeds: Feeds, judges: Judges, health: Health, metrics: Metrics, clocks: Clocks
    ) -> None:
        self._couriers = couriers
        self._feeds = feeds
        self._judges = judges
        self._health = health
        self._metrics = metrics
        self._clocks = clocks
        self._since_ms: int | None = None
        self._told: Incident | None = None

    def written(self, checkpoint: Checkpoint) -> None:
        if checkpoint.alerts:
            self._couriers.wake()
        self._feeds.written(checkpoint)
        self._judges.ask(checkpoint.requests)
        self._metrics.judged(checkpoint.judged)
        for lost in checkpoint.lost:
            self._health.set(Trouble.BYTES_LOST, lost.stream.name, lost.reason, checkpoint.at_ms)
            logger.warning(
                "range_lost", stream=lost.stream.name, unit=lost.unit, begin=lost.begin, end=lost.end, reason=lost.reason
            )

    def cannot_write(self, problem: StoreUnavailable) -> None:
        now_ms = self._clocks.mono_ms()
        self._metrics.store_failed()
        self._health.set(Trouble.STORE_UNAVAILABLE, "", str(problem), self._clocks.wall_ms())
        if self._since_ms is None:
            self._since_ms = now_ms
            logger.error("store_unavailable", problem=str(problem))
        if self._told is None and now_ms - self._since_ms >= TELL_AFTER_MS:
            report = self_report.store_unavailable(str(problem), self._clocks.wall_ms())
            self._told = first_report(report, now_ms).incident
            self._couriers.tell_now(self._told, AlertAction.TRIGGER)

    def can_write_again(self) -> None:
        if self._since_ms is None:
            return
        self._since_ms = None
        self._health.clear(Trouble.STORE_UNAVAILABLE)
        logger.info("store_available")
        if self._told is not None:
            self._couriers.tell_now(self._told, AlertAction.RESOLVE)
            self._told = None
