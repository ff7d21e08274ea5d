"""The options of commands that look into the store, or add to it, beside the daemon."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import Any

import click

from detector.documents import read_file
from detector.edges.store.beside import Beside
from detector.settings import StoreSettings, load_settings
from detector.settings.start_at import start_at

_SPAN = re.compile(r"(\d{1,6})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def store_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--config` and `--store`; the command takes them for `opened`."""
    command = click.option("--store", "store", metavar="FOLDER", help="The folder of the state; default: what the settings say.")(
        command
    )
    return click.option("--config", "config", metavar="FILE", help="The settings of the daemon, for the folder of its state.")(
        command
    )


def opened(config: str | None, store: str | None, *, is_made: bool) -> Beside:
    """The store that the options name. Raises BadSettings, and what `Beside.open` raises."""
    text = read_file(config) if config else b""
    settings = load_settings(config or "the environment", text, os.environ).store
    return Beside.open(StoreSettings(path=store) if store else settings, now_ms(), is_made=is_made)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def moment(option: str, text: str | None) -> int | None:
    """Milliseconds since the epoch of `2026-11-25T02:00:00Z`, `now`, or `90m` ago."""
    if text is None:
        return None
    if text == "now":
        return now_ms()
    if _SPAN.fullmatch(text):
        return now_ms() - span_ms(option, text)
    try:
        found = start_at(text)
    except ValueError as error:
        raise click.UsageError(
            f"{option} {str(error).replace('earliest, latest, or a time', 'now, 90m (ago), or a time')}"
        ) from None
    if not isinstance(found, int):
        raise click.UsageError(f"{option} is a time like 2026-11-25T02:00:00Z, or now, or 90m (ago)")
    return found


def span_ms(option: str, text: str) -> int:
    """Milliseconds of `15s`, `90m`, `24h`, `14d`."""
    found = _SPAN.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise click.UsageError(f"{option} is a span like 15s, 90m, 24h or 14d")
    return int(found[1]) * _SECONDS[found[2]] * 1000
