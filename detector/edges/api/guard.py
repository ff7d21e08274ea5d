"""Who may call the API, from where: checked before anything else is looked at."""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from detector.edges.api.exchange import Refused, Request
from detector.settings import ApiSettings

_CHALLENGE = (b"www-authenticate", b'Bearer realm="trimwatch"')


class Guard:
    """A page in somebody's browser can reach a loopback port, under a name of its own: so Host and Origin are checked, and what
    changes anything needs a token that no browser adds by itself."""

    def __init__(self, settings: ApiSettings) -> None:
        self._token = settings.token
        self._hosts = frozenset(name.lower() for name in ("localhost", *settings.hosts))
        self._is_loopback = _is_loopback(_name(settings.listen))

    def check(self, request: Request) -> None:
        """Raises Refused: 403 for a strange Host or Origin, 401 without the right token."""
        host = request.headers.get("host", "").lower()
        if not self._is_ours(_name(host)):
            raise Refused(403, "unknown Host: use an IP address, localhost, or a name listed in api.hosts")
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host:
            raise Refused(403, "requests from other sites are refused")
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise Refused(403, "requests from other sites are refused")
        if request.method not in ("GET", "HEAD") or not self._is_loopback:
            self._check_token(request)

    def _check_token(self, request: Request) -> None:
        token = self._reveal()
        if not token:
            raise Refused(403, "api.token is not set, so nothing that needs it is allowed")
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        is_right = hmac.compare_digest(given.strip().encode(), token.encode())
        if scheme.lower() != "bearer" or not is_right:
            raise Refused(401, "send the header Authorization: Bearer <api.token>", _CHALLENGE)

    def _reveal(self) -> str:
        """Read for each request: a token that was changed in its file counts at once."""
        try:
            return self._token.reveal() if self._token is not None else ""
        except (OSError, UnicodeDecodeError):
            return ""

    def _is_ours(self, name: str) -> bool:
        return name in self._hosts or _is_address(name)


def _name(host: str) -> str:
    """`host` without its port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def _is_address(name: str) -> bool:
    """No name server can turn an address into another one."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)
