"""The header of a text line: time, level, thread and logger in their places, and where the message begins.

A line's first character says which forms may fit; the first one that does is the header.
"""

from __future__ import annotations

from collections.abc import Callable

from detector.core.decode.logs import general_headers as general
from detector.core.decode.logs import runtime_headers as runtime
from detector.core.decode.logs import server_headers as server
from detector.core.decode.logs.header import Header


def read(line: bytes) -> Header | None:
    """The header of a text line without frame and colours; None for a line that has none."""
    readers = _DATED if line[4:5] == b"-" and line[7:8] == b"-" else _READERS.get(line[:1], _OTHERS)
    for reader in readers:
        header = reader(line)
        if header is not None:
            return header
    return None


Reader = Callable[[bytes], Header | None]
_DIGIT: tuple[Reader, ...] = (runtime.logcat, general.timed, server.access, server.redis, general.numbered, server.bgl)
_DATED: tuple[Reader, ...] = (general.timed, server.access, server.redis, general.numbered, server.bgl)  # 2024-05-14
_LETTER: tuple[Reader, ...] = (
    runtime.debug,
    runtime.klog,
    runtime.ruby,
    runtime.jul,
    runtime.python,
    runtime.logrus,
    general.timed,
    general.level_first,
    runtime.php_bare,
    server.program,
    server.access,
    server.bgl,
)
_BRACKET: tuple[Reader, ...] = (
    server.access,
    runtime.php,
    runtime.serilog,
    runtime.tornado,
    server.liberty,
    general.timed,
    server.haproxy,
    runtime.nest,
    runtime.unified,
    server.dmesg,
    general.numbered,
    general.level_first,
    general.behind_thread,
    runtime.debug,
)
_SMALL: tuple[Reader, ...] = (
    runtime.passed,
    runtime.debug,
    runtime.dotnet,
    general.level_first,
    server.program,
    server.access,
    server.bgl,
)
_OTHERS: tuple[Reader, ...] = (server.access, server.bgl)
_READERS: dict[bytes, tuple[Reader, ...]] = (
    {bytes([code]): _DIGIT for code in b"0123456789"}
    | {bytes([code]): _LETTER for code in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    | {bytes([code]): _SMALL for code in b"abcdefghijklmnopqrstuvwxyz"}
    | {
        b"[": _BRACKET,
        b"<": (server.weblogic, general.level_first),
        b"#": (server.weblogic, runtime.passed),
        b"=": (runtime.erlang,),
        b"(": (general.timed,),
        b"-": (server.access, server.bgl, general.behind_dash),
        b" ": (general.level_first, runtime.passed, runtime.debug),
        b"\t": (),
    }
    | {b"": (), b"/": (server.program,), b"\xe2": (runtime.passed,)}
)
