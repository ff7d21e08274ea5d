"""Builds, starts and stops everything: the one place that owns the tasks, the inbox and the signals of the operating system.

A start goes settings, rules, store, what the store remembers, sinks, sources. A stop goes backwards: nothing new is taken, what
was read is checkpointed, and what is due is delivered as far as the grace allows.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from detector.core.engine.novelty import Novelty
from detector.core.incidents import self_report
from detector.core.incidents.lifecycle import Incidents
from detector.core.judgements.judgements import Judgements
from detector.core.pipeline import Pipeline
from detector.documents import read_file
from detector.edges.api import views
from detector.edges.api.server import ApiParts, Listeners, bind, bound, serve
from detector.edges.sinks import receiver_for
from detector.edges.store.store import Store
from detector.errors import BadInput, BadSettings, Fault, StoreUnavailable, TrimwatchError
from detector.inbox import Clocks, Door, PipelineInbox
from detector.interface import Json
from detector.live.couriers import Couriers
from detector.live.feeds import Feeds
from detector.live.judges import Judges
from detector.live.readers import Readers
from detector.live.watcher import Watcher
from detector.records import Tick
from detector.rule_loading import ReadyRules, ready_rules
from detector.settings import Settings
from detector.setup_check import load_whole_settings
from detector.signal_loading import ready_signals
from detector.telemetry import Health, Metrics, Trouble, give_memory_back, logger, set_up_log

if TYPE_CHECKING:
    from detector.core.signals.definition import SignalDefinition
    from detector.core.signals.flow import SignalFlow

TICK_S = 0.5
MOST_SHOWN = 100  # judgements in the status
LOOK_AFTER_S = 10.0
LAST_DELIVERIES_S = 10.0  # all sources have ended by themselves: nobody waits for us to stop, so what is owed goes out first


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the settings come from, so that they can be read again."""

    path: str | None
    environ: Mapping[str, str]

    def settings(self) -> Settings:
        """Raises BadSettings."""
        if self.path is None:
            return load_whole_settings("settings", b"", self.environ)
        return load_whole_settings(self.path, read_file(self.path), self.environ)

    def changed_settings(self) -> Settings:
        """The settings of a file that is in use. Whoever writes it in place leaves it empty for a moment: that is no wish for the
        defaults, which would send the daemon's sources and receivers away. Raises BadSettings."""
        if self.path is not None and not read_file(self.path).strip():
            problem = "is empty: half written, or emptied by mistake; what is in use stays ({} stands for the defaults)"
            raise BadSettings([Fault(self.path, 1, "settings", problem)])
        return self.settings()


def run(origin: Origin) -> None:
    """The daemon, until it is told to stop or its input has ended. Raises BadInput, StoreInUse, StoreTooNew, StoreUnavailable,
    CannotListen before anything was read; later SystemExit(1) when it cannot go on, and why is in the log."""
    settings = origin.settings()
    set_up_log(settings.log)
    ready, signals = _ready(settings), ready_signals(settings)
    listeners = bind(settings.telemetry, settings.api)
    ingest = bound(settings.ingest.listen)
    store = Store.open(settings.store, _clocks().wall_ms())
    try:
        asyncio.run(_Daemon(origin, settings, ready, signals, store).run(listeners, ingest))
    except ExceptionGroup as group:
        known, unknown = group.split(TrimwatchError)
        if unknown is not None:
            raise unknown from None
        assert known is not None
        logger.error("cannot_go_on", problems=[str(each) for each in _leaves(known)])
        raise SystemExit(1) from None
    finally:
        store.close()


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from _leaves(each)
        else:
            yield each


class _Daemon:
    """Implements `edges.api.daemon.Daemon`."""

    def __init__(
        self, origin: Origin, settings: Settings, ready: ReadyRules, signals: Sequence[SignalDefinition], store: Store
    ) -> None:
        self._origin = origin
        self._settings = settings
        self._ready = ready
        self._signals = tuple(signals)
        self._store = store
        self._clocks = _clocks()
        self._health = Health()
        self._metrics = Metrics()
        self._stop = asyncio.Event()
        self._bell = asyncio.Event()
        self._reload_wanted = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._couriers = Couriers(store, self._metrics, self._health)
        self._feeds = Feeds(store, self._metrics, self._health, self._tell_not_mirrored)
        self._judges = Judges(self._metrics, self._clocks.wall_ms)
        watcher = Watcher(self._couriers, self._feeds, self._judges, self._health, self._metrics, self._clocks)
        receivers = [receiver_for(sink) for sink in settings.sinks]
        flow = _flow(signals, settings)
        judgements = Judgements(settings.verdicts, settings.alarms)
        incidents = Incidents(settings.incidents, receivers)
        self._pipeline = Pipeline(ready.engine, incidents, Novelty(), signals=flow, judgements=judgements)
        commit_ms = round(settings.store.commit_every.total_seconds() * 1000)
        self._inbox = PipelineInbox(self._pipeline, store, watcher, self._clocks, commit_ms)
        self._readers = Readers(store, self._inbox, self._metrics, self._health)

    async def run(self, listeners: Listeners, ingest: socket.socket | None) -> None:
        self._health.set(Trouble.STARTING, "", "reading what the store remembers", self._clocks.wall_ms())
        self._remember()
        self._listen_to_signals()
        async with asyncio.TaskGroup() as group:
            parts = ApiParts(self._store, self._health, self._metrics, self)
            helpers = [
                group.create_task(serve(parts, listeners, self._settings.api), name="api"),
                group.create_task(self._tick(), name="ticks"),
                group.create_task(self._look_after(), name="look after"),
                group.create_task(self._reload_when_told(), name="reloads"),
            ]
            self._feeds.use(group, self._settings)
            self._couriers.use(group, self._settings)
            self._judges.use(group, self._settings, self._inbox)
            self._readers.use(group, self._settings)
            pushes = [group.create_task(self._take_pushes(ingest), name="ingest")] if ingest is not None else []
            self._health.clear(Trouble.STARTING)
            self._tell_started()
            give_memory_back()
            ended = await self._until_stopped(is_told_more=bool(pushes) or self._settings.verdicts.enabled)
            for task in pushes:  # nothing new is taken
                task.cancel()
            await self._leave(LAST_DELIVERIES_S if ended else self._settings.grace.total_seconds())
            for task in helpers:
                task.cancel()
            self._judges.cancel()
            self._couriers.cancel()
            self._feeds.cancel()

    # -- what the API asks ----------------------------------------------------------------------------------------------------

    async def reload(self) -> list[str]:
        async with self._reloading:
            try:
                settings = self._origin.changed_settings()
                ready = await asyncio.to_thread(_ready, settings)
                signals = await asyncio.to_thread(ready_signals, settings)
            except BadInput as bad:
                return self._refuse(bad)
            receivers = [receiver_for(sink) for sink in settings.sinks]
            await self._inbox.change(lambda pipeline: pipeline.use(ready.engine, settings.incidents, receivers))
            await self._use_signals(signals, settings)
            await self._inbox.change(lambda pipeline: pipeline.judge_by(settings.verdicts, settings.alarms))
            self._judges.replace(settings)
            self._ready, before, self._settings = ready, self._settings, settings
            await self._couriers.replace(settings)
            await self._feeds.replace(settings)
            await self._readers.replace(settings)
            self._health.clear(Trouble.RELOAD_FAILED)
            logger.info("reloaded", rules=len(ready.rules))
            self._tell_in_use()
            for name in ("store", "telemetry", "api", "ingest"):
                if getattr(before, name) != getattr(settings, name):
                    logger.warning("needs_restart", setting=name)
            return []

    def ring(self) -> None:
        self._bell.set()

    def signals(self, service: str | None) -> Mapping[str, Json]:
        return views.signals(self._pipeline.signals, service)

    def status(self) -> Mapping[str, Json]:
        rules = self._ready.rules
        return {
            "rules": len(rules),
            "scanner": self._ready.opened.engine,
            "scanner_trouble": self._ready.opened.trouble,
            "quarantined": [each.rule for each in self._ready.engine.quarantined()],
            "sources": [*(source.name for source in self._settings.sources), *(["push"] if self._settings.ingest.listen else [])],
            "sinks": [sink.name for sink in self._settings.sinks],
            "judgements": [views.judgement(each) for each in self._pipeline.judgements()[:MOST_SHOWN]],
            "unexplained": [{"count": group.count, "text": group.example} for group in self._pipeline.unexplained()],
        }

    # -- how --------------------------------------------------------------------------------------------------------------

    def _remember(self) -> None:
        self._pipeline.tick(Tick(self._clocks.wall_ms(), self._clocks.mono_ms()))
        history = self._store.history.incidents(limit=2 * self._settings.incidents.max_open)
        try:
            self._pipeline.restore(
                self._store.state(),
                [*self._store.open_incidents(), *history],
                self._store.journal.read(),
                self._store.signals.cells,
            )
        except ValueError as problem:  # written by another release: positions still hold, the windows begin anew
            logger.error("state_not_understood", problem=str(problem))
        loss = self._store.loss
        if loss is not None:
            now_ms = self._clocks.wall_ms()
            self._health.set(Trouble.STATE_LOST, self._settings.store.path, loss.reason, now_ms)
            self._pipeline.report(self_report.state_lost(loss.since_ms, self._settings.store.path, now_ms))

    async def _use_signals(self, signals: Sequence[SignalDefinition], settings: Settings) -> None:
        before, after = self._settings.signals, settings.signals
        if (self._signals, before.max_series, before.wait) == (tuple(signals), after.max_series, after.wait):
            return
        self._signals = tuple(signals)
        await self._inbox.renew(lambda pipeline: self._renew_signals(pipeline, _flow(signals, settings)))

    def _renew_signals(self, pipeline: Pipeline, flow: SignalFlow | None) -> None:
        store = self._store
        if flow is None:
            with contextlib.suppress(StoreUnavailable):
                store.journal.clear()
        pipeline.use_signals(flow, store.state(), store.journal.read(), store.signals.cells)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)

    async def _reload_when_told(self) -> None:
        """A hundred SIGHUPs during one reload are one more reload."""
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            await self.reload()

    async def _take_pushes(self, listener: socket.socket) -> None:
        """Its parts are imported for those alone who are pushed to."""
        from detector.edges.ingest import pushed
        from detector.edges.ingest.listener import serve_ingest

        known = self._store.positions().get(pushed.KEY)
        door = Door(self._inbox, pushed.KEY, self._metrics)
        await serve_ingest(self._settings.ingest, listener, door, 0 if known is None else known.offset)

    async def _until_stopped(self, *, is_told_more: bool) -> bool:
        """True when every source has come to its end by itself; who is pushed to, or told of changes, has none."""
        waits: set[asyncio.Future[object]] = {asyncio.ensure_future(self._stop.wait())}
        if not is_told_more:
            waits.add(asyncio.ensure_future(self._readers.ended()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return not self._stop.is_set()

    async def _leave(self, grace_s: float) -> None:
        self._health.set(Trouble.STOPPING, "", "told to stop", self._clocks.wall_ms())
        logger.info("stopping", grace_s=grace_s)
        await self._readers.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._inbox.change(Pipeline.leave)
                await self._inbox.tick()
                await self._couriers.drained()
                await self._feeds.drained()

    async def _tick(self) -> None:
        while True:
            await self._inbox.tick()
            self._readers.look(self._clocks.wall_ms())
            if (flow := self._pipeline.signals) is not None:
                for stream in self._metrics.signals.show(flow.figures()):
                    logger.warning("points_behind", stream=stream)
            self._bell.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), TICK_S)

    async def _look_after(self) -> None:
        """What needs doing now and then: old history goes, the price of rules is shown."""
        paid: dict[str, float] = {}
        while True:
            await asyncio.sleep(LOOK_AFTER_S)
            await asyncio.to_thread(self._store.prune, self._clocks.wall_ms())
            self._show_history()
            for rule, cost in self._ready.engine.costs().items():
                if cost.seconds > paid.get(rule, 0.0):
                    self._metrics.rule_cost(rule, cost.seconds - paid.get(rule, 0.0))
                    paid[rule] = cost.seconds
            self._show_quarantine()

    def _show_history(self) -> None:
        with contextlib.suppress(StoreUnavailable):
            self._metrics.signals.history(self._store.signals.dropped(), self._store.signals.refused())

    async def _tell_not_mirrored(self, dropped: Mapping[str, int]) -> None:
        report = self_report.not_mirrored(dropped, self._clocks.wall_ms())
        await self._inbox.change(lambda pipeline: pipeline.report(report))

    def _show_quarantine(self) -> None:
        quarantined = self._ready.engine.quarantined()
        self._health.clear(Trouble.RULES_QUARANTINED)
        if quarantined:
            names = ", ".join(each.rule for each in quarantined)
            self._health.set(Trouble.RULES_QUARANTINED, "", names, self._clocks.wall_ms())

    def _refuse(self, bad: BadInput) -> list[str]:
        faults = [str(fault) for fault in bad.faults]
        self._metrics.reload_failed()
        self._health.set(Trouble.RELOAD_FAILED, "", faults[0] if faults else str(bad), self._clocks.wall_ms())
        logger.error("reload_failed", faults=faults)
        return faults or [str(bad)]

    def _tell_started(self) -> None:
        opened = self._ready.opened
        logger.info("started", rules=len(self._ready.rules), scanner=opened.engine, cached=opened.was_cached)
        if opened.trouble:
            logger.warning("scanner_trouble", problem=opened.trouble)
        self._tell_in_use()

    def _tell_in_use(self) -> None:
        shadow = sum(rule.shadow.value != "false" for rule in self._ready.rules)
        self._metrics.rules({"on": len(self._ready.rules) - shadow, "shadow": shadow, "quarantined": 0})
        in_use = repr((self._settings, self._ready.rules)).encode()  # secrets print as ***
        self._metrics.reloaded(hashlib.sha256(in_use).hexdigest(), self._clocks.wall_ms())


def _ready(settings: Settings) -> ReadyRules:
    return ready_rules(settings.rules, Path(settings.store.path) / "cache", time.thread_time)


def _flow(signals: Sequence[SignalDefinition], settings: Settings) -> SignalFlow | None:
    """Its parts are imported for those alone who have metrics: two megabytes."""
    if not signals:
        return None
    from detector.core.signals.flow import SignalFlow

    wait_ms = round(settings.signals.wait.total_seconds() * 1000)
    return SignalFlow(signals, settings.signals.max_series, wait_ms=wait_ms)


def _clocks() -> Clocks:
    return Clocks(lambda: time.time_ns() // 1_000_000, lambda: time.monotonic_ns() // 1_000_000)
