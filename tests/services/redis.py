"""Real Redis on loopback, with room for little, so that it throws keys out; its protocol as far as a test needs it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.services import installed
from tests.services.process import Process, free_port

READY_S = 20


class Redis:
    """`address` is host and port. Keeps nothing over a restart."""

    def __init__(self, folder: Path, memory: str = "4mb") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._port = free_port()
        self.address = f"127.0.0.1:{self._port}"
        words = ("--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "")
        bound = ("--maxmemory", memory, "--maxmemory-policy", "allkeys-lru")
        self._process = Process([installed.program("redis-server"), *words, *bound], folder / "server.log", folder / "data")

    def start(self, owner: int | None = None) -> None:
        """Returns when it answers. Raises NotReady."""
        self._process.start(owner)
        self._process.wait_until(self.answers, READY_S)

    def restart(self) -> None:
        self.kill()
        self.start()

    def answers(self) -> bool:
        try:
            with self._link() as link:
                link.sendall(b"PING\r\n")
                return link.recv(16) == b"+PONG\r\n"
        except OSError:
            return False

    def fill(self, keys: int, size: int = 4096) -> None:
        """So many new keys; when the memory is full, older ones go."""
        value = b"x" * size
        with self._link() as link:
            for at in range(keys):
                key = f"{id(link)}-{at}".encode()
                link.sendall(b"*3\r\n$3\r\nSET\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(key), key, size, value))
                assert link.recv(64) == b"+OK\r\n"

    def evicted(self) -> int:
        """What it has counted itself since it started."""
        with self._link() as link, link.makefile("rb") as said:
            link.sendall(b"INFO stats\r\n")
            length = int(said.readline()[1:])
            told = dict(line.split(b":") for line in said.read(length).splitlines() if b":" in line)
            return int(told[b"evicted_keys"])

    @contextmanager
    def clients(self, count: int) -> Iterator[None]:
        """So many clients that are connected and say nothing."""
        with ExitStack() as links:
            for _ in range(count):
                link = links.enter_context(self._link())
                link.sendall(b"PING\r\n")
                link.recv(16)
            yield

    def tail(self) -> str:
        """The end of its log."""
        return self._process.tail()

    def kill(self) -> None:
        self._process.kill()

    def _link(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=5)
