"""What is wrong with a sink's settings, as far as it shows without touching the network; for `trimwatch check`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from importlib.util import find_spec

from detector.edges.http.address import refusal, target_of
from detector.settings import (
    AlertmanagerSinkSettings,
    AppriseSinkSettings,
    PagerDutySinkSettings,
    Secret,
    SinkSettings,
    SlackSinkSettings,
    WebhookSinkSettings,
)

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def problems_of(settings: SinkSettings) -> list[tuple[str, str]]:
    """(field, problem) pairs; no value is repeated, since most of them are secrets."""
    return list(_problems(settings))


def _problems(settings: SinkSettings) -> Iterator[tuple[str, str]]:
    match settings:
        case WebhookSinkSettings():
            yield from _url("url", settings.url, settings.allow_private)
            yield from _headers(settings.headers)
        case PagerDutySinkSettings():
            yield from _url("url", settings.url, settings.allow_private)
            yield from _link(settings.runbook_url)
        case AlertmanagerSinkSettings():
            yield from _alertmanager(settings)
        case SlackSinkSettings():
            yield from _slack(settings)
        case AppriseSinkSettings() if find_spec("apprise") is None:
            yield "type", "Apprise is not installed; install trimwatch[apprise]"


def _url(field: str, url: str, allow_private: bool) -> Iterator[tuple[str, str]]:
    try:
        address = ipaddress.ip_address(target_of(url).host)
    except ValueError as error:
        if "does not appear to be an IPv4 or IPv6 address" not in str(error):
            yield field, str(error)
        return
    if reason := refusal(address, allow_private):
        yield field, reason


def _headers(headers: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        if not _HEADER.fullmatch(name) or name.lower() in ("host", "content-length", "transfer-encoding", "connection"):
            yield "headers", f"{name!r} is no header that may be added"
        elif re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value) or not value.isascii():
            yield "headers", f"the value of {name} holds a character that HTTP has no room for"


def _link(template: str | None) -> Iterator[tuple[str, str]]:
    if template is not None and not template.startswith(("https://", "http://")):
        yield "runbook_url", "a link here begins with https:// or http://"


def _alertmanager(settings: AlertmanagerSinkSettings) -> Iterator[tuple[str, str]]:
    if not settings.urls:
        yield "urls", "name at least one peer"
    for url in settings.urls:
        yield from _url("urls", url, settings.allow_private)
    for name, _ in settings.labels:
        if not _LABEL.fullmatch(name):
            yield "labels", f"{name!r} is no label name"
    yield from _link(settings.runbook_url)


def _slack(settings: SlackSinkSettings) -> Iterator[tuple[str, str]]:
    if (settings.webhook_url is None) == (settings.bot_token is None):
        yield "webhook_url", "give either webhook_url or bot_token"
    if settings.bot_token is not None and not settings.channel:
        yield "channel", "a bot token needs the id of a channel"
    if isinstance(settings.webhook_url, Secret) and settings.webhook_url.value:
        yield from _url("webhook_url", settings.webhook_url.value, settings.allow_private)
    yield from _url("api", settings.api, settings.allow_private)
    yield from _link(settings.runbook_url)
