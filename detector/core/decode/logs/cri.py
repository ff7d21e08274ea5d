"""The container runtimes' own format: `<time> <stream> <tags> <line>` (containerd, CRI-O)."""

from __future__ import annotations

import re

from detector.core.decode.logs import times
from detector.core.decode.logs.frame import Frame

LINE = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([PF](?::[^ ]*)?)(?: |\Z)")


def read(line: bytes) -> Frame | None:
    """None when the line is no CRI line. Blanks at the front of the payload are the application's."""
    match = LINE.match(line)
    if match is None:
        return None
    time_ms = times.read_ms(match[1], 0)
    name = "stderr" if match[2] == b"stderr" else "stdout"
    return Frame(line[match.end() :], "cri", name, time_ms, is_part=match[3][:1] == b"P")
