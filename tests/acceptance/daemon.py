"""The real daemon as a child process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson


class Daemon:
    """`trimwatch run` on a folder of its own. `settings` is written as YAML (JSON is YAML)."""

    def __init__(self, folder: Path, settings: dict[str, object]) -> None:
        self.folder = folder
        self.config = folder / "settings.yaml"
        self.write_settings(settings)
        self.log = folder / "daemon.log"
        self.peak_kib = 0
        self._process: subprocess.Popen[bytes] | None = None

    def write_settings(self, settings: dict[str, object]) -> None:
        self.config.write_bytes(orjson.dumps(settings))

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait_for_log(self, word: str, times: int = 1, timeout_s: float = 20) -> str:
        """What the daemon has said, once the word is in it so many times. Fails the test when it does not come."""
        end = time.monotonic() + timeout_s
        while (said := self.log.read_text() if self.log.exists() else "").count(word) < times:
            assert time.monotonic() < end, f"{word!r} never came:\n{said[-3000:]}"
            assert not self.has_ended(), said[-3000:]
            time.sleep(0.02)
        return said

    def until(self, is_so: Callable[[], bool], within_s: float = 20) -> None:
        """Returns when it is so; an OSError means not yet: it does not listen. Fails the test when it does not come."""
        end = time.monotonic() + within_s
        while True:
            try:
                if is_so():
                    return
            except OSError:
                pass
            assert time.monotonic() < end, self.log.read_text()[-3000:]
            time.sleep(0.05)

    def start(self, crash_at: str = "") -> None:
        environment = {**os.environ, "TRIMWATCH_CRASH_AT": crash_at}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "detector.cli", "run", "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )

    def has_ended(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None

    def ended_within(self, seconds: float) -> bool:
        """Waits for the process to end by itself."""
        assert self._process is not None
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.measure()
            try:
                self._process.wait(0.05)
                return True
            except subprocess.TimeoutExpired:
                continue
        return False

    def measure(self) -> None:
        """Notes the largest resident memory that the kernel has seen of this process."""
        assert self._process is not None
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return
        for line in status.splitlines():
            if line.startswith("VmHWM"):
                self.peak_kib = max(self.peak_kib, int(line.split()[1]))

    def mapped_files(self) -> str:
        """What the process has in its memory, as the kernel tells it."""
        assert self._process is not None
        return Path(f"/proc/{self._process.pid}/maps").read_text()

    def children(self, named: str) -> list[int]:
        """The processes that it has started, that still run, and that have this word in their command line."""
        assert self._process is not None
        told = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return [int(each) for each in told.split() if named in _command_line(each)]

    def exit_status(self) -> int | None:
        """None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def kill(self) -> None:
        assert self._process is not None
        self.measure()
        self._process.kill()
        self._process.wait()

    def stop(self, timeout_s: float = 20) -> int:
        """SIGTERM; the exit status."""
        assert self._process is not None
        self.measure()
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout_s)


def _command_line(process: str) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:  # gone meanwhile
        return ""
