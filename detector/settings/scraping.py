"""Targets that are scraped as Prometheus does it, and what may be wrong with how they are named."""

# ruff: noqa: RUF009   say() is what makes a field

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import urlsplit

from detector.documents.fields import shown
from detector.settings.values import Secret, Size, say

if TYPE_CHECKING:
    from detector.settings.tree import Settings

Problem = tuple[str, str]

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class ScrapeSourceSettings:
    type: Literal["scrape"] = say("Fetches metrics from targets as Prometheus does (its text formats, OpenMetrics).")
    urls: tuple[str, ...] = say("Address of each target, with its path.")
    job: str = say("The label `job` of every series.", "trimwatch")
    name: str = say("What this source is called in metrics.", "scrape")
    service: str | None = say("The service the targets belong to.", None)
    labels: tuple[tuple[str, str], ...] = say("Labels added to every series.", ())
    honor_labels: bool = say("Whether a target's own labels stand where ours have the same name.", False)
    interval: timedelta = say(
        "How often a target is scraped.", timedelta(seconds=15), minimum=timedelta(milliseconds=100), maximum=timedelta(hours=1)
    )
    timeout: timedelta = say(
        "How long one scrape may take; at most the interval.",
        timedelta(seconds=10),
        minimum=timedelta(milliseconds=100),
        maximum=timedelta(minutes=10),
    )
    max_body: Size = say(
        "A longer answer, packed or unpacked, is a failed scrape.",
        Size(16 << 20),
        minimum=Size(1 << 10).bytes,
        maximum=Size(256 << 20).bytes,
    )
    max_samples: int = say("More samples are a failed scrape.", 50_000, minimum=1, maximum=1_000_000)
    token: Secret | None = say("Sent as `Authorization: Bearer`.", None)
    username: str | None = say("The user, for basic authentication.", None)
    password: Secret | None = say("Its password.", None)
    ca_file: str | None = say("CA bundle to trust instead of the built-in one.", None)
    cert_file: str | None = say("Our certificate, where targets ask for one.", None)
    key_file: str | None = say("Its key.", None)
    allow_private: bool = say("Whether addresses may be loopback or private; link-local and metadata addresses never may.", True)


def scrape_problems(settings: Settings) -> Iterator[Problem]:
    """(path of the field, problem) pairs, for every source of the type scrape."""
    for at, source in enumerate(settings.sources):
        if isinstance(source, ScrapeSourceSettings):
            for field, problem in (*_targets(source), *credential_problems(source, source.urls)):
                yield f"sources.{at}.{field}", problem


def _targets(source: ScrapeSourceSettings) -> Iterator[Problem]:
    if not source.urls:
        yield "urls", "is empty; name at least one target, like http://shop:8080/metrics"
    for at, url in enumerate(source.urls):
        if problem := url_problem(url):
            yield f"urls.{at}", problem
        elif url in source.urls[:at]:
            yield f"urls.{at}", f"{shown(url)} stands there twice"
    for label, _ in source.labels:
        if not _LABEL.fullmatch(label) or label.startswith("__") or label in ("job", "instance"):
            yield "labels", f"{shown(label)} cannot be a label here: letters, digits and '_'; `job` and `instance` are ours"
    if source.timeout > source.interval:
        yield "timeout", "is longer than interval"


def url_problem(url: str) -> str | None:
    """The text does not repeat the URL where it holds a secret."""
    if re.search(r"[\x00-\x20\x7f]", url):
        return "an address has no blanks or control characters"
    try:
        parts = urlsplit(url)
        is_port_right = parts.port is None or parts.port > 0
    except ValueError:
        return "is no address; write http://host:port/metrics"
    if "@" in parts.netloc:
        return "holds a user or a password; leave them out, and give username and password, or token, by their own keys"
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or not is_port_right:
        return f"is {shown(url)}; write http://host:port/metrics"
    return "an address has no #" if parts.fragment else None


class Credentials(Protocol):
    """How we prove who we are to an HTTP server."""

    @property
    def token(self) -> Secret | None: ...
    @property
    def username(self) -> str | None: ...
    @property
    def password(self) -> Secret | None: ...
    @property
    def ca_file(self) -> str | None: ...
    @property
    def cert_file(self) -> str | None: ...
    @property
    def key_file(self) -> str | None: ...


def credential_problems(source: Credentials, urls: Sequence[str]) -> Iterator[Problem]:
    """What does not go together, as (field, problem) pairs."""
    if source.token is not None and (source.username is not None or source.password is not None):
        yield "token", "cannot be given beside username and password; leave one of them out"
    elif (source.username is None) != (source.password is None):
        given, missing = ("username", "password") if source.password is None else ("password", "username")
        yield given, f"needs {missing}"
    if (source.cert_file is None) != (source.key_file is None):
        given, missing = ("cert_file", "key_file") if source.key_file is None else ("key_file", "cert_file")
        yield given, f"needs {missing}"
    for field in ("ca_file", "cert_file"):
        if getattr(source, field) is not None and urls and not any(url.lower().startswith("https:") for url in urls):
            yield field, "means nothing without an https:// address"
