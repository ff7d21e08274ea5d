"""A server as a child process that outlives nobody: when its owner dies, even by SIGKILL, a guard kills it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_GUARD = """
import os, select, shutil, signal, sys
owner, server = map(int, sys.argv[1:3])
def handle(pid):
    try:
        return [os.pidfd_open(pid)]
    except ProcessLookupError:
        return []
owners, servers = handle(owner), handle(server)
is_over = not owners or select.select(owners + servers, [], [])[0] != servers
try:
    os.killpg(server, signal.SIGKILL)
except ProcessLookupError:
    pass
if is_over:
    for folder in sys.argv[3:]:
        shutil.rmtree(folder, ignore_errors=True)
"""


class NotReady(Exception):
    """The server ended, or took too long; the end of its log is in the text."""


class Process:
    """One server in a process group of its own; `log` gets what it says, over all its lives. `data` goes with the owner."""

    def __init__(self, command: Sequence[str], log: Path, data: Path, environment: Mapping[str, str] | None = None) -> None:
        self.command = list(command)
        self.log = log
        self.data = data
        self.is_shared = False
        self._environment = dict(environment or {})
        self._server: subprocess.Popen[bytes] | None = None

    def __getstate__(self) -> dict[str, object]:
        """For another worker, which may use the server and not end it."""
        return {**self.__dict__, "_server": None, "is_shared": True}

    def start(self, owner: int | None = None) -> None:
        """`owner` is the process whose death ends the server; this one unless it is named."""
        assert not self.is_running(), "it runs already"
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment},
                start_new_session=True,
            )
        guard = [sys.executable, "-S", "-c", _GUARD, str(owner or os.getpid()), str(self._server.pid), str(self.data)]
        subprocess.Popen(
            guard, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def is_running(self) -> bool:
        return self._server is not None and self._server.poll() is None

    def wait_until(self, is_ready: Callable[[], bool], timeout_s: float) -> None:
        """Raises NotReady when the server ends or the time is over."""
        end = time.monotonic() + timeout_s
        while not is_ready():
            if not self.is_running() or time.monotonic() > end:
                raise NotReady(f"{self.command[0]} is not ready; its log {self.log} ends:\n{self.tail()}")
            time.sleep(0.05)

    def tail(self, size: int = 4000) -> str:
        return self.log.read_text(errors="replace")[-size:] if self.log.exists() else ""

    def signal(self, number: signal.Signals) -> None:
        """To the whole group: a start script's child too."""
        assert self._server is not None
        os.killpg(self._server.pid, number)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self._end(signal.SIGKILL, 10)

    def stop(self, timeout_s: float = 30) -> None:
        """SIGTERM, and SIGKILL when it takes too long."""
        try:
            self._end(signal.SIGTERM, timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def _end(self, number: signal.Signals, timeout_s: float) -> None:
        assert not self.is_shared, "all tests share this server; one that ends it takes a server of its own"
        if self._server is None:
            return
        if self._server.poll() is None:
            self.signal(number)
        self._server.wait(timeout_s)
        self._server = None


def free_port() -> int:
    """Below the range from which the kernel takes ports of outgoing connections, so that a server can come back on it."""
    chance = random.SystemRandom()
    while True:
        port = chance.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
