"""The log of a pod as it is now, for `replay --pod`: read once, not followed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping

import httpx

from detector.edges.sources.kubernetes.api import Instance, Place, Pod, PodApi, Refused, wanted
from detector.edges.sources.kubernetes.container import ROTATED_AWAY, stream_of
from detector.edges.sources.kubernetes.log import ContainerLog, OverlapGone
from detector.edges.sources.kubernetes.patience import explain
from detector.errors import NoSuchInput
from detector.records import Batch, LostRange
from detector.settings import KubernetesSourceSettings

TRIES = 3  # a connection that breaks in the middle goes on where it broke


async def read_pod(
    settings: KubernetesSourceSettings, previous: bool, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Batch]:
    """Every container that is wanted, one after the other; the last batch of each `ends`. With `previous` the instance before
    each. Raises NoSuchInput when there is nothing to read, SourceLost when there is no API server to ask."""
    place = Place.of(settings, environ)
    async with PodApi(place, settings) as api:
        try:
            pod = await api.pod()
            instances = _instances(settings, pod, previous)
            if not instances:
                what = "no container has run before" if previous else "no container has started yet"
                raise NoSuchInput(f"{place.namespace}/{place.pod}: {what}")
            for name, instance in instances:
                stream = stream_of(settings, place, pod, name, instance.id, instance.restarts)
                async for batch in _read(api, name, ContainerLog(stream, settings.max_line.bytes), previous):
                    yield batch
        except (Refused, httpx.HTTPError) as problem:
            raise NoSuchInput(f"{place.namespace}/{place.pod}: {explain(problem)}") from None


def pod_batches(settings: KubernetesSourceSettings, previous: bool, environ: Mapping[str, str] = os.environ) -> Iterator[Batch]:
    """As `read_pod`, for a caller without an event loop."""
    batches = read_pod(settings, previous, environ)
    with asyncio.Runner() as runner:
        try:
            while (batch := runner.run(_next(batches))) is not None:
                yield batch
        finally:
            runner.run(_close(batches))


async def _next(batches: AsyncIterator[Batch]) -> Batch | None:
    return await anext(batches, None)


async def _close(batches: AsyncIterator[Batch]) -> None:
    if (close := getattr(batches, "aclose", None)) is not None:
        await close()


def _instances(settings: KubernetesSourceSettings, pod: Pod, previous: bool) -> list[tuple[str, Instance]]:
    found = [(name, pod.container(name)) for name in wanted(settings, pod)]
    chosen = [(name, one.before if previous else one.now or one.before) for name, one in found if one is not None]
    return [(name, instance) for name, instance in chosen if instance is not None]


async def _read(api: PodApi, name: str, log: ContainerLog, previous: bool) -> AsyncIterator[Batch]:
    is_overlap_gone = False
    for tries_left in reversed(range(TRIES)):
        log.begin(is_overlap_gone)
        try:
            async with api.log(name, previous=previous, follow=False, since=log.since) as pieces:
                async for piece in pieces:
                    for batch in log.lines(piece, _now_ms()):
                        yield batch
            log.end()
        except OverlapGone:
            is_overlap_gone = True
        except httpx.HTTPError:
            if not tries_left:
                raise
        else:
            break
    if log.saw_only_foreign:
        raise Refused(200, log.foreign.decode("utf-8", "replace"))
    lost = LostRange(log.stream, log.offset, None, ROTATED_AWAY) if is_overlap_gone else None
    yield log.finish(_now_ms(), lost)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
