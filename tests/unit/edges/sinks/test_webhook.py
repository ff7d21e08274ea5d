"""What a webhook receiver can rely on."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json

from detector.edges.sinks.webhook import WebhookSink
from detector.interface import incident_object
from detector.records import Alert
from detector.settings import Secret, WebhookSinkSettings
from tests.contract.scripted_receiver import Received, ScriptedReceiver
from tests.contract.sink_cases import ALERT, INCIDENT, NOW_MS, RESOLVE


def received(*alerts: Alert) -> list[Received]:
    async def send() -> list[Received]:
        async with ScriptedReceiver() as receiver:
            settings = WebhookSinkSettings(
                type="webhook",
                url=receiver.url + "/hook?a=1",
                headers=(("X-Team", "shop"),),
                hmac_secret=Secret("key"),
                allow_private=True,
            )
            for alert in alerts:
                await WebhookSink(settings).send(alert, "", NOW_MS)
            return receiver.requests

    return asyncio.run(send())


def test_the_body_is_the_stable_interface_with_action_and_seq() -> None:
    """Nothing but two fields more than replay prints."""
    (request,) = received(ALERT)
    assert (request.method, request.path) == ("POST", "/hook?a=1")
    assert json.loads(request.body) == incident_object(INCIDENT) | {"action": "trigger", "seq": 1}
    assert request.headers["x-team"] == "shop"
    assert request.headers["content-type"] == "application/json"


def test_the_signature_is_over_time_and_body() -> None:
    """As documented: HMAC-SHA256 of `<t>.<body>`."""
    (request,) = received(ALERT)
    fields = dict(part.split("=") for part in request.headers["x-trimwatch-signature"].split(","))
    signed = f"{fields['t']}.".encode() + request.body
    assert fields["t"] == str(NOW_MS // 1000)
    assert fields["v1"] == hmac.new(b"key", signed, hashlib.sha256).hexdigest()


def test_the_same_alert_twice_has_one_idempotency_key() -> None:
    """Another alert of the incident has another."""
    keys = [request.headers["idempotency-key"] for request in received(ALERT, ALERT, RESOLVE)]
    assert keys[0] == keys[1] != keys[2]
