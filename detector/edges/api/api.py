"""The API: what the store knows, read; and what a person may ask for, written down as a command that the pipeline consumes."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import unquote

import orjson

from detector import __version__
from detector.edges.api import views
from detector.edges.api.daemon import Daemon
from detector.edges.api.exchange import Answer, App, Refused, Request, asgi, json_answer
from detector.edges.api.guard import Guard
from detector.edges.api.telemetry import health_body
from detector.edges.store.store import Store
from detector.errors import StoreUnavailable
from detector.interface import Json
from detector.records import IncidentState
from detector.settings import ApiSettings
from detector.telemetry import Health

LIMIT, MOST = 100, 1000
LONGEST_SILENCE_S = 30 * 24 * 3600
_RELOAD_PAUSE_S = 0.6

Route = Callable[[Request, str], Awaitable[Answer]]


class Api:
    """Paths and what answers them."""

    def __init__(self, settings: ApiSettings, store: Store, health: Health, daemon: Daemon) -> None:
        self._guard = Guard(settings)
        self._store = store
        self._health = health
        self._daemon = daemon
        self._reloading = asyncio.Lock()
        self._next_reload_s = 0.0
        self._routes: tuple[tuple[str, re.Pattern[str], Route], ...] = (
            ("GET", re.compile("/api/v1/incidents"), self._incidents),
            ("GET", re.compile("/api/v1/incidents/([^/]{1,300})"), self._incident),
            ("POST", re.compile("/api/v1/incidents/([^/]{1,300})/acknowledge"), self._acknowledge),
            ("POST", re.compile("/api/v1/incidents/([^/]{1,300})/silence"), self._silence),
            ("POST", re.compile("/api/v1/incidents/([^/]{1,300})/resolve"), self._resolve),
            ("GET", re.compile("/api/v1/deliveries"), self._deliveries),
            ("GET", re.compile("/api/v1/dead-letters"), self._dead_letters),
            ("GET", re.compile("/api/v1/lost-ranges"), self._lost_ranges),
            ("GET", re.compile("/api/v1/status"), self._status),
            ("GET", re.compile("/api/v1/signals"), self._signals),
            ("GET", re.compile("/api/v1/verdicts"), self._verdicts),
            ("GET", re.compile("/api/v1/changes"), self._changes),
            ("POST", re.compile("/-/reload"), self._reload),
        )

    @property
    def app(self) -> App:
        return asgi(self.handle)

    async def handle(self, request: Request) -> Answer:
        """Raises Refused."""
        self._guard.check(request)
        method = "GET" if request.method == "HEAD" else request.method
        found = [(route, match, verb) for verb, path, route in self._routes if (match := path.fullmatch(request.path))]
        if not found:
            raise Refused(404, "no such path; see `trimwatch run --help`")
        for route, match, verb in found:
            if verb == method:
                return await self._answered(route(request, unquote("".join(match.groups()))))
        raise Refused(405, "not this way", (b"allow", ", ".join(verb for _, _, verb in found).encode()))

    async def _answered(self, answer: Awaitable[Answer]) -> Answer:
        try:
            return await answer
        except StoreUnavailable as error:
            raise Refused(503, f"the store cannot be used now: {error}") from error

    async def _incidents(self, request: Request, _key: str) -> Answer:
        states = _states(request.query.get("state", ""))
        found = await asyncio.to_thread(self._store.history.incidents, states, _limit(request))
        return json_answer({"incidents": [views.incident(each) for each in found]})

    async def _incident(self, _request: Request, key: str) -> Answer:
        history = self._store.history
        incident = await asyncio.to_thread(history.incident, key)
        if incident is None:
            raise Refused(404, "no incident has this dedup key")
        deliveries = await asyncio.to_thread(history.deliveries, key)
        return json_answer({**views.incident(incident), "deliveries": [views.delivery(each) for each in deliveries]})

    async def _deliveries(self, request: Request, _key: str) -> Answer:
        key, limit, before = request.query.get("incident"), _limit(request), _before(request)
        found = await asyncio.to_thread(self._store.history.deliveries, key, limit, before)
        return json_answer({"deliveries": [views.delivery(each) for each in found]})

    async def _dead_letters(self, request: Request, _key: str) -> Answer:
        found = await asyncio.to_thread(self._store.history.dead_letters, _limit(request), _before(request))
        return json_answer({"dead_letters": [views.dead_letter(each) for each in found]})

    async def _lost_ranges(self, request: Request, _key: str) -> Answer:
        found = await asyncio.to_thread(self._store.history.lost_ranges, _limit(request), _before(request))
        return json_answer({"lost_ranges": [views.lost_range(each) for each in found]})

    async def _verdicts(self, request: Request, _key: str) -> Answer:
        """The newest of each signal of a service's latest change, or of the one that is named; with `limit` or `before`, or no
        service, all that are kept, the newest first."""
        service, change = request.query.get("service"), request.query.get("change")
        verdicts = self._store.verdicts
        if service is not None and not {"limit", "before"} & set(request.query):
            newest = await asyncio.to_thread(verdicts.latest, service, change)
            return json_answer({"verdicts": [views.verdict(each) for each in newest]})
        found = await asyncio.to_thread(verdicts.page, service, change, _limit(request), _before(request))
        return json_answer({"verdicts": [{"id": each.id, **views.verdict(each.record)} for each in found]})

    async def _changes(self, request: Request, _key: str) -> Answer:
        found = await asyncio.to_thread(self._store.changes.latest, request.query.get("service"), _limit(request))
        return json_answer({"changes": [views.change(each) for each in found]})

    async def _status(self, _request: Request, _key: str) -> Answer:
        now_ms = int(time.time() * 1000)
        backlog = await asyncio.to_thread(self._store.outbox.backlog)
        counts = await asyncio.to_thread(self._store.history.incident_counts)
        return json_answer(
            {
                "version": __version__,
                "health": health_body(self._health),
                "incidents": {state.value: counts.get(state, 0) for state in IncidentState},
                "outbox": [views.backlog(each, now_ms) for each in backlog],
                "store_bytes": self._store.size_bytes(),
                **self._daemon.status(),
            }
        )

    async def _signals(self, request: Request, _key: str) -> Answer:
        return json_answer(dict(self._daemon.signals(request.query.get("service") or None)))

    async def _acknowledge(self, request: Request, key: str) -> Answer:
        await _object(request)
        return await self._command("acknowledge", key, {"key": key})

    async def _resolve(self, request: Request, key: str) -> Answer:
        """By hand: what a verdict holds open no quiet time ends."""
        await _object(request)
        return await self._command("resolve", key, {"key": key})

    async def _silence(self, request: Request, key: str) -> Answer:
        seconds = (await _object(request)).get("for_s")
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds <= LONGEST_SILENCE_S:
            raise Refused(400, f'send {{"for_s": seconds}}, more than 0 and at most {LONGEST_SILENCE_S}')
        return await self._command("silence", key, {"key": key, "until_ms": int((time.time() + seconds) * 1000)})

    async def _command(self, what: str, key: str, arguments: dict[str, Json]) -> Answer:
        if await asyncio.to_thread(self._store.history.incident, key) is None:
            raise Refused(404, "no incident has this dedup key")
        now_ms = int(time.time() * 1000)
        command = await asyncio.to_thread(self._store.add_command, now_ms, "api", what, json.dumps(arguments))
        self._daemon.ring()
        return json_answer({"command": command}, 202)

    async def _reload(self, request: Request, _key: str) -> Answer:
        """One at a time with a pause between two: a hundred a minute must not cost the logs their turn."""
        await request.body()
        clock = asyncio.get_running_loop().time
        async with self._reloading:
            await asyncio.sleep(self._next_reload_s - clock())
            faults = await self._daemon.reload()
            self._next_reload_s = clock() + _RELOAD_PAUSE_S
        if faults:
            return json_answer({"error": "nothing was changed", "faults": list[Json](faults)}, 422)
        return json_answer({"reloaded": True})


async def _object(request: Request) -> dict[str, Json]:
    """The body as a JSON object; nothing is an empty one. Raises Refused."""
    body = await request.body()
    if not body:
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "send JSON, with content-type: application/json")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"the body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Refused(400, "the body must be an object")
    return value


def _states(text: str) -> Sequence[IncidentState]:
    try:
        return [IncidentState(word.strip()) for word in text.split(",")] if text else tuple(IncidentState)
    except ValueError as error:
        raise Refused(400, "state: open, acknowledged, resolved, or several with commas") from error


def _limit(request: Request) -> int:
    return min(MOST, _number(request, "limit") or LIMIT)


def _before(request: Request) -> int | None:
    return _number(request, "before")


def _number(request: Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 18 and int(text) > 0):
        raise Refused(400, f"{name}: a whole number above 0")
    return int(text)
