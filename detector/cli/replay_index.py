"""The options of `trimwatch replay` that name an index in place of files."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import click

from detector.records import Batch
from detector.settings import ElasticsearchSourceSettings, Layout, Secret, Settings
from detector.settings.clusters import cluster_problems
from detector.settings.start_at import start_at

_AGO = re.compile(r"(\d{1,9})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BY_FIELD = {
    "urls": "--elasticsearch",
    "index": "--index",
    "ca_file": "--ca-file",
    "username": "--user",
    "password": "--password-file",
}
_OPTIONS = (
    click.option(
        "--elasticsearch", "urls", metavar="URL", multiple=True, help="Read an index instead of files; a node's address."
    ),
    click.option(
        "--index", metavar="PATTERN", help="With --elasticsearch: index, alias, data stream or pattern, such as logs-*."
    ),
    click.option("--query", metavar="QUERY", help="Only documents that this query string matches (Lucene syntax)."),
    click.option("--since", metavar="TIME", help="Only documents from then on: 2026-11-25T02:00:00Z, or 90m, 6h, 2d ago."),
    click.option("--until", metavar="TIME", help="Only documents from before then."),
    click.option("--time-field", default="@timestamp", show_default=True, help="The field that orders documents."),
    click.option("--message-field", help="The field that holds the line; default: found by the document's shape."),
    click.option("--user", help="The cluster's user; with --password-file."),
    click.option("--password-file", metavar="FILE", help="The file that holds the user's password."),
    click.option("--api-key-file", metavar="FILE", help="The file that holds an API key, instead of user and password."),
    click.option("--ca-file", metavar="FILE", help="CA bundle to trust instead of the built-in one."),
    click.option("--flavor", type=click.Choice(["elasticsearch", "opensearch"]), default="elasticsearch", help="Whose API."),
    click.option("--page", type=click.IntRange(1, 10_000), default=1000, hidden=True),
)


@dataclass(frozen=True, slots=True)
class IndexOptions:
    urls: tuple[str, ...]
    index: str | None
    query: str | None
    since: str | None
    until: str | None
    time_field: str
    message_field: str | None
    user: str | None
    password_file: str | None
    api_key_file: str | None
    ca_file: str | None
    flavor: str
    page: int


def index_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options; the command takes what is left of its arguments, `**index`, for IndexOptions."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_index(options: IndexOptions, service: str | None, layout: str) -> tuple[Iterator[Batch], Callable[[], int | None]]:
    """The index's batches, and how many documents there are once the first batch was asked for."""
    from detector.edges.sources.elasticsearch.past import PastIndex, Span  # with its client, which no other replay needs

    past = PastIndex(_settings(options, service, layout), Span(_time("--since", options.since), _time("--until", options.until)))
    return past.batches(), lambda: past.total


def _settings(options: IndexOptions, service: str | None, layout: str) -> ElasticsearchSourceSettings:
    if not options.index:
        raise click.UsageError("--elasticsearch needs --index: an index, alias, data stream or pattern such as logs-*")
    settings = ElasticsearchSourceSettings(
        "elasticsearch",
        options.urls,
        options.index,
        query=options.query,
        service=service,
        layout=cast(Layout, layout),
        time_field=options.time_field,
        message_field=options.message_field,
        page=options.page,
        flavor=cast(Any, options.flavor),
        username=options.user,
        password=None if options.password_file is None else Secret(file=options.password_file),
        api_key=None if options.api_key_file is None else Secret(file=options.api_key_file),
        ca_file=options.ca_file,
    )
    for path, problem in cluster_problems(Settings(sources=(settings,))):
        field = path.split(".")[2]
        raise click.UsageError(f"{_BY_FIELD.get(field, field)} {problem}")
    return settings


def _time(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return time.time_ns() // 1_000_000 - int(ago[1]) * _SECONDS[ago[2]] * 1000
    try:
        moment = start_at(text)
    except ValueError as error:
        raise click.UsageError(
            f"{option} {str(error).replace('earliest, latest, or a time', 'a time')}, or 90m, 6h, 2d"
        ) from None
    if not isinstance(moment, int):
        raise click.UsageError(f"{option} is a time like 2026-11-25T02:00:00Z, or 90m, 6h, 2d ago")
    return moment
