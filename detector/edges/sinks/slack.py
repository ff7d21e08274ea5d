"""Slack, by incoming webhook (a message an alert) or bot token (a message an incident, updated in place).

Slack answers 200 to requests it refuses; only its own word in the body counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from detector.edges.http.address import target_of
from detector.edges.sinks.base import Delivered
from detector.edges.sinks.conversation import Answer
from detector.edges.sinks.credentials import revealed
from detector.edges.sinks.exchange import Exchange, Request
from detector.edges.sinks.runbook import runbook_link
from detector.edges.sinks.sending_rate import SendingRate
from detector.edges.sinks.slack_answer import SlackRefusal, refuse_unless_told
from detector.edges.sinks.slack_message import slack_message
from detector.errors import SinkError
from detector.interface import Json, json_bytes
from detector.records import Alert, AlertAction
from detector.settings import SlackSinkSettings

_PER_MINUTE = 60  # https://docs.slack.dev/apis/web-api/rate-limits : one message a second and channel


@dataclass(frozen=True, slots=True)
class _Place:
    """A message that was posted, as Slack names it; kept as the sink's note."""

    channel: str
    ts: str

    @classmethod
    def of(cls, text: str | bytes) -> _Place | None:
        try:
            said = orjson.loads(text)
        except orjson.JSONDecodeError:
            return None
        channel, ts = (said.get("channel"), said.get("ts")) if isinstance(said, dict) else (None, None)
        return cls(channel, ts) if isinstance(channel, str) and isinstance(ts, str) and len(channel) + len(ts) < 500 else None

    def note(self) -> str:
        return orjson.dumps({"channel": self.channel, "ts": self.ts}).decode()


class SlackSink:
    def __init__(self, settings: SlackSinkSettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._api = target_of(settings.api)
        self._rate = SendingRate(_PER_MINUTE)
        self._exchange = Exchange(timeout_s=settings.timeout.total_seconds(), allow_private=settings.allow_private)

    async def open(self) -> None:
        self._exchange.open(self._api)

    async def send(self, alert: Alert, note: str, now_ms: int) -> Delivered:
        message = slack_message(alert, runbook_link(self._settings.runbook_url, alert.incident))
        can_wait = alert.action is AlertAction.UPDATE
        wait_s = self._rate.take(now_ms, is_urgent=not can_wait)
        if wait_s:
            limit = "our own limit of a message a second"
            raise SinkError(limit, retryable=True, reason="rateLimited", retry_after_s=wait_s, only_this=can_wait)
        if self._settings.webhook_url is not None:
            return await self._send_to_webhook(revealed(self._settings.webhook_url, "webhook_url"), message, now_ms)
        if self._settings.bot_token is None or self._settings.channel is None:
            message_text = "neither webhook_url nor bot_token with channel is set"
            raise SinkError(message_text, retryable=False, reason="clientError")
        return await self._send_as_bot(revealed(self._settings.bot_token, "bot_token"), alert, message, _Place.of(note), now_ms)

    async def close(self) -> None:
        return

    async def _send_to_webhook(self, url: str, message: dict[str, Json], now_ms: int) -> Delivered:
        try:
            target = target_of(url)
        except ValueError as error:
            raise SinkError(f"webhook_url: {error}", retryable=False, reason="clientError") from None
        request = Request(target, json_bytes(message), secrets=(url, target.path, *target.path.split("/")))
        answer = await self._exchange.post(request, now_ms)
        refuse_unless_told(answer, request, now_ms)
        return Delivered()

    async def _send_as_bot(
        self, token: str, alert: Alert, message: dict[str, Json], told: _Place | None, now_ms: int
    ) -> Delivered:
        """A trigger is a message of its own, since an update rings nobody; what follows updates it, if it is still there."""
        if told is not None and alert.action is not AlertAction.TRIGGER:
            try:
                await self._call(token, "chat.update", message | {"channel": told.channel, "ts": told.ts}, now_ms)
                return Delivered(told.note())
            except SlackRefusal as refusal:
                if not refusal.is_gone:
                    raise
        answer = await self._call(token, "chat.postMessage", message | {"channel": self._settings.channel}, now_ms)
        place = _Place.of(answer.body)
        return Delivered("" if place is None else place.note())

    async def _call(self, token: str, method: str, arguments: dict[str, Json], now_ms: int) -> Answer:
        request = Request(
            self._api.below(f"/{method}"),
            json_bytes(arguments),
            (("Authorization", f"Bearer {token}"),),
            secrets=(token,),
            content_type="application/json; charset=utf-8",
        )
        answer = await self._exchange.post(request, now_ms)
        refuse_unless_told(answer, request, now_ms)
        return answer
