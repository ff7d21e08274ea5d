"""Who may push: this machine, or whoever carries a token."""

from __future__ import annotations

import base64
import binascii
import hmac

from detector.edges.api.exchange import Refused, Request
from detector.settings import IngestSettings

_CHALLENGE = (b"www-authenticate", b'Basic realm="trimwatch", Bearer realm="trimwatch"')


class SenderCheck:
    """Settings without a token are for loopback alone. A page in a browser reaches that, too. It says so in its headers, which no
    agent sends, and is sent away whatever it carries."""

    def __init__(self, settings: IngestSettings) -> None:
        self._token = settings.token

    def check(self, request: Request) -> None:
        """Raises Refused: 403 for a browser, 401 without the right token, 503 while nobody knows which one that is."""
        if request.headers.keys() & {"origin", "sec-fetch-site"}:
            raise Refused(403, "metrics are taken from agents, not from web pages")
        if self._token is None:
            return
        given = _given(request.headers.get("authorization", "")).encode()
        # Each is compared, so that the time tells nothing; they are read anew, so that a new one counts at once.
        if not sum([hmac.compare_digest(given, token.encode()) for token in self._tokens()]):
            raise Refused(
                401, "send ingest.token: Authorization: Bearer <token>, or as the password of basic authentication", _CHALLENGE
            )

    def _tokens(self) -> list[str]:
        assert self._token is not None
        try:
            tokens = self._token.reveal().split()
        except (OSError, UnicodeDecodeError):
            tokens = []
        if not tokens:
            raise Refused(503, "the file of ingest.token cannot be read, or is empty", (b"retry-after", b"10"))
        return tokens


def _given(authorization: str) -> str:
    """`Token` is InfluxDB's word for a bearer token. The user's name of basic authentication says nothing to us."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace").partition(":")[2]
        except binascii.Error:
            return ""
    return ""
