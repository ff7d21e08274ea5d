"""What no rule explains: lines that are WARN or worse, grouped by what is left when everything that varies is masked."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import orjson

from detector.records import Level, LogEvent

MAX_GROUPS = 1000
MAX_TEMPLATE_BYTES = 300
MAX_EXAMPLE = 500
MAX_SHAPES = 1000
STATE_VERSION = 1

# What a runtime prints before it dies carries no level, and is worse than a WARN.
_LAST_WORDS = re.compile(
    rb"panic: |Traceback \(most recent call last\)|Exception in thread |Unhandled exception|fatal error: |\w+ panicked at "
)

# One pass, the first alternative that fits: quoted, URL, path, UUID, hex, anything with a digit in it.
_VARYING = re.compile(
    rb"\"[^\"]{0,200}\"|(?<!\w)'[^']{0,200}'|`[^`]{0,200}`"
    rb"|\b[a-z][a-z0-9+.-]{1,15}://[^\s,;)\]}]+"
    rb"|(?:\b[A-Za-z]:\\|(?<![\w/])\.{0,2}/)[^\s:,;()\[\]{}\"']+"
    rb"|\b[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f-]{22,27}\b"
    rb"|0x[0-9A-Fa-f]+|\b[0-9a-f]{12,}\b"
    rb"|(?<![\w-])[A-Za-z_-]{0,64}[0-9][\w.:,+-]*"
    rb"|[0-9][\w.:,+-]*"
)
_DIGITS = bytes(48 if 48 <= byte <= 57 else byte for byte in range(256))
_SPACES = re.compile(rb"\s+")
_MARK = b"*"


@dataclass(slots=True)
class Group:
    """Lines of one template. `example` is the first of them, `position`/`line` where it stands in `source`."""

    template: str
    count: int
    level: str
    source: str
    position: str
    line: int
    example: str
    first_ms: int | None
    last_ms: int | None


def shape_of(text: bytes) -> bytes:
    """The first line with each digit a zero: what has the same shape has the same template."""
    return text[: MAX_TEMPLATE_BYTES * 2].split(b"\n", 1)[0].translate(_DIGITS)


def template_of(line: bytes) -> bytes:
    """A line with everything that varies from one event to the next shown as `*`."""
    return _SPACES.sub(b" ", _VARYING.sub(_MARK, line)).strip()[:MAX_TEMPLATE_BYTES]


def is_loud(event: LogEvent) -> bool:
    """Whether it is WARN or worse, or the last words of a program, which have no level."""
    if event.level is None:
        return _LAST_WORDS.match(event.text) is not None
    return event.level >= Level.WARN


class Novelty:
    """Groups of unexplained lines, at most MAX_GROUPS: over that the one seen longest ago goes, and is counted."""

    def __init__(self) -> None:
        self._groups: OrderedDict[bytes, Group] = OrderedDict()
        self._templates: dict[bytes, bytes] = {}
        self.seen = 0
        self.forgotten = 0
        self.is_changed = False

    def see(self, event: LogEvent, source: str) -> bool:
        """Takes an event that no rule explains; one that is not loud is left out. Says whether it was taken."""
        if not is_loud(event):
            return False
        self.seen += 1
        self.is_changed = True
        template = self._template(event.text)
        group = self._groups.get(template)
        if group is None:
            self._groups[template] = _group(template, event, source)
            self._bound()
            return True
        group.count += 1
        group.last_ms = event.time_ms if event.time_ms is not None else group.last_ms
        self._groups.move_to_end(template)
        return True

    def top(self, count: int) -> list[Group]:
        """The most frequent groups, of equals the one that came first in the order of templates."""
        return sorted(self._groups.values(), key=lambda group: (-group.count, group.template))[:count]

    def __len__(self) -> int:
        return len(self._groups)

    def snapshot(self) -> bytes:
        groups = [_state(group) for group in self._groups.values()]
        return orjson.dumps({"version": STATE_VERSION, "seen": self.seen, "forgotten": self.forgotten, "groups": groups})

    def restore(self, state: bytes) -> bool:
        """Takes back a snapshot; False, and nothing changed, for one that is of no use."""
        try:
            known = orjson.loads(state)
            if known["version"] != STATE_VERSION:
                return False
            groups = [Group(*fields) for fields in known["groups"]]
            seen, forgotten = int(known["seen"]), int(known["forgotten"])
        except (ValueError, TypeError, KeyError):
            return False
        self._groups = OrderedDict((group.template.encode(), group) for group in groups)
        self.seen, self.forgotten = seen, forgotten
        return True

    def _template(self, text: bytes) -> bytes:
        """Masking takes ten microseconds; most lines of a noisy log have a shape that was there before."""
        shape = shape_of(text)
        template = self._templates.get(shape)
        if template is None:
            if len(self._templates) >= MAX_SHAPES:
                self._templates.clear()
            template = self._templates[shape] = template_of(shape)
        return template

    def _bound(self) -> None:
        if len(self._groups) > MAX_GROUPS:
            _, group = self._groups.popitem(last=False)
            self.forgotten += group.count


def _group(template: bytes, event: LogEvent, source: str) -> Group:
    return Group(
        template=template.decode("utf-8", "replace"),
        count=1,
        level=event.level.name if event.level is not None else "",
        source=source,
        position=event.where,
        line=event.line,
        example=event.text.split(b"\n", 1)[0][:MAX_EXAMPLE].decode("utf-8", "replace"),
        first_ms=event.time_ms,
        last_ms=event.time_ms,
    )


def _state(group: Group) -> list[Any]:
    return [getattr(group, name) for name in Group.__slots__]
