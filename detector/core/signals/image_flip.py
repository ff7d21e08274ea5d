"""A change that nobody announced: a workload's containers begin to run another image.

Read from `kube_pod_container_info` of kube-state-metrics, whose labels name pod, container, image and image_id. While a rollout
goes on, pods of both images are seen at every look, and a pod of the old image may even be made anew; so what counts is which
images a workload has, not which pod has which. A flip is told once: when an image shows up that was not there, or when the image
that the workload had flipped to is gone and an older one is left (a rollout that was taken back half-way).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from detector.core.signals.changes import change_id
from detector.records import Change, MetricPoint

METRIC = "kube_pod_container_info"
GONE_AFTER_LOOKS = 4  # a look is a time at which the workload was seen: an outage of the scrape makes nothing go
MOST_WORKLOADS = 2_000
MOST_IMAGES = 8  # of a workload that are remembered, the newest
# Kubernetes makes names of these letters only, so that no word comes out of it:
# https://github.com/kubernetes/apimachinery/blob/master/pkg/util/rand/rand.go
_SAFE = "[bcdfghjklmnpqrstvwxz2456789]"
_SUFFIXES = (
    re.compile(rf"(.+)-{_SAFE}{{6,10}}-{_SAFE}{{5}}"),  # a ReplicaSet's pod
    re.compile(rf"(.+)-\d{{7,10}}-{_SAFE}{{5}}"),  # a CronJob's
    re.compile(rf"(.+)-{_SAFE}{{5}}"),  # a DaemonSet's or Job's
    re.compile(r"(.+)-\d{1,5}"),  # a StatefulSet's
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ImageFlip:
    """`image_*` are as printed (`shop:1.2`), `id_*` the digests where the label has them."""

    namespace: str
    workload: str
    container: str
    at_ms: int
    image_before: str
    image_after: str
    id_before: str
    id_after: str
    is_rollback: bool

    def change(self, taken: Iterable[str] = ()) -> Change:
        """As a change of the workload; `taken` are the ids that are given."""
        return Change(
            change_id(self.workload, self.at_ms, set(taken)),
            self.workload,
            self.at_ms,
            release_before=self.image_before,
            release_after=self.image_after,
            image_before=_pinned(self.image_before, self.id_before),
            image_after=_pinned(self.image_after, self.id_after),
            note=f"container {self.container} in {self.namespace or 'no namespace'}",
            made_by="image flip",
            made_ms=self.at_ms,
            is_rollback=self.is_rollback,
        )


@dataclass(slots=True)
class _Workload:
    current: str
    looks: int = 1
    last_ms: int = 0
    images: dict[str, str] = field(default_factory=dict)  # id -> name, the newest last; stays when an image has gone
    seen_at: dict[str, int] = field(default_factory=dict)  # id -> the look; only what is there, or went lately


class ImageFlips:
    """One for all clusters whose points come in. Pure: time is in the points."""

    def __init__(self) -> None:
        self._workloads: dict[tuple[str, str, str], _Workload] = {}
        self.refused = 0  # points of workloads beyond MOST_WORKLOADS

    def add(self, points: Iterable[MetricPoint]) -> list[ImageFlip]:
        """The flips that these points show, in their order. Points of other metrics are passed over."""
        flips = []
        for point in points:
            if point.name == METRIC and point.value:  # 0 and an end say nothing about what runs
                flips += self._seen(point)
        return flips

    def snapshot(self) -> bytes:
        """For the checkpoint."""
        rows = [
            [*key, each.current, each.looks, each.last_ms, each.images, each.seen_at] for key, each in self._workloads.items()
        ]
        return json.dumps({"v": 1, "workloads": rows}).encode()

    def restore(self, state: bytes) -> None:
        """What `snapshot` gave; anything else is forgotten: the next look begins anew, and no flip is made up."""
        self._workloads = {}
        try:
            kept = json.loads(state)
            if kept["v"] == 1:
                for namespace, workload, container, current, looks, last_ms, images, seen_at in kept["workloads"]:
                    known = _Workload(str(current), int(looks), int(last_ms), dict(images), dict(seen_at))
                    self._workloads[namespace, workload, container] = known
        except (ValueError, TypeError, KeyError):
            self._workloads = {}

    def _seen(self, point: MetricPoint) -> list[ImageFlip]:
        labels = dict(point.labels)
        id_ = image_id(labels.get("image_id", ""))
        key = (labels.get("namespace", ""), workload_of(labels.get("pod", "")), labels.get("container", ""))
        if not id_ or not key[1]:  # a container that still waits has no image_id
            return []
        name = labels.get("image_spec") or labels.get("image") or id_
        known = self._workloads.get(key)
        if known is None:
            self._meet(key, id_, name, point.time_ms)
            return []
        if point.time_ms < known.last_ms:  # of an older scrape, come late
            return []
        if point.time_ms > known.last_ms:
            known.looks, known.last_ms = known.looks + 1, point.time_ms
        flip = self._judged(key, known, id_, name, point.time_ms)
        return [flip] if flip else []

    def _meet(self, key: tuple[str, str, str], id_: str, name: str, time_ms: int) -> None:
        if len(self._workloads) >= MOST_WORKLOADS:
            oldest = min(self._workloads, key=lambda each: self._workloads[each].last_ms)
            if self._workloads[oldest].last_ms > time_ms - 86_400_000:
                self.refused += 1
                return
            del self._workloads[oldest]
        self._workloads[key] = _Workload(id_, 1, time_ms, {id_: name}, {id_: 1})

    def _judged(self, key: tuple[str, str, str], known: _Workload, id_: str, name: str, time_ms: int) -> ImageFlip | None:
        is_new = not _is_there(known, id_)
        known.seen_at[id_] = known.looks
        is_left = id_ != known.current and not _is_there(known, known.current)
        # A first look that met a rollout half-way: it cannot tell which image came first.
        if known.looks == 1:
            known.images.setdefault(id_, name)
            return None
        if id_ == known.current or not (is_new or is_left):
            return None
        before, is_rollback = known.current, id_ in known.images
        flip = ImageFlip(*key, time_ms, known.images.get(before, before), name, before, id_, is_rollback)
        known.current = id_
        known.images.pop(id_, None)
        known.images[id_] = name
        for gone in list(known.images)[:-MOST_IMAGES]:
            del known.images[gone]
        known.seen_at = {each: look for each, look in known.seen_at.items() if known.looks - look < GONE_AFTER_LOOKS}
        return flip


def workload_of(pod: str) -> str:
    """A pod's name without what its maker appended: `shop-7d9f8b6c5-x2x4z` → `shop`."""
    for suffix in _SUFFIXES:
        if found := suffix.fullmatch(pod):
            return found[1]
    return pod


def image_id(label: str) -> str:
    """The digest in `docker-pullable://shop@sha256:…`, which runtimes write in several ways; else the label as it is."""
    found = _DIGEST.search(label)
    return found[0] if found else label


def _is_there(known: _Workload, id_: str) -> bool:
    return id_ in known.seen_at and known.looks - known.seen_at[id_] < GONE_AFTER_LOOKS


def _pinned(image: str, id_: str) -> str:
    return f"{image}@{id_}" if id_.startswith("sha256:") and "@" not in image and image != id_ else image
