"""Health, readiness and our own metrics: no data of anybody's logs, so it may listen everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from detector.edges.api.exchange import Answer, App, Refused, Request, asgi, json_answer
from detector.interface import Json, rfc3339
from detector.telemetry import Health, Metrics

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def telemetry_app(metrics: Metrics, health: Health, refresh: Callable[[], None]) -> App:
    """`refresh` is called in a thread before a scrape, to bring gauges up to date; it handles its own errors."""

    async def handle(request: Request) -> Answer:
        if request.method not in ("GET", "HEAD"):
            raise Refused(405, "GET it", (b"allow", b"GET, HEAD"))
        match request.path:
            case "/healthz":
                return json_answer(health_body(health))
            case "/readyz":
                return json_answer(health_body(health), 200 if health.is_ready else 503)
            case "/metrics":
                return Answer(await asyncio.to_thread(_scrape), content_type=METRICS_TYPE)
        raise Refused(404, "there are /healthz, /readyz and /metrics")

    def _scrape() -> bytes:
        refresh()
        metrics.health(health)
        return metrics.exposition()

    return asgi(handle)


def health_body(health: Health) -> dict[str, Json]:
    """What is wrong and since when. /healthz is 200 whatever it says: while we can answer, a restart mends nothing."""
    troubles: list[Json] = [
        {"trouble": each.trouble.value, "subject": each.subject, "text": each.text, "since": rfc3339(each.since_ms)}
        for each in health.reports()
    ]
    state = "ok" if not troubles else "degraded" if health.is_ready else "unready"
    return {"state": state, "is_ready": health.is_ready, "troubles": troubles}
