"""Parts are asked all at once, each for as long as its settings say, and none hides another."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import typing
from datetime import timedelta

import pytest

from detector.edges.inspected import Inspected
from detector.edges.inspection import INSPECTIONS, Part, inspect, parts_of
from detector.settings import SinkSettings, SourceSettings, load_settings

# No network, nobody to ask, or no way to ask without telling.
QUIET = {"sources.file", "sources.stdin", "sources.statsd", "sources.k6", "sinks.stdout", "sinks.apprise"}


def test_every_kind_of_part_is_asked_or_known_to_need_no_asking() -> None:
    """A new source or sink stands in one of the two lists."""
    kinds = {
        f"{group}.{_type(kind)}"
        for group, union in (("sources", SourceSettings), ("sinks", SinkSettings))
        for kind in typing.get_args(union)
    }
    assert kinds == (set(INSPECTIONS) - {"elasticsearch", "verdicts", "verdicts.prometheus"}) | QUIET


def _type(kind: type) -> str:
    return str(typing.get_args(typing.get_type_hints(kind)["type"])[0])


def test_parts_stand_in_the_order_of_the_settings() -> None:
    """Quiet ones are left out; the mirror comes last, where it is set."""
    text = (
        "sources: [{type: stdin}, {type: elasticsearch, urls: ['http://a:1'], index: x}]\n"
        "sinks: [{type: stdout}, {type: webhook, url: 'http://b.example'}]\nelasticsearch: {urls: ['http://a:1']}\n"
    )
    parts = list(parts_of(load_settings("s.yaml", text, {})))
    assert [(part.path, part.name) for part in parts] == [
        ("sources.1", "elasticsearch"),
        ("sinks.1", "webhook"),
        ("elasticsearch", "mirror"),
    ]
    assert list(parts_of(load_settings("s.yaml", "", {}))) == []


async def hang(settings: object) -> Inspected:
    await asyncio.Event().wait()
    raise AssertionError


async def burst(settings: object) -> Inspected:
    raise ZeroDivisionError("in\nit")


async def answer(settings: object) -> Inspected:
    return Inspected("there")


class _Settings:
    """As much of a part's settings as is looked at here."""

    timeout = timedelta(milliseconds=10)
    url = "http://a.example"


def test_one_that_hangs_and_one_that_breaks_hide_nobody() -> None:
    """The limit and its setting are named; what broke is told in one line."""
    parts = [Part(f"sinks.{at}", "x", f"{__name__}:{name}", _Settings()) for at, name in enumerate(("hang", "burst", "answer"))]
    hung, broken, well = asyncio.run(inspect(parts))
    assert hung.problems == (("url", "no answer within 0.01 s (`timeout`)"),)
    assert broken.problems == (("url", "could not be asked: ZeroDivisionError: in\\nit"),)
    assert well == Inspected("there")


@pytest.mark.parametrize("module", ["aiokafka", "elasticsearch", "aiohttp", "httpx"])
def test_a_plain_check_loads_no_client(module: str) -> None:
    """It answers before an editor's user has blinked."""
    code = "import sys; from detector.cli import main\ntry: main(['check'])\nfinally: print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert f"'{module}'" not in done.stderr
