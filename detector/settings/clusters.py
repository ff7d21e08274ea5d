"""What is wrong with how Elasticsearch is to be reached, and with what is to be read there or written, as far as the settings
tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from detector.documents.fields import shown
from detector.settings.start_at import start_at
from detector.settings.tree import ElasticsearchSettings, ElasticsearchSourceSettings, Settings

Problem = tuple[str, str]

_PREFIX = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_WE_WRITE = ("findings", "incidents", "deliveries", "verdicts", "baselines")


def cluster_problems(settings: Settings) -> Iterator[Problem]:
    """(path of the field, problem) pairs, for the mirror and every source of the type elasticsearch."""
    mirror = settings.elasticsearch
    for field, problem in _reached(mirror):
        yield f"elasticsearch.{field}", problem
    if not _PREFIX.fullmatch(mirror.prefix):
        yield "elasticsearch.prefix", f"is {shown(mirror.prefix)}; small letters, digits, '.', '_' and '-', the first no sign"
    if settings.incidents.resolve == "shared" and not mirror.urls:
        yield "incidents.resolve", "shared needs elasticsearch.urls: that is where daemons agree"
    for at, source in enumerate(settings.sources):
        if isinstance(source, ElasticsearchSourceSettings):
            for field, problem in (*_reached(source), *_read(source, mirror)):
                yield f"sources.{at}.{field}", problem


def _reached(part: ElasticsearchSettings | ElasticsearchSourceSettings) -> Iterator[Problem]:
    if not part.urls and isinstance(part, ElasticsearchSourceSettings):
        yield "urls", "is empty; name at least one node, like https://elasticsearch:9200"
    for at, url in enumerate(part.urls):
        if problem := _url_problem(url):
            yield f"urls.{at}", problem
    if part.api_key is not None and (part.username is not None or part.password is not None):
        yield "api_key", "cannot be given beside username and password; leave one of them out"
    elif (part.username is None) != (part.password is None):
        given, missing = ("username", "password") if part.password is None else ("password", "username")
        yield given, f"needs {missing}"
    if part.api_key is not None and not (part.api_key.value or part.api_key.file):
        yield "api_key", "is empty"
    if part.ca_file is not None and part.urls and not any(url.lower().startswith("https:") for url in part.urls):
        yield "ca_file", "means nothing without an https:// address"


def _url_problem(url: str) -> str | None:
    """The text does not repeat the URL where it holds a secret."""
    if re.search(r"[\x00-\x20\x7f]", url):
        return "an address has no blanks or control characters"
    try:
        parts = urlsplit(url)
        is_port_right = parts.port is None or parts.port > 0
    except ValueError:
        return "is no address; write https://host:port"
    if "@" in url:
        return "holds a user or a password; leave them out, and give username and password, or api_key, by their own keys"
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or not is_port_right:
        return f"is {shown(url)}; write http://host:port or https://host:port"
    if parts.query or parts.fragment:
        return "an address ends with its path; leave out what follows ? or #"
    return None


def _read(source: ElasticsearchSourceSettings, mirror: ElasticsearchSettings) -> Iterator[Problem]:
    if not source.index.strip() or re.search(r"[\s/\\?\"<>|#]", source.index):
        yield "index", f"is {shown(source.index)}; name an index, an alias, a data stream or a pattern like logs-*"
    elif _meet(source.urls, mirror.urls) and (name := _read_again(source.index, mirror.prefix)):
        yield (
            "index",
            f"matches {name} too: what is mirrored there would be read as a log again; narrow it, or add ,-{mirror.prefix}*",
        )
    for field in ("time_field", "message_field"):
        if getattr(source, field) == "":
            yield field, "is empty; name a field of the documents, or leave the key out"
    try:
        start_at(source.start_at)
    except ValueError as error:
        yield "start_at", str(error)


def _read_again(index: str, prefix: str) -> str | None:
    """What of ours the index expression stands for; parts with a minus take away from those before."""
    for name in (f"{prefix}-{what}" for what in _WE_WRITE):
        is_in = False
        for part in index.split(","):
            if part.startswith("-") and is_in:
                is_in = not fnmatchcase(name, part[1:])
            elif part == "_all" or fnmatchcase(name, part):
                is_in = True
        if is_in:
            return name
    return None


def _meet(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether both name one node: then it is one cluster."""
    return bool({_place(url) for url in one} & {_place(url) for url in other})


def _place(url: str) -> str:
    return url.lower().rstrip("/")
