"""One scrape: what is asked of a target, and its answer read. Prometheus' own defaults where it has them."""

from __future__ import annotations

import asyncio
import re

from detector.core.decode.metrics.exposition import Exposed, Exposition, Reading, runs_of
from detector.edges.http.access import access_of
from detector.edges.http.address import Target, target_of
from detector.edges.http.client import HttpClient, Unanswered
from detector.settings import ScrapeSourceSettings

ACCEPT = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
_SLICE = 500  # lines, then the loop turns: a few ms of reading
_OPENMETRICS = re.compile(r"application/openmetrics-text\s*(?:;|\Z)", re.IGNORECASE)


class ScrapeFailed(Exception):
    """The target is not up, as far as we can see; why, in words without secrets."""


class Fetching:
    """One target. `instance` is what its series are called by."""

    def __init__(self, url: str, settings: ScrapeSourceSettings) -> None:
        self.target: Target = target_of(url)
        self.instance = instance_of(self.target)
        self._timeout_s = settings.timeout.total_seconds()
        labels = {**dict(settings.labels), "job": settings.job, "instance": self.instance}
        self.labels = labels
        self._exposition = Exposition(labels, settings.honor_labels, settings.max_samples)
        self._client = HttpClient(access_of(settings, allow_private=settings.allow_private), settings.max_body.bytes)

    async def scrape(self, time_ms: int) -> Exposed:
        """Raises ScrapeFailed. Lines that cannot be read do not fail it, unless there is no other."""
        headers = (("Accept", ACCEPT), ("X-Prometheus-Scrape-Timeout-Seconds", f"{self._timeout_s:g}"))
        try:
            answer = await self._client.ask("GET", self.target, self._timeout_s, headers)
        except Unanswered as error:
            raise ScrapeFailed(str(error)) from None
        if answer.status != 200:
            raise ScrapeFailed(f"answered {answer.status}: {answer.excerpt or 'nothing more'}")
        is_openmetrics = bool(_OPENMETRICS.match(answer.headers.get("content-type", "").strip()))
        try:
            exposed = await self._read(answer.body, time_ms, is_openmetrics)
        except ValueError as error:
            raise ScrapeFailed(str(error)) from None
        if exposed.refused and not exposed.samples:
            raise ScrapeFailed(f"no metrics: {exposed.broken[0].reason} (line {exposed.broken[0].number})")
        return exposed

    def close(self) -> None:
        self._client.close()

    async def _read(self, body: bytes, time_ms: int, is_openmetrics: bool) -> Exposed:
        reading = Reading(self._exposition, time_ms, is_openmetrics)
        for lines in runs_of(body, self._exposition.most):
            for at in range(0, len(lines), _SLICE):
                reading.take(lines[at : at + _SLICE])
                await asyncio.sleep(0)
        return reading.end()


def instance_of(target: Target) -> str:
    """host:port, also where the port is the scheme's own: so it is with Prometheus."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return f"{host}:{target.port}"
