"""InfluxDB's line protocol, as Telegraf and k6 send it: `measurement,tag=value field=1,other=2i 1465839830100400200`.

Each number is a point of the series `<measurement>_<field>` (`<measurement>` for the field `value`; see `fields`); truth is 1, a
text is no number. The grammar is that of InfluxDB 1.x:
https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference and
`models/points.go` beside it. A plain line is split; one with a backslash or an odd quote is walked, ten times as slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from detector.core.decode.metrics.fields import part_of
from detector.core.decode.metrics.k6 import BUILT_IN
from detector.core.decode.metrics.labels import LONGEST_NAME, bounded, named, sorted_labels
from detector.core.decode.metrics.line_error import LineError, LineErrors
from detector.core.decode.metrics.seconds import Seconds
from detector.records import Labels, MetricKind, MetricPoint

LONGEST_LINE = 64 << 10
MOST_POINTS = 1_000_000  # in a body; what a body may hold at all is for the listener to say
MOST_FIELDS = 4096
# fmt: off
PRECISIONS = {  # as (factor, divisor) to milliseconds
    "": (1, 1_000_000), "n": (1, 1_000_000), "ns": (1, 1_000_000), "u": (1, 1000), "us": (1, 1000), "µ": (1, 1000),
    "ms": (1, 1), "s": (1000, 1), "m": (60_000, 1), "h": (3_600_000, 1),
}
_TRUTH = {
    b"t": 1.0, b"T": 1.0, b"true": 1.0, b"True": 1.0, b"TRUE": 1.0,
    b"f": 0.0, b"F": 0.0, b"false": 0.0, b"False": 0.0, b"FALSE": 0.0,
}
# fmt: on
_LATEST_MS = 253_402_300_800_000  # the year 10,000
_KNOWN_BYTES, _MOST_KNOWN, _MOST_FIELDS_KNOWN = 1024, 8192, 64  # series that are remembered: at most about 20 MiB
_NOT_OURS = {b"vu", b"iter", b"url"}  # tags that k6 writes as fields: who took the sample, not what was measured
_SAMPLE = re.compile(  # the fields of a sample of k6's as it writes them, and the time
    rb'(?:(?:vu|iter)=\d+i,|url="[^"\\]*",)*value=([-+.eE\d]+)(?:,(?:vu|iter)=\d+i|,url="[^"\\]*")* (\d+)'
)
_STRING = re.compile(rb'"[^"\\]*"')
_PREFIX = re.compile(rb"(?:[^ ]|(?<=\\) )+")
_FIELD = re.compile(rb'((?:[^,= "]|(?<=\\)[,= ]|(?<!^)")+)=(?:("(?:[^"\\]|\\.)*+")|([^, "]+))(?=[, ]|$)', re.DOTALL)
_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_INTEGER = re.compile(rb"([-+]?\d{1,20})([iu])")
_COMMA, _EQUALS, _ESCAPE = re.compile(rb"(?<!\\),"), re.compile(rb"(?<!\\)="), re.compile(rb"\\([,= ])")
Fields = list[tuple[bytes, bytes]]  # names and values as they stand
Decoded = tuple[tuple[MetricPoint, ...], tuple[LineError, ...]]


class _Series:
    """Measurement and tags of a line, read once for all lines that begin alike."""

    __slots__ = ("alone", "fields", "k6", "labels", "measurement")

    def __init__(self, measurement: str, labels: Labels) -> None:
        self.measurement = measurement
        self.labels = labels
        self.k6 = BUILT_IN.get(measurement)
        self.fields: dict[bytes, tuple[str, Labels]] = {}
        self.alone: dict[bytes, tuple[str, Labels]] = {}  # fields of lines that have but one

    def parts(self, fields: Fields) -> list[tuple[str, Labels]]:
        """Name and labels of each of the fields of a line. Raises ValueError when one has no name."""
        keys = [_text(key) for key, _ in fields]
        if not all(keys):
            raise ValueError("a field without a name")
        all_keys, is_alone = frozenset(keys), len(keys) == 1
        known, found = self.alone if is_alone else self.fields, []
        for (field, _), key in zip(fields, keys, strict=True):
            name, bound = part_of(self.measurement, key, all_keys, is_alone)
            part = name, self.labels if bound is None else sorted_labels(dict(self.labels), dict((bound,)))
            if len(known) < _MOST_FIELDS_KNOWN and len(field) <= LONGEST_NAME:
                part = known.setdefault(field, part)
            found.append(part)
        return found


def decode(body: bytes, precision: str, now_ms: int) -> Decoded:
    """The points in the order of the lines, and what is wrong with lines that gave none; a bad line spoils no other. `precision`
    is a key of PRECISIONS. A line without a time happened now. Of one series at one millisecond the last point stands.

    Samples of k6's own metrics are folded by the second (see `seconds`), and come last. Raises ValueError for a precision that
    is none."""
    if precision not in PRECISIONS:
        raise ValueError(f"no precision: {precision[:20]!r}; it is one of ns, us, ms, s, m, h")
    taken, errors = _Taken(PRECISIONS[precision], now_ms), LineErrors()
    is_plain = not any(char in body for char in (b"\t", b"\r", b"\0", b"\v", b"\f"))
    for number, line in _lines(body):
        try:
            if is_plain and b"\\" not in line:
                taken.take_plain(line)
            else:
                taken.take(*_walked(line.strip(b"\r")))
        except ValueError as problem:
            errors.add(number, _said(problem), line)
    return (*taken.found.values(), *taken.seconds.take()), errors.told()


class _Taken:
    """What the lines of a body said."""

    def __init__(self, precision: tuple[int, int], now_ms: int) -> None:
        self.found: dict[tuple[int, str, int], MetricPoint] = {}  # by its labels' place: a point holds on to them
        self.seconds = Seconds()
        self._factor, self._divisor = precision
        self._times: dict[bytes, int] = {}
        self._now_ms = now_ms

    def take_plain(self, line: bytes) -> None:
        """A line without backslashes. Raises ValueError."""
        if len(line) > LONGEST_LINE:
            raise ValueError(f"longer than {LONGEST_LINE} bytes")
        prefix, _, rest = line.partition(b" ")
        series = _series(prefix) if len(prefix) <= _KNOWN_BYTES else _made(prefix)
        if series.k6 is not None and (sample := _SAMPLE.fullmatch(rest)) is not None:
            self._sample(series, _number(sample[1]), self._time(sample[2]))
            return
        if b'"' in rest:
            short = _STRING.sub(b'""', rest)
            if short.count(b'"') != 2 * (short.count(b'="",') + short.count(b'="" ') + short.endswith(b'=""')):
                self.take(*_walked(line))
                return
            rest = short
        elif series.alone and b"," not in rest:  # one field, which is known: what Telegraf makes of Prometheus' metrics
            key, _, value_time = rest.partition(b"=")
            text, _, time = value_time.partition(b" ")
            if (part := series.alone.get(key)) is not None and text and len(self.found) < MOST_POINTS:
                when, value = self._times.get(time) or self._time(time.strip(b" ")), _number(text)
                if value is not None:
                    name, labels = part
                    self.found[id(labels), name, when] = MetricPoint(name, labels, MetricKind.UNKNOWN, value, when)
                return
        self.take(series, *_split(rest))

    def take(self, series: _Series, fields: Fields, time: bytes) -> None:
        """Raises ValueError, and then nothing of the line was taken."""
        if len(fields) > MOST_FIELDS or len(self.found) + len(fields) > MOST_POINTS:
            raise ValueError(f"more than {MOST_FIELDS} fields, or {MOST_POINTS} points in a request")
        when, known = self._times.get(time) or self._time(time), series.fields if len(fields) > 1 else series.alone
        if series.k6 is not None and {key for key, _ in fields} - _NOT_OURS == {b"value"}:
            self._sample(series, _number(dict(fields)[b"value"]), when)
            return
        try:
            parts = [known[key] for key, _ in fields]
        except KeyError:
            parts = series.parts(fields)
        numbers = [_number(text) for _, text in fields]
        found, unknown = self.found, MetricKind.UNKNOWN
        for (name, labels), value in zip(parts, numbers, strict=True):
            if value is not None:
                found[id(labels), name, when] = MetricPoint(name, labels, unknown, value, when)

    def _sample(self, series: _Series, value: float | None, when: int) -> None:
        if series.k6 is not None and value is not None:
            self.seconds.add(series.measurement, series.labels, series.k6[0], value, when, series.k6[1])

    def _time(self, time: bytes) -> int:
        if not time:
            return self._now_ms
        when = int(time) * self._factor // self._divisor
        if not 0 <= when < _LATEST_MS or b"_" in time:
            raise ValueError("a time out of range")
        if len(self._times) < _MOST_KNOWN:
            self._times[time] = when
        return when


def _lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    """With the number of each, without comments and empty ones. A string in which a line ends goes on in the next."""
    lines = body.split(b"\n")
    at = 0
    while at < len(lines):
        line, number = lines[at], at + 1
        at += 1
        if b'"' in line and line.count(b'"') % 2 | (b"\\" in line) and not line.startswith(b"#"):
            line, at = _with_its_end(lines, at)
        if line[:1] in b" \t\r":
            line = line.strip(b" \t\r")
        if line and line[:1] != b"#":
            yield number, line


def _with_its_end(lines: list[bytes], at: int) -> tuple[bytes, int]:
    """The line before `at`, with those that its open string takes in. An open string without an end takes in none."""
    line = lines[at - 1]
    if not _is_open(line):
        return line, at
    taken, size = [line], len(line)
    for end in range(at, len(lines)):
        taken.append(lines[end])
        size += len(lines[end]) + 1
        if size > LONGEST_LINE:
            break
        if _CLOSING.match(lines[end]):
            whole = b"\n".join(taken)
            if not _is_open(whole):
                return whole, end + 1
    return line, at


_CLOSING = re.compile(rb'(?:[^"\\]|\\.)*+"')


def _is_open(line: bytes) -> bool:
    """Whether the line ends inside a string: in the fields, where one begins after `=`."""
    prefix = _PREFIX.match(line)
    at = prefix.end() if prefix else 0
    while (begin := line.find(b'="', at)) >= 0:
        closing = _CLOSING.match(line, begin + 2)
        if closing is None:
            return True
        at = closing.end()
    return False


def _split(rest: bytes) -> tuple[Fields, bytes]:
    """What follows the series, without backslashes, its strings empty: the fields as they stand, the time. Raises ValueError."""
    texts, _, time = rest.strip(b" ").partition(b" ")
    fields = []
    for field in texts.split(b","):
        key, equals, value = field.partition(b"=")
        if not equals or not value:
            raise ValueError("a field without a value" if texts else "no fields")
        fields.append((key, value))
    return fields, time.strip(b" ")


def _walked(line: bytes) -> tuple[_Series, Fields, bytes]:
    """Series, fields and time of any line: each field is matched from where the one before ended."""
    if len(line) > LONGEST_LINE:
        raise ValueError(f"longer than {LONGEST_LINE} bytes")
    prefix = _PREFIX.match(line)
    if prefix is None:
        raise ValueError("no measurement")
    at = prefix.end()
    while line[at : at + 1] == b" ":
        at += 1
    fields: Fields = []
    while True:
        field = _FIELD.match(line, at)
        if field is None:
            raise ValueError("no fields" if at >= len(line) else "a field that is no key=value, or an open string")
        fields.append((_ESCAPE.sub(rb"\1", field[1]), b'""' if field[2] else field[3]))
        if len(fields) > MOST_FIELDS:
            raise ValueError(f"more than {MOST_FIELDS} fields")
        at = field.end()
        if line[at : at + 1] != b",":
            break
        at += 1
    return _series(prefix[0]) if len(prefix[0]) <= _KNOWN_BYTES else _made(prefix[0]), fields, line[at:].strip(b" ")


def _made(prefix: bytes) -> _Series:
    """Raises ValueError."""
    measurement, *tags = _COMMA.split(prefix) if b"\\" in prefix else prefix.split(b",")
    if not measurement:
        raise ValueError("no measurement")
    pairs = []
    for tag in tags:
        parts = _EQUALS.split(tag) if b"\\" in tag else tag.split(b"=")
        if len(parts) != 2 or not parts[0] or not parts[1]:
            raise ValueError("a tag that is no key=value")
        pairs.append((_unescaped(parts[0]), _unescaped(parts[1])))
    labels = named(pairs)
    if len(labels) != len(pairs):
        raise ValueError("a tag twice")
    return _Series(bounded(_unescaped(measurement), LONGEST_NAME), sorted_labels(labels))


_series = lru_cache(_MOST_KNOWN)(_made)


def _number(text: bytes) -> float | None:
    """None for a string. Raises ValueError."""
    try:
        value = float(text)
        if value - value == 0 and b"_" not in text:
            return value
    except ValueError:
        if text[:1] == b'"':
            return None
        if (truth := _TRUTH.get(text)) is not None:
            return truth
        integer = _INTEGER.fullmatch(text)
        if integer is not None:
            number = int(integer[1])
            if (-(1 << 63) <= number < 1 << 63) if integer[2] == b"i" else (0 <= number < 1 << 64):
                return float(number)
            raise ValueError("an integer out of range") from None
    if _NUMBER.fullmatch(text):
        raise ValueError("a number out of range")
    raise ValueError("a value that is no number, truth or string")


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ValueError("no UTF-8") from None


def _unescaped(data: bytes) -> str:
    return _text(_ESCAPE.sub(rb"\1", data) if b"\\" in data else data)


def _said(problem: ValueError) -> str:
    text = str(problem)
    return "a time that is no number" if text.startswith("invalid literal") or "digits" in text else text
