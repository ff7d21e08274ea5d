"""Files of k6's JSON output."""

# ruff: noqa: RUF009   say() is what makes a field

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from detector.settings.values import say

if TYPE_CHECKING:
    from detector.settings.tree import Settings


@dataclass(frozen=True, slots=True)
class K6SourceSettings:
    type: Literal["k6"] = say("Follows files of k6's JSON output (k6 run --out json=FILE).")
    paths: tuple[str, ...] = say("Files or globs to follow; `**` matches folders.")
    name: str = say("What this source is called in metrics.", "k6")
    service: str | None = say("The service that is tested.", None)
    poll: timedelta = say("How often a quiet file is looked at.", timedelta(seconds=1), minimum=timedelta(milliseconds=10))


def k6_problems(settings: Settings) -> Iterator[tuple[str, str]]:
    """(path of the field, problem) pairs, for every source of the type k6."""
    for at, source in enumerate(settings.sources):
        if isinstance(source, K6SourceSettings) and not source.paths:
            yield f"sources.{at}.paths", "is empty; name at least one file or glob"
