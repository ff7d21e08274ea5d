"""Real MariaDB on loopback, small and without a journal; clients that stay, and clients that it turns away."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services import installed
from tests.services.process import NotReady, Process, free_port

READY_S = 60
_SMALL = ("--skip-log-bin", "--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0", "--performance-schema=OFF")


class MariaDb:
    """`address` is host and port; `root` enters without a password. `connections` is how many it allows."""

    def __init__(self, folder: Path, connections: int = 20) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._port = free_port()
        self.address = f"127.0.0.1:{self._port}"
        self._data = folder / "data"
        self._user = f"--user={'root' if os.geteuid() == 0 else os.environ.get('USER', 'nobody')}"
        place = (f"--datadir={self._data}", f"--socket={folder / 'socket'}", f"--port={self._port}", "--bind-address=127.0.0.1")
        command = [
            installed.program("mariadbd"),
            "--no-defaults",
            *place,
            self._user,
            *_SMALL,
            f"--max-connections={connections}",
        ]
        self._process = Process(command, folder / "server.log", self._data)

    def start(self, owner: int | None = None) -> None:
        """Returns when it answers. Raises NotReady."""
        if not self._data.exists():
            make = [installed.program("mariadb-install-db"), "--no-defaults", f"--datadir={self._data}", self._user]
            how = ("--auth-root-authentication-method=normal", "--skip-test-db")
            done = subprocess.run([*make, *how], capture_output=True, text=True, check=False)
            if done.returncode:
                raise NotReady(done.stdout[-2000:] + done.stderr[-2000:])
        self._process.start(owner)
        self._process.wait_until(self.answers, READY_S)

    def answers(self) -> bool:
        return self._ask("SELECT 1").returncode == 0

    def refuse(self, times: int) -> None:
        """Logins that fail."""
        for _ in range(times):
            assert self._ask("SELECT 1", "--user=nobody", "--password=wrong").returncode

    @contextmanager
    def clients(self, count: int) -> Iterator[None]:
        """So many sessions that stay."""
        held = [
            subprocess.Popen([*self._client(), "--unbuffered"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(count)
        ]
        try:
            for one in held:
                assert one.stdin is not None
                assert one.stdout is not None
                one.stdin.write(b"SELECT 1;\n")
                one.stdin.flush()
                assert one.stdout.readline()
            yield
        finally:
            for one in held:
                one.communicate()

    def tail(self) -> str:
        """The end of its log."""
        return self._process.tail()

    def kill(self) -> None:
        self._process.kill()

    def _ask(self, statement: str, *more: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*self._client(), *more, f"--execute={statement}"], capture_output=True, check=False)

    def _client(self) -> list[str]:
        host, port = self.address.split(":")
        return [installed.program("mariadb"), "--no-defaults", f"--host={host}", f"--port={port}", "--user=root", "--batch"]
