"""Whether targets would let themselves be scraped, for `check --connect`: each is, once."""

from __future__ import annotations

import asyncio
import time

from detector.edges.inspected import Inspected, Problem
from detector.edges.sources.scrape.fetching import Fetching, ScrapeFailed
from detector.settings import ScrapeSourceSettings

_AT_ONCE = 16


async def inspect_source(settings: ScrapeSourceSettings) -> Inspected:
    """All at once, a few at a time."""
    turns = asyncio.Semaphore(_AT_ONCE)
    said = await asyncio.gather(*(_ask(at, url, settings, turns) for at, url in enumerate(settings.urls)))
    problems = tuple(each for each in said if isinstance(each, tuple))
    samples = [each for each in said if isinstance(each, int)]
    return Inspected(f"{len(samples)} of {len(said)} targets up, {sum(samples)} samples" if samples else "", problems)


async def _ask(at: int, url: str, settings: ScrapeSourceSettings, turns: asyncio.Semaphore) -> int | Problem:
    async with turns:
        fetching = Fetching(url, settings)
        try:
            exposed = await fetching.scrape(time.time_ns() // 1_000_000)
        except ScrapeFailed as problem:
            return _problem(at, fetching, str(problem))
        finally:
            fetching.close()
    if exposed.refused:
        first = exposed.broken[0]
        return f"urls.{at}", f"{exposed.refused} lines cannot be read; line {first.number}: {first.reason}"
    return exposed.samples


def _problem(at: int, fetching: Fetching, words: str) -> Problem:
    """The setting that it is about, where the text begins with one."""
    field, _, rest = words.partition(": ")
    if field in ("token", "password", "ca_file"):
        return field, rest
    if "its certificate is not trusted" in words:
        return "ca_file", f"{fetching.target}: {words}"
    if "answered 401" in words or "answered 403" in words:
        return f"urls.{at}", f"{words}; give token, or username and password"
    return f"urls.{at}", words
