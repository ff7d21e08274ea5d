"""A stream keeps what is open, gives it out once, and knows where to go on."""

from __future__ import annotations

import orjson

from detector.core.decode.logs.stream import LogStream, Marked
from detector.records import Batch, Level
from tests.unit.core.decode.logs.marking import OBSERVED_MS, STREAM, event, events, marked, marks

HEAD = b"2024-05-14 09:31:07,123 ERROR [main] a.B - failed\n"
TRACE = HEAD + b"java.lang.X.FooException: x\n\tat a.b.C(D.java:1)\n"
INFO = b"2024-05-14 09:31:07,123 INFO [main] a.B - fine\n"


def feed(stream: LogStream, body: bytes, offset: int, *words: str, **more: object) -> list[Marked]:
    """One batch through a stream."""
    span = stream.span(Batch(STREAM, bytearray(body), 0, len(body), offset, OBSERVED_MS, **more))  # type: ignore[arg-type]
    return stream.events(span, marks(span, [word.encode() for word in words]))


def test_an_open_event_waits_for_its_lines() -> None:
    """It is given out when a line shows that it is whole, with what was hit in either batch."""
    stream = LogStream(STREAM)
    assert feed(stream, TRACE, 0, "Foo", "Caused") == []
    assert stream.resume_offset == 0
    more = b"Caused by: e.F: gone\n" + INFO * 10
    found = feed(stream, more, len(TRACE), "Foo", "Caused")
    assert [each.patterns for each in found] == [(0, 1)]
    assert found[0].event.text.endswith(b"Caused by: e.F: gone")


def test_a_silent_stream_gives_out_what_is_open() -> None:
    """After two seconds without a batch, once; what comes then begins anew."""
    stream = LogStream(STREAM)
    feed(stream, TRACE, 0, "Foo")
    assert stream.quiet(1000) == []
    assert stream.quiet(2900) == []
    assert len(stream.quiet(3000)) == 1
    assert stream.quiet(9000) == []
    assert stream.resume_offset == len(TRACE)
    found = feed(stream, b"Caused by: e.F: gone\n" + INFO * 9, len(TRACE), "gone")
    assert [(each.event.line, each.event.level) for each in found] == [(4, None)]


def test_an_open_event_does_not_wait_for_a_steady_log() -> None:
    """A line a second of others: the trace that nothing joins any more is given out after three seconds."""
    stream = LogStream(STREAM)
    feed(stream, TRACE, 0, "Foo")
    at, given = len(TRACE), []
    for second in range(1, 6):
        given.append(len(stream.quiet(second * 1000)))
        feed(stream, INFO, at, "nothing")
        at += len(INFO)
    assert given == [0, 0, 0, 1, 0]


def test_a_batch_ends_the_silence() -> None:
    """The two seconds count from the last batch."""
    stream = LogStream(STREAM)
    feed(stream, TRACE, 0, "Foo")
    stream.quiet(1000)
    feed(stream, b"\tat x\n", len(TRACE), "Foo")
    assert stream.quiet(3000) == []
    assert len(stream.quiet(5000)) == 1


def test_a_json_line_waits_for_nothing() -> None:
    """Nothing can join it."""
    stream = LogStream(STREAM)
    assert len(feed(stream, b'{"level":"error","msg":"gone"}\n', 0, "gone")) == 1
    assert len(feed(stream, HEAD + INFO, 31, "failed")) == 1


def test_nothing_comes_twice_after_a_restart() -> None:
    """The bytes from the resume offset on are read again; what was given out is not."""
    stream = LogStream(STREAM)
    body = TRACE + INFO * 3 + HEAD
    feed(stream, body, 0, "Foo", "failed", "fine")
    again = LogStream(STREAM)
    again.restore(stream.snapshot())
    offset = stream.resume_offset
    words = ("Foo", "failed", "fine")
    before = feed(again, body[offset:] + INFO * 10, offset, *words)
    straight = feed(stream, INFO * 10, len(body), *words)
    assert before == straight
    assert len(stream.snapshot()) < 200


def test_a_gap_ends_what_was_open() -> None:
    """Lost bytes may have held the rest."""
    stream = LogStream(STREAM)
    feed(stream, TRACE, 0, "Foo")
    found = feed(stream, b"Caused by: gone\n", 10_000, "gone")
    assert [each.event.text[:6] for each in found] == [b"failed"]
    assert stream.finish()[0].event.start == 10_000


def test_a_stream_that_begins_anew_is_read_anew() -> None:
    """A file that was truncated starts at 0 again, and so do its line numbers."""
    stream = LogStream(STREAM)
    feed(stream, INFO * 100 + HEAD, 0, "failed")
    found = feed(stream, HEAD + INFO, 0, "failed")
    assert [(each.event.start, each.event.line) for each in found] == [(100 * len(INFO), 101), (0, 1)]


def test_a_cut_line_is_marked_and_ends_what_was_open() -> None:
    """The next batch begins behind what was thrown away; lines are counted on."""
    stream = LogStream(STREAM)
    body = HEAD + b'{"level":"ERROR","message":"gone ' + b"x" * 5000
    found = feed(stream, body + b"\n", 0, "failed", "gone", cut_at=(len(HEAD),), cut_bytes=900)
    assert [(each.event.is_cut, each.event.level, each.event.line) for each in found] == [
        (False, Level.ERROR, 1),
        (True, Level.ERROR, 2),
    ]
    offset = len(body) + 1 + 900
    assert stream.resume_offset == offset
    after = feed(stream, b"\tat x\n" + HEAD + INFO * 9, offset, "failed")
    assert [(each.event.start, each.event.line, each.event.is_cut) for each in after] == [(offset + 6, 4, False)]


def test_the_last_line_may_lack_its_newline() -> None:
    """It is judged whole, once."""
    stream = LogStream(STREAM)
    assert feed(stream, INFO + b"libgone.so: cannot open", 0, "gone", ends=True) == []
    found = stream.finish()
    assert [(each.event.end, each.event.text) for each in found] == [(len(INFO) + 23, b"libgone.so: cannot open")]
    assert stream.finish() == []


def test_spans_count_new_lines() -> None:
    """Carried lines are not counted again, nor scanned again."""
    stream = LogStream(STREAM)
    total = 0
    for number in range(20):
        body = bytearray(INFO + b"\tmore\n")
        span = stream.span(Batch(STREAM, body, 0, len(body), number * len(body), OBSERVED_MS))
        assert span.end - span.scan_from == len(body)
        total += span.lines
        stream.events(span, [])
    assert total == 40


def test_what_is_kept_is_bounded() -> None:
    """Whatever comes: bare lines, one endless trace, parts without an end, long lines."""
    bodies = [
        b"some bare text\n",
        b"\tat a.b.C(D.java:1)\n",
        b"2024-05-14T07:31:07.123Z stdout P " + b"x" * 900 + b"\n",
        b"y" * 100_000 + b"\n",
        b"{\n",
        INFO,
    ]
    for body in bodies:
        stream, offset = LogStream(STREAM), 0
        for _ in range(100):
            batch = body * max(1, 50_000 // len(body))
            feed(stream, batch, offset, "gone")
            offset += len(batch)
            assert offset - stream.resume_offset <= 3 << 20


def test_crlf_bom_and_nul() -> None:
    """Windows line ends, a byte order mark and zero bytes do not hide a header or a word."""
    text = (
        b"\xef\xbb\xbf2024-05-14 09:31:07,123 ERROR [main] a.B - gone\r\njava.lang.X.FooException: x\r\n\tat a.b.C(D.java:1)\r\n"
    )
    found = event(text, "gone")
    assert (found.level, found.text) == (Level.ERROR, b"gone\njava.lang.X.FooException: x\n\tat a.b.C(D.java:1)")
    assert event(b"\0\0libgone.so\0: cannot open", "gone").text == b"\0\0libgone.so\0: cannot open"


def test_utf16() -> None:
    """Both byte orders, with and without a byte order mark, cut anywhere between lines."""
    text = "2024-05-14 09:31:07,123 ERROR [main] a.B - gone é\r\njava.lang.X.FooException: x\r\n\tat a.b.C(D.java:1)\r\n"
    for raw in (
        text.encode("utf-16-le"),
        text.encode("utf-16-be"),
        b"\xff\xfe" + text.encode("utf-16-le"),
        b"\xfe\xff" + text.encode("utf-16-be"),
    ):
        for cuts in ((), range(0, len(raw), 7)):
            found = [each.event for each in marked(raw, ["gone"], cuts)]
            assert [(each.level, each.text.decode()) for each in found] == [
                (Level.ERROR, "gone é\njava.lang.X.FooException: x\n\tat a.b.C(D.java:1)")
            ]


def test_broken_json_is_a_counted_dead_letter() -> None:
    """Its line was judged as text all the same; a repaired one is counted apart."""
    stream = LogStream(STREAM)
    body = b'{"level":"ERROR","msg":"gone" "x":1}\n{"level":"ERROR","msg":"\x01 gone"}\n'
    found = feed(stream, body, 0, "gone")
    assert [each.event.level for each in found] == [Level.ERROR, Level.ERROR]
    letters = stream.dead_letters()
    assert [(letter.position, letter.reason) for letter in letters] == [("0", "broken JSON, judged as text")]
    assert stream.dead_letters() == []
    assert (stream.repaired, stream.broken) == (1, 1)


def test_a_snapshot_is_small_json() -> None:
    """Versioned, readable."""
    assert orjson.loads(LogStream(STREAM).snapshot())["version"] == 1


def test_hits_without_any_line_do_no_harm() -> None:
    """Empty batches, empty lines, a stream that ends at once."""
    stream = LogStream(STREAM)
    assert feed(stream, b"", 0, "gone") == []
    assert feed(stream, b"\n\n\n", 0, "\n") == []
    assert stream.finish() == []
    assert events("", "gone") == []
