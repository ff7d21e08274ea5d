"""Files of k6's JSON output: followed, taken up again after a restart, and read whole."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from detector.edges.sources.base import Resume
from detector.edges.sources.k6.past import read_k6
from detector.edges.sources.k6.source import K6Source
from detector.records import Distribution, MetricKind
from detector.settings import K6SourceSettings
from tests.unit.core.decode.metrics.test_k6 import DOCUMENTED, line, told
from tests.unit.edges.sources.points import PointCollector, collecting


async def read_until(file: Path, count: int, resume: Mapping[str, Resume]) -> PointCollector:
    source = K6Source(K6SourceSettings("k6", (str(file),), poll=timedelta(milliseconds=10)))
    async with collecting(source, PointCollector(), resume) as inbox:
        await inbox.until(lambda: sum(point.value for point in inbox.points_seen if isinstance(point.value, float)) >= count)
    return inbox


def test_no_sample_is_lost_or_counted_twice_over_restarts(tmp_path: Path) -> None:
    """And the kind of a name that k6 told of once, at the file's beginning, is still known."""

    async def test() -> None:
        file = tmp_path / "k6.json"
        file.write_bytes(told("mine", "counter"))
        positions: dict[str, Resume] = {}
        total = 0.0
        for _ in range(5):
            with file.open("ab") as out:
                for at in range(10):
                    out.write(line("mine", 1, f"2017-05-09T12:34:45.{at}Z"))
                    out.flush()
            inbox = await read_until(file, 10, positions)
            assert {point.kind for point in inbox.points_seen} == {MetricKind.COUNTER}
            total += sum(point.value for point in inbox.points_seen if isinstance(point.value, float))
            positions |= inbox.positions()
        assert total == 50

    asyncio.run(test())


def test_a_bad_line_is_a_dead_letter(tmp_path: Path) -> None:
    """With its text; the others count."""

    async def test() -> None:
        file = tmp_path / "k6.json"
        file.write_bytes(b"rubbish\n" + line("http_reqs", 1))
        inbox = await read_until(file, 1, {})
        (dead,) = inbox.dead
        assert dead.reason.startswith("no line of k6: line 1: ")
        assert dead.sample == b"rubbish"

    asyncio.run(test())


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_whole_file_is_read(tmp_path: Path, is_packed: bool) -> None:
    """Plain or as `--out json=FILE.gz` writes it."""
    file = tmp_path / "k6.json"
    text = DOCUMENTED + line("http_reqs", 1)
    file.write_bytes(gzip.compress(text) if is_packed else text)
    read = [*read_k6(str(file))]
    found = {point.name: point.value for piece in read for point in piece.points}
    assert (found["vus"], found["http_reqs"]) == (5, 1)
    assert isinstance(found["http_req_duration"], Distribution)
    assert not any(piece.errors or piece.damage for piece in read)


def test_what_is_left_of_a_damaged_file_is_read(tmp_path: Path) -> None:
    """As of a test that was killed."""
    file = tmp_path / "k6.json.gz"
    file.write_bytes(gzip.compress(line("http_reqs", 1) * 1000)[:-20])
    read = [*read_k6(str(file))]
    assert read[-1].damage == "damaged gzip: the file ends in the middle"
    assert 0 < sum(point.value for piece in read for point in piece.points if isinstance(point.value, float)) <= 1000
