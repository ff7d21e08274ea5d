"""Who sends datagrams: real sockets."""

from __future__ import annotations

import socket
import threading
from types import TracebackType


def free_port() -> int:
    """One that no datagram socket had a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def send(port: int, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, ("127.0.0.1", port))


class Repeating:
    """Sends the last thing it was told to say again and again, as an application does that nobody answers."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._said = b""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def say(self, datagram: bytes) -> None:
        self._said = datagram

    def __enter__(self) -> Repeating:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _send(self) -> None:
        while not self._ended.wait(0.005):
            if self._said:
                send(self._port, self._said)
