"""POSTs the incident of the stable interface with `action` and `seq` added, signed if a secret is set.

The signature is `X-Trimwatch-Signature: t=<unix seconds>,v1=<hex>`, HMAC-SHA256 over `<t>.<body>` with `hmac_secret`: a receiver
recomputes it over the raw body and refuses an old `t`. `Idempotency-Key` is equal when one alert is sent twice.
"""

from __future__ import annotations

import hashlib
import hmac

from detector.edges.http.address import target_of
from detector.edges.sinks.base import Delivered
from detector.edges.sinks.credentials import bearer, revealed
from detector.edges.sinks.excerpt import excerpt
from detector.edges.sinks.exchange import Exchange, Request
from detector.interface import incident_object, json_bytes
from detector.records import Alert
from detector.settings import WebhookSinkSettings


class WebhookSink:
    """Any 2xx is a delivery: a generic receiver has no other way to say so."""

    def __init__(self, settings: WebhookSinkSettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._target = target_of(settings.url)
        self._exchange = Exchange(
            timeout_s=settings.timeout.total_seconds(), allow_private=settings.allow_private, ca_file=settings.ca_file
        )

    async def open(self) -> None:
        self._exchange.open(self._target)

    async def send(self, alert: Alert, note: str, now_ms: int) -> Delivered:
        body = json_bytes(incident_object(excerpt(alert.incident)) | {"action": alert.action.value, "seq": alert.seq})
        headers = (
            *self._settings.headers,
            *bearer(self._settings.token),
            *self._signature(body, now_ms // 1000),
            ("Idempotency-Key", f"{alert.incident.dedup_key}-{alert.seq}"),
        )
        secrets = tuple(value.removeprefix("Bearer ") for _, value in headers)
        await self._exchange.post(Request(self._target, body, headers, (*secrets, self._target.path)), now_ms)
        return Delivered()

    async def close(self) -> None:
        return

    def _signature(self, body: bytes, unix_s: int) -> tuple[tuple[str, str], ...]:
        if self._settings.hmac_secret is None:
            return ()
        key = revealed(self._settings.hmac_secret, "hmac_secret").encode()
        digest = hmac.new(key, b"%d.%s" % (unix_s, body), hashlib.sha256).hexdigest()
        return (("X-Trimwatch-Signature", f"t={unix_s},v1={digest}"),)
