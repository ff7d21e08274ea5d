"""Whether a receiver could be reached, for `check --connect`: its name resolves, its port answers, its certificate is trusted.

No request is made: what a receiver says to an alert shows with the first alert alone.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator

from detector.edges.http.address import Target, addresses_of, target_of
from detector.edges.inspected import Inspected, Problem
from detector.edges.sinks.credentials import revealed
from detector.errors import SinkError
from detector.settings import AlertmanagerSinkSettings, PagerDutySinkSettings, SlackSinkSettings, WebhookSinkSettings

HttpSinkSettings = WebhookSinkSettings | PagerDutySinkSettings | AlertmanagerSinkSettings | SlackSinkSettings

_SECRETS = ("token", "hmac_secret", "routing_key", "bot_token", "webhook_url")
_WRONG_HOST = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


async def inspect_sink(settings: HttpSinkSettings) -> Inspected:
    """Connects to every address that the sink may post to, at once, and closes."""
    problems = list(_unreadable(settings))
    try:
        targets = list(_targets(settings))
        context = await _trust(settings, [target for _, target in targets])
    except _Trouble as trouble:
        return Inspected(problems=(*problems, trouble.problem))
    ends = await asyncio.gather(*(_end(field, target, settings, context) for field, target in targets))
    problems += [end for end in ends if end is not None]
    reached = [str(target) for (_, target), end in zip(targets, ends, strict=True) if end is None]
    return Inspected(
        seen=f"{', '.join(reached)} reached" if reached else "",
        problems=tuple(problems),
        untried="whether it takes an alert and our credentials",
    )


class _Trouble(Exception):
    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.problem: Problem = (field, words)


def _unreadable(settings: HttpSinkSettings) -> Iterator[Problem]:
    """Secrets whose file is there and empty, or gone since."""
    for field in _SECRETS:
        secret = getattr(settings, field, None)
        if secret is not None:
            try:
                revealed(secret, field)
            except SinkError as error:
                yield field, str(error).removeprefix(f"{field}: ")


def _targets(settings: HttpSinkSettings) -> Iterator[tuple[str, Target]]:
    for field, url in _urls(settings):
        try:
            yield field, target_of(url)
        except ValueError as error:
            raise _Trouble(field, str(error)) from None


def _urls(settings: HttpSinkSettings) -> Iterator[tuple[str, str]]:
    match settings:
        case AlertmanagerSinkSettings():
            yield from ((f"urls.{at}", url) for at, url in enumerate(settings.urls))
        case SlackSinkSettings() if settings.webhook_url is not None:
            try:
                yield "webhook_url", revealed(settings.webhook_url, "webhook_url")
            except SinkError:
                return  # told as an unreadable secret
        case SlackSinkSettings():
            yield "api", settings.api
        case _:
            yield "url", settings.url


async def _trust(settings: HttpSinkSettings, targets: list[Target]) -> ssl.SSLContext | None:
    if not any(target.is_tls for target in targets):
        return None
    ca_file: str | None = getattr(settings, "ca_file", None)
    try:
        return await asyncio.to_thread(ssl.create_default_context, cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise _Trouble("ca_file", f"{ca_file!r} holds no certificates in PEM form") from None


async def _end(field: str, target: Target, settings: HttpSinkSettings, context: ssl.SSLContext | None) -> Problem | None:
    """None where it could be reached: one of its addresses is enough."""
    limit_s = settings.timeout.total_seconds() / 2  # so that a peer that hangs does not use up the time of the part
    try:
        async with asyncio.timeout(limit_s):
            await _reach(target, await addresses_of(target, settings.allow_private), context if target.is_tls else None)
    except SinkError as error:
        return field, str(error)
    except TimeoutError:
        return field, f"{target}: no answer within {limit_s:g} s: a firewall, or an address where nobody is"
    except ssl.SSLCertVerificationError as error:
        return _distrusted(field, target, error, has_ca="ca_file" in settings.__slots__)
    except OSError as error:
        is_other = target.is_tls and isinstance(error, ssl.SSLError | ConnectionResetError)
        return field, f"{target}: {_reason(error)}" + ("; if the port speaks plain HTTP, write http://" if is_other else "")
    return None


async def _reach(target: Target, addresses: list[str], context: ssl.SSLContext | None) -> None:
    """Raises what the last address did."""
    for left, address in zip(range(len(addresses) - 1, -1, -1), addresses, strict=True):
        try:
            _, writer = await asyncio.open_connection(
                address, target.port, ssl=context, server_hostname=target.host if context else None
            )
        except OSError:
            if not left:
                raise
        else:
            writer.transport.abort()
            return


def _distrusted(field: str, target: Target, error: ssl.SSLCertVerificationError, *, has_ca: bool) -> Problem:
    words = f"{target}: its certificate is not trusted: {error.verify_message}"
    if error.verify_code in _WRONG_HOST:
        return field, f"{words}; write the name that the certificate is for"
    if has_ca:
        return "ca_file", f"{words}; name the file of the authority that signed it"
    return field, f"{words}; install its authority among the system's certificates"


def _reason(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused: nothing listens on that port"
    if isinstance(error, ConnectionResetError):
        return "it closed the connection at once"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or type(error).__name__}"
    return error.strerror or str(error) or type(error).__name__
