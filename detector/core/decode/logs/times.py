"""Times as logs write them, in milliseconds since the epoch.

A time without a zone is read as UTC, unless a frame that knows better (`corrected`). A time without a year, or of a day alone,
takes the latest one that is not after the reference (what the frame says, else when we saw the line) by more than a day.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

DAY_MS = 86_400_000
_QUARTER_MS = 900_000
_MONTHS = {name: number for number, name in enumerate((b"jan feb mar apr may jun jul aug sep oct nov dec").split(), 1)}
_ZONES = {b"Z": 0, b"UTC": 0, b"GMT": 0, b"BST": 60, b"CET": 60, b"CEST": 120, b"MSK": 180, b"IST": 330, b"JST": 540}
_ZONES |= {b"EST": -300, b"EDT": -240, b"CST": -360, b"CDT": -300, b"MST": -420, b"MDT": -360, b"PST": -480, b"PDT": -420}
ZONE = rb"(?:Z|[+-]\d\d:?\d\d(?!\d)|UTC|GMT|BST|CES?T|MSK|IST|JST|[ECMP][SD]T)(?!\w)"
_CLOCK = rb"(\d\d?):(\d\d):(\d\d)(?:[.,:](\d{1,9}))?"
_TAIL = rb"(?:[ \xe2\x80\xaf]*([AaPp])\.?[Mm]\.?)?(?: ?(" + ZONE + rb"))?"
_FORMS = tuple(
    (order, re.compile(form))
    for order, form in (
        (b"ymd", rb"(\d{4})[-/.](\d\d?)[-/.](\d\d?)(?:[T _-]|, ?)" + _CLOCK + _TAIL),
        (b"dmy", rb"(\d\d?)[-/. ]([A-Za-z]{3})[a-z]*[-/. ](\d{4})[ :,]+" + _CLOCK + _TAIL),
        (b"mdy", rb"([A-Z][a-z]{2})[a-z.]* (\d\d?), (\d{4}),? " + _CLOCK + _TAIL),
        (b"ctime", rb"[A-Z][a-z]{2},? ([A-Z][a-z]{2}) +(\d\d?) " + _CLOCK + rb"() ?(" + ZONE + rb")? ?(\d{4})"),
        (b"md", rb"([A-Z][a-z]{2}) +(\d\d?) " + _CLOCK + _TAIL),
        (b"us", rb"(\d\d?)/(\d\d?)/(\d{4}|\d\d)(?!/|\d),? " + _CLOCK + _TAIL),
        (b"m-d", rb"(\d\d)-(\d\d) " + _CLOCK + _TAIL),
        (b"mmdd", rb"(\d\d)(\d\d) " + _CLOCK + _TAIL),
        (b"yymmdd", rb"(\d\d)(\d\d)(\d\d) (\d\d):?(\d\d):?(\d\d)()()()"),
        (b"compact", rb"(\d{4})(\d\d)(\d\d)[-T ]?" + rb"(\d\d?):?(\d\d?):?(\d\d?)(?:[.,:](\d{1,9}))?" + _TAIL),
        (b"tod", _CLOCK + _TAIL),
        (b"short", rb"(\d\d?):(\d\d)()()([AaPp])[Mm]()"),
    )
)
_REST = re.compile(rb"(?:[.,:](\d{1,9}))? ?(" + ZONE + rb")?\Z")
_EPOCH = re.compile(rb"-?\d{8,19}(?:\.\d+)?\Z")
_MOST_KNOWN = 256
_seconds: dict[bytes, int] = {}
_moments: dict[bytes, Moment] = {}  # in a storm many lines name the same millisecond


class Moment(NamedTuple):
    """`ms` since the epoch; `has_zone` says whether the text named one."""

    ms: int
    has_zone: bool


def read(text: bytes, reference_ms: int) -> Moment | None:
    """Any of the forms above; None for text that is no time."""
    known = _moments.get(text)
    if known is not None:
        return known
    second = _seconds.get(text[:19])
    if second is not None:
        rest = _REST.match(text, 19)
        if rest is not None:
            if len(_moments) >= _MOST_KNOWN:
                _moments.clear()
            moment = _moments[text] = _moment(second, rest[1], rest[2])
            return moment
    return _slow(text.strip(b" []"), reference_ms)


def read_ms(text: bytes, reference_ms: int) -> int | None:
    """The same without the zone."""
    moment = read(text, reference_ms)
    return None if moment is None else moment.ms


def number(value: float) -> int | None:
    """Epoch seconds, milliseconds, microseconds or nanoseconds, told apart by their size. None for what is no time."""
    if not 1e8 <= value < 1e20:
        return None
    return int(value * 1000 if value < 1e11 else value if value < 1e14 else value // 1000 if value < 1e17 else value // 1_000_000)


def corrected(moment: Moment, frame_ms: int | None) -> int:
    """A time without a zone is moved by the whole quarters of an hour in which it differs from what the frame says."""
    if moment.has_zone or frame_ms is None:
        return moment.ms
    off = frame_ms - moment.ms
    quarters = (off + _QUARTER_MS // 2) // _QUARTER_MS
    return moment.ms + quarters * _QUARTER_MS if abs(quarters) <= 57 else moment.ms


def _moment(second: int, fraction: bytes | None, zone: bytes | None) -> Moment:
    ms = second * 1000
    if fraction:
        ms += int(fraction[:3].ljust(3, b"0"))
    if not zone:
        return Moment(ms, False)
    minutes = _ZONES.get(zone)
    if minutes is None:
        minutes = int(zone[1:3]) * 60 + int(zone[-2:])
        if zone[:1] == b"-":
            minutes = -minutes
    return Moment(ms - minutes * 60_000, True)


def _slow(text: bytes, reference_ms: int) -> Moment | None:
    if _EPOCH.match(text):
        ms = number(float(text))
        return None if ms is None else Moment(ms, True)
    for order, form in _FORMS:
        match = form.match(text)
        if match is not None:
            try:
                return _build(order, match, text, reference_ms)
            except (ValueError, KeyError, OverflowError):
                return None
    return None


def _build(order: bytes, match: re.Match[bytes], text: bytes, reference_ms: int) -> Moment:
    groups = match.groups()
    if order == b"ctime":
        month, day, hour, minute, second, fraction, half, zone, year = groups
        return _clocked((year, month, day), hour, minute, second, fraction, half, zone)
    if order in (b"tod", b"short"):
        if order == b"short":
            groups = (groups[0], groups[1], b"0", None, groups[4], None)
        today = datetime.fromtimestamp(reference_ms / 1000, UTC)
        date = (b"%d" % today.year, b"%d" % today.month, b"%d" % today.day)
        return _latest(_clocked(date, *groups), reference_ms, DAY_MS)
    if order in (b"md", b"m-d", b"mmdd"):
        year = b"%d" % datetime.fromtimestamp(reference_ms / 1000 + 86_400, UTC).year
        return _yearless(year, groups, reference_ms)
    first, second_, third, *clock = groups
    if order == b"us":
        date = _american(first, second_, third)
    elif order in (b"mdy",):
        date = (third, first, second_)
    elif order == b"dmy":
        date = (third, second_, first)
    elif order == b"yymmdd":
        date = (b"20" + first, second_, third)
        clock = [*clock[:3], None, None, None]
    else:
        date = (first, second_, third)
    moment = _clocked(date, *clock)
    if order == b"ymd" and len(text) >= 19 and clock[4] is None:
        _remember(text[:19], moment, clock)
    return moment


def _american(first: bytes, second: bytes, third: bytes) -> tuple[bytes, bytes, bytes]:
    """Spark writes yy/MM/dd, America M/d/yyyy and, in short, MM/dd/yy; what no month can be decides."""
    if len(third) == 4:
        return (third, second, first) if int(first) > 12 else (third, first, second)
    if int(first) > 12 or int(third) <= 12:
        return b"20" + first, second, third
    return b"20" + third, first, second


def _yearless(year: bytes, groups: tuple[bytes, ...], reference_ms: int) -> Moment:
    month, day, *clock = groups
    for back in range(5):  # 29 February is four years away at most
        try:
            moment = _clocked((b"%d" % (int(year) - back), month, day), *clock)
        except ValueError:
            continue
        if moment.ms <= reference_ms + DAY_MS:
            return moment
    raise ValueError("no year fits")


def _latest(moment: Moment, reference_ms: int, step_ms: int) -> Moment:
    """The reading nearest to the reference: at most half a step before or after it."""
    steps = (reference_ms - moment.ms + step_ms // 2) // step_ms
    return Moment(moment.ms + steps * step_ms, moment.has_zone)


def _clocked(
    date: tuple[bytes, bytes, bytes],
    hour: bytes,
    minute: bytes,
    second: bytes,
    fraction: bytes | None = None,
    half: bytes | None = None,
    zone: bytes | None = None,
) -> Moment:
    year, month, day = date
    hours = int(hour)
    if half:
        hours = hours % 12 + (12 if half in b"Pp" else 0)
    months = int(month) if month.isdigit() else _MONTHS[month[:3].lower()]
    leap = int(second) == 60
    when = datetime(int(year), months, int(day), hours, int(minute), 59 if leap else int(second), tzinfo=UTC)
    return _moment(int(when.timestamp()) + leap, fraction, zone)


def _remember(key: bytes, moment: Moment, clock: list[bytes | None]) -> None:
    """Lines of one second share their first 19 bytes. Only the form with two-digit fields is that long."""
    if key[16:17] != b":" or not key[17:19].isdigit():
        return
    zoned = _moment(0, clock[3], clock[5])
    if len(_seconds) >= 512:
        _seconds.clear()
    _seconds[key] = (moment.ms - zoned.ms) // 1000
