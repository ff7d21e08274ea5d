"""A UDP socket, read in bursts, that says how many datagrams the kernel threw away because we were slow."""

from __future__ import annotations

import contextlib
import socket
import struct

LONGEST_DATAGRAM = 65_535
_SO_RCVBUFFORCE = 33
_SO_MEMINFO = 55  # socket(7) does not tell of it; linux/sock_diag.h does: nine figures, the last one counts drops
_MEMINFO = struct.Struct("9I")
_WRAP = 1 << 32


class Receiver:
    """Bound when it is made. Raises OSError."""

    def __init__(self, host: str, port: int, buffer_bytes: int) -> None:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
        )[0]
        self._socket = socket.socket(family, kind, protocol)
        try:
            self._socket.setblocking(False)
            self._ask_for_room(buffer_bytes)
            self._socket.bind(address)
        except BaseException:
            self._socket.close()
            raise
        self._buffer = bytearray(LONGEST_DATAGRAM)
        self._view = memoryview(self._buffer)
        self._dropped = self._drops() or 0
        self.port: int = self._socket.getsockname()[1]

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> bytes | None:
        """The next datagram; None when none waits."""
        try:
            return bytes(self._view[: self._socket.recv_into(self._buffer)])  # recv(65535) would clear so much each time
        except BlockingIOError:
            return None
        except ConnectionError:
            return b""  # an ICMP message about something we never sent

    def dropped(self) -> int:
        """How many datagrams were thrown away since the last call; 0 where the kernel does not tell."""
        drops = self._drops()
        if drops is None:
            return 0
        since, self._dropped = (drops - self._dropped) % _WRAP, drops
        return since

    def close(self) -> None:
        self._socket.close()

    def _ask_for_room(self, size: int) -> None:
        """The first needs a right that few containers have; the second gives at most net.core.rmem_max, and says nothing."""
        for option in (_SO_RCVBUFFORCE, socket.SO_RCVBUF):
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, option, size)
                return

    def _drops(self) -> int | None:
        try:
            told = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
        except OSError:
            return None
        return int(_MEMINFO.unpack(told)[-1]) if len(told) == _MEMINFO.size else None
