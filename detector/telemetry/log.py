"""Our own log: fixed event words with keyed fields on standard error, one line an event, whatever the fields hold."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import orjson

from detector.masking import mask
from detector.settings import LogSettings

# structlog imports rich where it finds it, which keeps 5 MB resident in a daemon that draws no table.
_hides_rich = "rich" not in sys.modules and "structlog" not in sys.modules
if _hides_rich:
    sys.modules["rich"] = None  # type: ignore[assignment]
try:
    import structlog
finally:
    if _hides_rich:
        del sys.modules["rich"]

# Control characters, and what turns or hides text: a log line that we quote must not write a line of its own or steer a terminal.
_STEERS = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_LONGEST_FIELD = 2000
_SAME_TEXT_S = 10.0
_MOST_TEXTS = 256
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

logger = structlog.get_logger()


def set_up_log(settings: LogSettings, stream: TextIO | None = None) -> None:
    """To be called once, by `app`. What libraries log from WARNING on is taken in; httpx writes whole URLs at INFO, and a URL
    may hold a token."""
    stream = stream or sys.stderr
    is_console = settings.format == "console" or (settings.format == "auto" and stream.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _harmless,
            _as_line if is_console else _as_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.level]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Libraries()]
    root.setLevel(logging.WARNING)


class _Libraries(logging.Handler):
    """Takes in what libraries log. A client whose server is away says so many times a second: of each text, with whatever it is
    filled, one in `_SAME_TEXT_S` is kept, with the number of those before it that were not."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[tuple[str, str], tuple[float, int]] = {}  # when one was kept last, and how many were not since

    def emit(self, record: logging.LogRecord) -> None:
        key = (record.name, str(record.msg)[:_LONGEST_FIELD])
        kept_s, left_out = self._kept.get(key, (float("-inf"), 0))
        if 0 <= record.created - kept_s < _SAME_TEXT_S:
            self._kept[key] = (kept_s, left_out + 1)
            return
        if len(self._kept) >= _MOST_TEXTS:
            self._kept.clear()
        self._kept[key] = (record.created, 0)
        self._write(record, {"left_out": left_out} if left_out else {})

    @staticmethod
    def _write(record: logging.LogRecord, more: Mapping[str, Any]) -> None:
        fields: dict[str, Any] = {"library": record.name, "message": mask(record.getMessage()[: 2 * _LONGEST_FIELD]), **more}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        logger.log(record.levelno, "library_log", **fields)


def _harmless(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {key: _spelled_out(value) if isinstance(value, str) else value for key, value in event.items()}


def _spelled_out(text: str) -> str:
    if len(text) > _LONGEST_FIELD:
        text = text[:_LONGEST_FIELD] + "..."
    return _STEERS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def _as_json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    return orjson.dumps(event, default=repr).decode()


def _as_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    time, level, word = event.pop("timestamp"), event.pop("level"), event.pop("event")
    fields = " ".join(f"{key}={_quoted(str(value))}" for key, value in event.items())
    return f"{time[11:19]} {level:<7} {word} {fields}".rstrip()


def _quoted(text: str) -> str:
    return text if text and not re.search(r'[\s"=]', text) else '"' + text.replace('"', '\\"') + '"'
