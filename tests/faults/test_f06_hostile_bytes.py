"""F6: whatever bytes a line is made of, the lines around it are judged at their exact place, and nothing ends."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.whole import finds_something_fresh, running, store_of, triggers
from tests.integration.test_replay import objects, replay
from tests.integration.test_run import Place

DEEP = 100_000
TROUBLE = {
    "nul": b"\0" * 40,
    "nul in text": b"2026-11-24T10:00:00Z ERROR a : b\0c",
    "invalid utf-8": b"\xff\xfe\xfa \x80 \xc3",
    "half a sequence": "größe".encode()[:-3],
    "lone surrogate": b'{"level":"ERROR","message":"\\ud800 alone"}',
    "raw surrogate": b"\xed\xa0\x80",
    "utf-16": "2026-11-24 ERROR something".encode("utf-16-le"),
    "byte order mark": b"\xef\xbb\xbf2026-11-24T10:00:00Z ERROR a : b",
    "carriage return": b"2026-11-24T10:00:00Z ERROR a : b\r",
    "only a carriage return": b"\r",
    "nan": b'{"level":"ERROR","message":"x","value":NaN,"other":-Infinity}',
    "long number": b'{"level":"ERROR","message":"x","value":' + b"9" * 5_000 + b"}",
    "huge exponent": b'{"level":"ERROR","message":"x","value":1e999}',
    "duplicate keys": b'{"level":"ERROR","message":"x","message":"y","level":"INFO"}',
    "deep array": b'{"message":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep object": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "open brackets": b"[" * DEEP,
    "half a record": b'{"log":"java.lang',
    "control characters": b'{"level":"ERROR","message":"\x01\x02\x1b[2J"}',
    "wrong types": b'{"level":[1],"message":{"a":1},"@timestamp":{},"time":[]}',
    "docker of nothing": b'{"log":null,"stream":7,"time":false}',
    "cri of nothing": b"2026-11-24T10:00:00.000000000Z stdout F ",
    "endless cri part": b"2026-11-24T10:00:00.000000000Z stderr P half",
    "syslog of nothing": b"<999>1 - - - - - -",
    "counted frame of nothing": b"99999 <13>x",
    "journal field": b"__CURSOR=s=1",
    "separators": b"\x0b\x0c\x1c\x1d\x1e\x85\xe2\x80\xa8\xe2\x80\xa9",
    "empty": b"",
}


def planted(name: str) -> bytes:
    return b"2026-11-24T10:00:00.000Z ERROR 1 --- [main] shop.Cart : java.lang.ClassNotFoundException: planted." + name.encode()


def hostile_log(newline: bytes = b"\n") -> tuple[bytes, dict[str, tuple[int, int]]]:
    """Trouble and planted failures by turns; the place of each failure: (byte, line)."""
    body, places, line = b"", {}, 1
    for number, trouble in enumerate(TROUBLE.values()):
        body += trouble + newline
        name = f"N{number}"
        places[f"planted.{name}"] = (len(body), line + 1)
        body += planted(name) + newline
        line += 2
    return body, places


def places_of(incidents: list[dict]) -> dict[str, tuple[int, int]]:
    return {one["entity"]: (int(one["evidence"][0]["position"]), one["evidence"][0]["line"]) for one in incidents}


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_line_among_hostile_ones_is_judged_at_its_place(tmp_path: Path, newline: bytes, packed: bool) -> None:
    """Each planted failure once, at its byte and its line; lines and bytes are counted exactly; nothing else is found."""
    body, places = hostile_log(newline)
    log = tmp_path / ("hostile.log.gz" if packed else "hostile.log")
    log.write_bytes(gzip.compress(body) if packed else body)
    *incidents, summary = objects(replay("--json", log))
    assert places_of(incidents) == places
    assert {one["count"] for one in incidents} == {1}
    assert (summary["lines"], summary["bytes"]) == (2 * len(TROUBLE), len(body))
    assert (summary["hits"], summary["lost_bytes"], summary["cut_lines"]) == (len(TROUBLE), 0, 0)


@pytest.mark.parametrize("name", TROUBLE)
def test_a_failure_in_a_file_of_its_own_trouble_is_found(name: str) -> None:
    """One kind of trouble before and behind it, again and again: found each time."""
    body = b"".join(TROUBLE[name] + b"\n" + planted(f"N{number}") + b"\n" + TROUBLE[name] + b"\n" for number in range(5))
    found = objects(replay("--json", "-", stdin=body))
    assert {one["entity"] for one in found[:-1]} == {f"planted.N{number}" for number in range(5)}


def test_json_that_cannot_be_read_is_judged_as_text_and_counted_with_its_place(place: Place) -> None:
    """The daemon: the finding in a broken record, a dead letter that says where, and the loop goes on."""
    broken = b'{"level":"ERROR","message":"java.lang.ClassNotFoundException: planted.Broken", "x": }\n'
    with running(place):
        place.log.write_bytes(planted("First") + b"\n" + broken + planted("Last") + b"\n" + planted("Last") + b"\n")
        wanted = {"planted.First", "planted.Broken", "planted.Last"}
        assert place.receiver.wait_for(wanted, 30) == set()
    with store_of(place) as store:
        letters = [(kept.record.position, kept.record.reason) for kept in store.history.dead_letters()]
    assert letters == [(str(len(planted("First")) + 1), "broken JSON, judged as text")]


def test_the_daemon_survives_a_file_of_nothing_but_trouble(place: Place) -> None:
    """All of it at once, twice over: every planted failure is told once, and a fresh one within seconds."""
    body, places = hostile_log()
    with running(place):
        place.log.write_bytes(body)
        assert place.receiver.wait_for(set(places), 30) == set()
        finds_something_fresh(place)
    assert triggers(place) == Counter({*places, "planted.Fresh"})
