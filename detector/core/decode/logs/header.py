"""What the headers of all text layouts share."""

from __future__ import annotations

from dataclasses import dataclass

from detector.core.decode.logs import times
from detector.core.decode.logs.levels import BY_TOKEN
from detector.records import Level

LOOK = 512


ANY = (  # java.util.logging writes CONFIG; `[config]` is a part of a program
    rb"(?:CONFIG|(?i:trace|debug[1-5]?|info(?:rmation)?|notice|note|warn(?:ing)?|error|fatal|crit(?:ical)?|severe"
    rb"|fine(?:r|st)?|verbose"
    rb"|emerg(?:ency)?|alert|d?panic|erro?|fail(?:ure)?|wrn|inf|dbg|vrb|trc|ftl|crt|noti|warni|critical|system|log"
    rb"|success|audit|normal))"
)


DATE = (
    rb"(?:\d{4}[-/.]\d\d[-/.]\d\d(?:[T _]|, ?)\d\d:\d\d:\d\d(?:[.,:]\d{1,9})?"
    rb"|\d\d?[-/ ][A-Z][a-z]{2}[-/ ]\d{4}[ :]+\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    rb"|\d\d[-.]\d\d[-.]\d{4},? \d\d:\d\d:\d\d(?:[.,:]\d{1,9})?"
    rb"|\d\d?/\d\d?/\d{2,4},? \d\d?:\d\d:\d\d(?:[.,:]\d{1,9})?(?:[ \xe2\x80\xaf]*[AP]M)?"
    rb"|[A-Z][a-z]{2}\.? \d\d?, \d{4},? \d\d?:\d\d:\d\d(?:[.,]\d{1,9})?(?:[ \xe2\x80\xaf]*[AP]M)?"
    rb"|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [A-Z]{3,4})? \d{4}"
    rb"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?"
    rb"|\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}|\d{6} \d\d:?\d\d:?\d\d(?!\d)|\d{8}[-T ]\d\d?:\d\d?:\d\d?(?:[.,:]\d{1,9})?"
    rb"|\d\d:\d\d:\d\d(?:[.,]\d{1,9})?|\d\d?:\d\d[AP]M|1\d{9}(?:\.\d{1,9}|\d{3}|\d{6}|\d{9})?(?![\d.]))"
    rb"(?: ?" + times.ZONE + rb")?"
)


@dataclass(slots=True)
class Header:
    """`time` is the text of the time, unread. `message` is the offset of the message in the line."""

    layout: str
    level: Level | None
    time: bytes
    message: int
    logger: bytes = b""
    thread: bytes = b""
    is_first_of_two: bool = False  # java.util.logging: the level and the message are on the next line
    continues: bool = False  # PostgreSQL's DETAIL: a line of its own that belongs to the one before


def level_of(token: bytes) -> Level | None:
    return BY_TOKEN.get(token) or BY_TOKEN.get(token.lower())
