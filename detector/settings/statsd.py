"""Where StatsD datagrams are listened for, and what may be wrong with that."""

# ruff: noqa: RUF009   say() is what makes a field

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from detector.documents.fields import shown
from detector.settings.listening import is_loopback
from detector.settings.values import say

if TYPE_CHECKING:
    from detector.settings.tree import Settings

Problem = tuple[str, str]

_PORT = re.compile(r"\d{1,5}")


@dataclass(frozen=True, slots=True)
class StatsdSourceSettings:
    type: Literal["statsd"] = say("Listens for datagrams of StatsD and DogStatsD (UDP).")
    listen: str = say("IP address and port that datagrams are sent to.", "127.0.0.1:8125")
    name: str = say("What this source is called in metrics.", "statsd")
    service: str | None = say("The service the metrics belong to.", None)
    interval: timedelta = say(
        "How often what came is added up and judged.",
        timedelta(seconds=10),
        minimum=timedelta(milliseconds=10),
        maximum=timedelta(minutes=5),
    )
    max_series: int = say("More series than this are counted and named, not kept.", 10_000, minimum=1, maximum=1_000_000)
    allow_remote: bool = say("Whether others than this machine may send; nothing proves who they are.", False)


def host_and_port(listen: str) -> tuple[str, int]:
    """Of an address that was checked."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def statsd_problems(settings: Settings) -> Iterator[Problem]:
    """(path of the field, problem) pairs, for every source of the type statsd."""
    listened: dict[str, int] = {}
    for at, source in enumerate(settings.sources):
        if not isinstance(source, StatsdSourceSettings):
            continue
        field = f"sources.{at}.listen"
        if not _is_address(source.listen):
            yield field, f"is {shown(source.listen)}; write an IP address and a port, like 127.0.0.1:8125"
        elif not source.allow_remote and not is_loopback(source.listen):
            yield field, "can be reached from other machines: set allow_remote: true, or listen on 127.0.0.1"
        elif source.listen in listened and not source.listen.endswith(":0"):
            yield field, f"is the address of sources.{listened[source.listen]} too"
        listened.setdefault(source.listen, at)


def _is_address(listen: str) -> bool:
    """A host name would have to be asked for, and may stand for several addresses."""
    host, _, port = listen.rpartition(":")
    if not _PORT.fullmatch(port) or int(port) > 65_535 or (":" in host) != host.startswith("["):
        return False
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
