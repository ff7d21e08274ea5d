"""A shop that a Prometheus watched for hours: a Spring service, its pool, its JVM; and other services beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from tests.services.prometheus_past import Past, counter

STEP_S = 15
BOUNDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)
NEW_POD = {"instance": "10.0.0.8:8080", "pod": "shop-7c9-xk2"}
OLD_POD = {"instance": "10.0.0.7:8080", "pod": "shop-5d4-ab1"}
SHOP = {"application": "shop", "job": "shop-pods"}


class ShopPast:
    """`change_s` lies `after_h` hours before now. Each way to make it worse is a field."""

    def __init__(self, before_h: float = 8.0, after_h: float = 1.1, seed: int = 7) -> None:
        now = int(time.time()) // STEP_S * STEP_S - STEP_S
        self.change_s = now - round(after_h * 3600)
        begin = self.change_s - round(before_h * 3600)
        self.times = [float(at) for at in range(begin, now + 1, STEP_S)]
        self.past = Past(self.times)
        self.random = Random(seed)
        self.slower = 1.0
        self.errors = 0.0002
        self.idle_after = 0.85
        self.is_gone: set[str] = set()

    def write(self, folder: Path) -> None:
        for pod, is_pod in ((OLD_POD, lambda at: at < self.change_s), (NEW_POD, lambda at: at >= self.change_s)):
            self._pod({**SHOP, **pod}, is_pod)
        for name in ("cart", "pay"):
            labels = {"application": name, "job": f"{name}-pods", "instance": f"10.0.1.{len(name)}:8080"}
            self.past.add(
                "http_server_requests_seconds_count", {**labels, "status": "200", "uri": "/"}, counter(self._noise(9, 40))
            )
            self.past.add("process_cpu_seconds_total", labels, counter(self._noise(3, 0.4)))
        self.past.add("redis_connected_clients", {"job": "redis", "instance": "redis:9121"}, self._noise(9, 25))
        self.past.write(folder)

    def _pod(self, labels: dict[str, str], is_pod: Callable[[float], bool]) -> None:
        rates = [max(1.0, 60.0 + self.random.gauss(0, 6)) for _ in self.times]
        self._requests(labels, is_pod, rates)
        pool = {**labels, "pool": "main"}
        idle = [20 * (0.68 if at < self.change_s else self.idle_after) + self.random.gauss(0, 0.4) for at in self.times]
        heap = {**labels, "area": "heap", "id": "G1 Old Gen"}
        gauges = {
            ("up", ()): [1.0] * len(self.times),
            ("hikaricp_connections_idle", tuple(pool.items())): idle,
            ("hikaricp_connections", tuple(pool.items())): [20.0] * len(self.times),
            ("jvm_memory_used_bytes", tuple(heap.items())): [4e8 + self.random.gauss(0, 1e7) for _ in self.times],
            ("jvm_memory_max_bytes", tuple(heap.items())): [1e9] * len(self.times),
            ("process_cpu_seconds_total", ()): counter(0.3 + abs(self.random.gauss(0, 0.05)) for _ in self.times),
            ("process_resident_memory_bytes", ()): [6e8 + self.random.gauss(0, 5e6) for _ in self.times],
            ("jvm_gc_pause_seconds_count", (*labels.items(), ("action", "minor"))): counter(
                float(self.random.random() < 0.4) for _ in self.times
            ),
        }
        for (name, own), values in gauges.items():
            self._add(name, dict(own) or labels, values, is_pod)

    def _requests(self, labels: dict[str, str], is_pod: Callable[[float], bool], rates: Sequence[float]) -> None:
        scale = [0.12 * (1.0 if at < self.change_s else self.slower) for at in self.times]
        base = "http_server_requests_seconds"
        below: dict[float, list[float]] = {bound: [] for bound in BOUNDS}
        errors, totals = [], []
        for rate, each in zip(rates, scale, strict=True):
            failed = sum(self.random.random() < self.errors for _ in range(round(rate)))
            errors.append(float(failed))
            totals.append(rate)
            jitter = each * (1 + self.random.gauss(0, 0.01))
            for bound in BOUNDS:
                below[bound].append(rate * (1 - 2.718281828 ** -(bound / jitter)))
        for bound in BOUNDS:
            self._add(
                f"{base}_bucket", {**labels, "status": "200", "uri": "/", "le": f"{bound:g}"}, counter(below[bound]), is_pod
            )
        self._add(f"{base}_bucket", {**labels, "status": "200", "uri": "/", "le": "+Inf"}, counter(totals), is_pod)
        self._add(f"{base}_count", {**labels, "status": "200", "uri": "/"}, counter(totals), is_pod)
        self._add(f"{base}_count", {**labels, "status": "500", "uri": "/"}, counter(errors), is_pod)

    def _add(self, name: str, labels: dict[str, str], values: Sequence[float], is_pod: Callable[[float], bool]) -> None:
        gone = name in self.is_gone
        there = [
            value if is_pod(at) and not (gone and at >= self.change_s) else None
            for at, value in zip(self.times, values, strict=True)
        ]
        self.past.add(name, labels, there)

    def _noise(self, times: int, level: float) -> list[float]:
        return [level + sum(self.random.gauss(0, 0.01) for _ in range(times)) * level for _ in self.times]
