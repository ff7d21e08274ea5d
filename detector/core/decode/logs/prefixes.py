"""Short prefixes that tools put before a line when they show several containers: Compose, kubectl, stern, Heroku."""

from __future__ import annotations

import re

from detector.core.decode.logs import times
from detector.core.decode.logs.frame import Frame

_COMPOSE = re.compile(rb"(?!\d+ )([A-Za-z0-9][\w.@-]{0,127}) *\| ?")
_LEVELISH = re.compile(rb"(?i:trace|debug|info|notice|warn|warning|error|fatal|critical|severe)\Z")
_KUBECTL = re.compile(rb"\[(pod/[^\]\s]{1,300})\] ?")
_STERN = re.compile(
    rb"([a-z0-9][a-z0-9.-]{0,200}-[a-z0-9]{5,10}-[a-z0-9]{5}|[a-z0-9-]{1,200}-\d{1,4})"
    rb"(?: \xe2\x80\xba)? ([a-z0-9][a-z0-9-]{0,62}) (?=\S|\s)"
)
_HEROKU = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d) ([a-z]+)\[([\w.-]{1,64})\]: ?")
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))(?: |\Z)")


def read(line: bytes) -> Frame | None:
    """None when the line has none of these prefixes."""
    first = line[:1]
    if first == b"[":
        match = _KUBECTL.match(line)
        return match and Frame(line[match.end() :], "kubectl", match[1].decode("utf-8", "replace"))
    if first.isdigit():
        match = _HEROKU.match(line)
        if match is not None:
            time_ms = times.read_ms(match[1], 0)
            return Frame(line[match.end() :], "heroku", match[3].decode(), time_ms)
    match = _COMPOSE.match(line)
    if match is not None and not _LEVELISH.match(match[1]):
        name = match[1].decode()
        return Frame(line[match.end() :], "compose", name, service=re.sub(r"[-_]\d+$", "", name))
    match = _STERN.match(line)
    if match is not None:
        return Frame(line[match.end() :], "stern", f"{match[1].decode()}/{match[2].decode()}", service=match[2].decode())
    return None


def stamp(line: bytes) -> Frame | None:
    """The time that `kubectl logs --timestamps` and `docker logs -t` put before each line. Many applications begin their own
    lines like this: ask only for a line that has no level of its own behind the time."""
    match = _STAMP.match(line)
    if match is None:
        return None
    time_ms = times.read_ms(match[1], 0)
    return Frame(line[match.end() :], "stamped", "", time_ms)
