"""F10: the same again. A record, a segment or a whole file that comes twice opens no second incident and rings no second page."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

from tests.faults.whole import counts, finds_something_fresh, running, triggers
from tests.integration.test_replay import objects, replay
from tests.integration.test_run import HEADER, Place, trace


def test_the_same_record_twice_is_one_incident_of_two_events(place: Place) -> None:
    """Byte for byte the same line: it happened twice as far as anybody can know, and rings once."""
    with running(place):
        place.write(trace("Twice") * 2 + HEADER)
        finds_something_fresh(place)
    assert triggers(place) == {"planted.Twice": 1, "planted.Fresh": 1}
    assert counts(place)["planted.Twice"] == 2


def test_a_segment_that_is_written_again_pages_nobody(place: Place) -> None:
    """A shipper repeats its last megabyte: the causes are known, nobody hears of them again."""
    segment = "".join(trace(f"N{number}") + HEADER for number in range(20))
    with running(place):
        place.write(segment)
        finds_something_fresh(place, "Between")
        place.write(segment)
        finds_something_fresh(place)
    assert set(triggers(place).values()) == {1}
    assert {counts(place)[f"planted.N{number}"] for number in range(20)} == {2}


def test_a_file_under_a_second_name_is_read_once(place: Place, tmp_path: Path) -> None:
    """Two globs, a link and a second name of one file: one stream."""
    place.write(trace("Linked") + HEADER)
    (tmp_path / "second.log").hardlink_to(place.log)
    (tmp_path / "third.log").symlink_to(place.log)
    place.settings["sources"][0]["paths"] = [str(tmp_path / "*.log"), str(place.log)]
    place.daemon.write_settings(place.settings)
    with running(place):
        assert place.receiver.wait_for({"planted.Linked"}, 20) == set()
        finds_something_fresh(place)
    assert counts(place)["planted.Linked"] == 1


def test_a_restart_reads_nothing_twice(place: Place) -> None:
    """Stopped and killed by turns behind a whole line: each event is counted once, a kill repeats one message at most."""
    for number in range(4):
        place.write(trace(f"N{number}") + HEADER)
        place.daemon.start()
        assert place.receiver.wait_for({f"planted.N{number}"}, 20) == set()
        place.daemon.kill() if number % 2 else place.daemon.stop()
    assert {counts(place)[f"planted.N{number}"] for number in range(4)} == {1}
    assert triggers(place).total() <= 4 + 2


def test_replay_reads_a_file_once_however_often_it_is_named(tmp_path: Path) -> None:
    """By name, by glob and by link: its failures count once. A copy and its gzip are files of their own."""
    log = tmp_path / "shop.log"
    log.write_text(trace("Named") + HEADER)
    (tmp_path / "link.log").symlink_to(log)
    found = objects(replay("--json", "--service", "shop", log, log, tmp_path / "*.log"))
    assert [one["count"] for one in found[:-1]] == [1]
    shutil.copy(log, tmp_path / "copy.log")
    (tmp_path / "packed.log.gz").write_bytes(gzip.compress(log.read_bytes()))
    found = objects(replay("--json", "--service", "shop", tmp_path / "*.log", tmp_path / "packed.log.gz"))
    assert [one["count"] for one in found[:-1]] == [3]
