from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from detector.settings import LogSettings
from detector.telemetry import logger, set_up_log


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def test_one_line_an_event_whatever_a_field_holds(stream: io.StringIO) -> None:
    """A log line that is quoted writes no line of its own and steers no terminal, in either format."""
    hostile = 'x\r\n{"event": "forged"}\x1b]0;title\x07\u202e\x9b31m\ud800'
    for style in ("json", "console"):
        set_up_log(LogSettings(format=style), stream)
        logger.warning("line_quoted", text=hostile, count=3)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert json.loads(lines[0])["event"] == "line_quoted"
    for line in lines:
        assert not {"\r", "\x1b", "\x07", "\u202e", "\x9b", "\ud800"} & set(line)
        assert "\\x1b" in line


def test_fields_are_keyed_and_levels_kept(stream: io.StringIO) -> None:
    """JSON holds level, time and every field; what is below the level is not written."""
    set_up_log(LogSettings(level="warning", format="json"), stream)
    logger.info("not_written")
    logger.error("alert_given_up", sink="pager", attempt=3)
    event = json.loads(stream.getvalue())
    assert (event["event"], event["level"], event["sink"], event["attempt"]) == ("alert_given_up", "error", "pager", 3)
    assert event["timestamp"].endswith("Z")


def test_libraries_are_heard_from_warning_on(stream: io.StringIO) -> None:
    """What a library warns of becomes an event; what it only mentions, such as a URL with a token, does not."""
    set_up_log(LogSettings(format="json"), stream)
    logging.getLogger("httpx").info("POST https://hooks.example/T0/secret")
    logging.getLogger("asyncio").error("task failed: %s", "why")
    event = json.loads(stream.getvalue())
    assert (event["event"], event["library"], event["message"]) == ("library_log", "asyncio", "task failed: why")


def test_a_library_that_repeats_itself_is_heard_once_in_a_while(stream: io.StringIO) -> None:
    """A client says ten times a second that its server is away: one of each text is kept, and how many were left out."""
    set_up_log(LogSettings(format="json"), stream)
    (handler,) = logging.getLogger().handlers
    for tenth in range(250):
        record = logging.makeLogRecord(
            {"name": "aiokafka", "levelno": logging.ERROR, "msg": "no connection to %s", "args": (tenth,)}
        )
        record.created = 1000 + tenth / 10
        handler.emit(record)
    logging.getLogger("aiokafka").error("another text")
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(event["message"], event.get("left_out")) for event in events] == [
        ("no connection to 0", None),
        ("no connection to 100", 99),
        ("no connection to 200", 99),
        ("another text", None),
    ]


def test_what_a_library_quotes_is_masked(stream: io.StringIO) -> None:
    """It writes down what servers answer, and whom it called."""
    set_up_log(LogSettings(format="json"), stream)
    logging.getLogger("aiokafka").error("Unable connect: %s", "no such login: password=c4nary")
    logging.getLogger("any").warning("GET https://user:c4nary@host/?token=c4nary")
    assert "c4nary" not in stream.getvalue()
    assert "no such login: password=***" in stream.getvalue()


def test_texts_without_end_are_not_remembered_without_end(stream: io.StringIO) -> None:
    """A library that puts what it got into the text itself does not fill the memory."""
    set_up_log(LogSettings(format="json"), stream)
    for number in range(1000):
        logging.getLogger("aiokafka").error(f"text {number}")
    (handler,) = logging.getLogger().handlers
    assert len(handler._kept) <= 256
    assert len(stream.getvalue().splitlines()) == 1000


def test_an_exception_is_one_line_too(stream: io.StringIO) -> None:
    """A traceback stays inside its event."""
    set_up_log(LogSettings(format="json"), stream)
    try:
        raise ValueError("bad\nworse")
    except ValueError:
        logger.exception("broken")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: bad" in json.loads(line)["exception"]


def test_a_long_field_is_cut(stream: io.StringIO) -> None:
    """A field of a megabyte does not become a log line of a megabyte."""
    set_up_log(LogSettings(format="json"), stream)
    logger.warning("line_quoted", text="x" * (1 << 20))
    assert len(stream.getvalue()) < 3_000
