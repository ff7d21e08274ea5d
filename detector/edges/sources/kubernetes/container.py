"""Follows one container through its instances: the one before once, the one that runs, the next when it restarts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping

import httpx

from detector.crash_points import CrashPoint, reach
from detector.edges.sources.base import Inbox, Resume
from detector.edges.sources.kubernetes.api import Container, Instance, Place, Pod, PodApi, Refused
from detector.edges.sources.kubernetes.log import ContainerLog, OverlapGone
from detector.edges.sources.kubernetes.patience import Complaints, Patience, Pauses
from detector.records import LostRange, Stream
from detector.settings import KubernetesSourceSettings

ROTATED_AWAY = "rotated_away"
MOST_REFUSALS = 5  # for the log of an instance that is over: it may have been removed with the container


class ContainerFollower:
    """`run` returns only by cancellation."""

    def __init__(
        self,
        settings: KubernetesSourceSettings,
        api: PodApi,
        name: str,
        inbox: Inbox,
        resume: Mapping[str, Resume],
        patience: Patience,
        complaints: Complaints,
    ) -> None:
        self._settings = settings
        self._api = api
        self._name = name
        self._inbox = inbox
        self._resume = resume
        self._logs: dict[str, ContainerLog] = {}  # by instance: those that were begun, here or before the restart
        self._clean: set[str] = set()  # instances whose log was read to an end that the server announced
        self._look_s = patience.look_s
        self._overlap_s = patience.overlap_s
        self._pauses = Pauses(patience)
        self._complaints = complaints
        self._is_idle = False
        self._refusals: dict[str, int] = {}

    async def run(self) -> None:
        while True:
            try:
                pod = await self._api.pod(self._look_s if self._is_idle else 0.0)
                self._is_idle = not await self._step(pod)
            except httpx.ReadTimeout:
                continue  # silent for idle_timeout: perhaps the connection is dead, a new one finds out
            except (Refused, httpx.HTTPError) as problem:
                self._complaints.about(self._name, problem)
                await self._pauses.wait(getattr(problem, "retry_after_s", None) or 0.0)
                continue
            self._complaints.settle(self._name)
            if self._is_idle:
                await asyncio.sleep(self._look_s)

    async def _step(self, pod: Pod) -> bool:
        """Reads the instance whose turn it is for as long as its log comes. False when there is none."""
        container = pod.container(self._name) or Container(self._name, None, None)
        known = {one.id: one for one in (container.before, container.now) if one is not None}
        self._remember(pod, known)
        for gone in [one for one in self._logs if one not in known]:
            await self._break_off(gone)
        before, now = container.before, container.now
        if before is not None and not self._is_finished(before) and (self._settings.previous or before.id in self._logs):
            await self._read_before(pod, before)
        elif now is not None and not self._is_finished(now):
            await self._read(pod, now, is_previous=False)
        else:
            return False
        return True

    def _remember(self, pod: Pod, known: Mapping[str, Instance]) -> None:
        """What the last checkpoint had begun of this container, also instances that are gone."""
        prefix = stream_key(pod, self._name, "")
        for key, resume in self._resume.items():
            instance = key.removeprefix(prefix)
            if key.startswith(prefix) and instance not in self._logs:
                restarts = known[instance].restarts if instance in known else None
                stream = stream_of(self._settings, self._api.place, pod, self._name, instance, restarts)
                log = ContainerLog(stream, self._settings.max_line.bytes, resume.token, resume.offset)
                if instance in known or not log.is_finished:
                    self._logs[instance] = log
        self._resume = {key: resume for key, resume in self._resume.items() if not key.startswith(prefix)}

    def _is_finished(self, instance: Instance) -> bool:
        return instance.id in self._logs and self._logs[instance.id].is_finished

    async def _read_before(self, pod: Pod, before: Instance) -> None:
        """What cannot be had of an instance that is over must not keep us from the one that runs."""
        try:
            await self._read(pod, before, is_previous=True)
        except Refused as problem:
            self._refusals[before.id] = self._refusals.get(before.id, 0) + 1
            if self._refusals[before.id] < MOST_REFUSALS:
                raise
            self._complaints.about(f"{self._name}, previous", problem)
            log = self._logs[before.id]
            lost = LostRange(log.stream, log.offset, None, ROTATED_AWAY) if log.offset else None
            batch = log.finish(_now_ms(), lost, is_whole=False)
            await self._inbox.put(batch, log.token())

    async def _read(self, pod: Pod, instance: Instance, *, is_previous: bool) -> None:
        log = self._logs.get(instance.id)
        if log is None:
            stream = stream_of(self._settings, self._api.place, pod, self._name, instance.id, instance.restarts)
            log = self._logs[instance.id] = ContainerLog(stream, self._settings.max_line.bytes)
        try:
            await self._connect(log, instance, is_previous, is_overlap_gone=False)
        except OverlapGone:
            await self._pauses.wait()  # the pod's state is behind the kubelet's: perhaps another instance has answered
            if await self._is_still(instance, is_previous):
                if instance.id not in self._clean:
                    await self._inbox.lost(LostRange(log.stream, log.offset, None, ROTATED_AWAY))
                await self._connect(log, instance, is_previous, is_overlap_gone=True)
            return
        if instance.is_over:
            batch = log.finish(_now_ms())
            await self._inbox.put(batch, log.token())
        else:
            await self._pauses.wait()  # until the pod's state says why it has ended

    async def _connect(self, log: ContainerLog, instance: Instance, is_previous: bool, *, is_overlap_gone: bool) -> None:
        """One connection, to the end that the server announces."""
        log.begin(is_overlap_gone)
        follow = not instance.is_over
        async with self._api.log(self._name, previous=is_previous, follow=follow, since=log.since) as pieces:
            if not await self._is_still(instance, is_previous):
                return
            while (piece := await self._next(log, pieces)) is not None:
                for batch in log.lines(piece, _now_ms()):
                    reach(CrashPoint.SOURCE_READ)
                    self._clean.discard(instance.id)
                    self._pauses.reset()
                    await self._inbox.put(batch, log.token())
                    await asyncio.sleep(0)  # an inbox with room returns at once: let the others run
        log.end()
        if log.saw_only_foreign:
            raise Refused(200, log.foreign.decode("utf-8", "replace"))
        self._clean.add(instance.id)

    async def _is_still(self, instance: Instance, is_previous: bool) -> bool:
        """The API knows instances only as the one that is and the one before: both change when the container restarts."""
        container = (await self._api.pod()).container(self._name)
        now = None if container is None else container.before if is_previous else container.now
        return now is not None and now.id == instance.id

    async def _next(self, log: ContainerLog, pieces: AsyncIterator[bytes]) -> bytes | None:
        """The next piece; None at the end. The line we stood at must come at once."""
        try:
            async with asyncio.timeout(self._overlap_s if log.is_looking else None):
                return await anext(pieces, None)
        except TimeoutError:
            raise OverlapGone from None

    async def _break_off(self, instance: str) -> None:
        """The API server does not know the instance any more."""
        log = self._logs.pop(instance)
        if log.is_finished:
            return
        lost = None if instance in self._clean else LostRange(log.stream, log.offset, None, ROTATED_AWAY)
        batch = log.finish(_now_ms(), lost, is_whole=False)
        await self._inbox.put(batch, log.token())


def stream_key(pod: Pod, container: str, instance: str) -> str:
    return f"kubernetes:{pod.uid}/{container}/{instance}"


def stream_of(
    settings: KubernetesSourceSettings, place: Place, pod: Pod, container: str, instance: str, restarts: int | None
) -> Stream:
    """`service`: the settings', else the pod's name label, else the container's."""
    label = pod.labels.get("app.kubernetes.io/name") or pod.labels.get("app")
    labels = [("namespace", place.namespace), ("pod", place.pod), ("container", container)]
    labels += [("restarts", str(restarts))] if restarts is not None else []
    return Stream(
        stream_key(pod, container, instance),
        f"{place.namespace}/{place.pod}/{container}",
        settings.service or label or container,
        tuple(labels),
        "cri",
        service_fixed=settings.service is not None,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
