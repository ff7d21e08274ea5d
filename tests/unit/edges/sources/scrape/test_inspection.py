"""What `check --connect` says of targets."""

from __future__ import annotations

import asyncio

from detector.edges.sources.scrape.inspection import inspect_source
from detector.settings import ScrapeSourceSettings, Secret
from tests.unit.edges.sources.scrape.target import Reply, ScriptedTarget


def test_targets_are_asked_once() -> None:
    """Those that are up are counted; what is wrong with the others points to the setting."""

    async def test() -> None:
        target = ScriptedTarget()
        replies = {
            "/up": Reply(b"a 1\nb 2\n"),
            "/broken": Reply(b"a 1\nb{ 2\n"),
            "/private": Reply(b"who?", 401),
            "/gone": Reply(b"no such page", 404),
        }
        target.replies.update(replies)
        async with target.serving():
            inspected = await inspect_source(ScrapeSourceSettings("scrape", tuple(target.address + path for path in replies)))
            assert len(target.requests) == 4
            missing = ScrapeSourceSettings("scrape", (f"{target.address}/up",), token=Secret(file="/nowhere/token"))
            without = await inspect_source(missing)
        assert inspected.seen == "1 of 4 targets up, 2 samples"
        assert dict(inspected.problems) == {
            "urls.1": "1 lines cannot be read; line 2: not a name, labels, a number and perhaps a time",
            "urls.2": "answered 401: who?; give token, or username and password",
            "urls.3": "answered 404: no such page",
        }
        assert without.problems == (("token", "its file cannot be read: FileNotFoundError"),)

    asyncio.run(test())
