"""Writes logs while the daemon lives and dies: noise, planted failures with a number each, both ways of rotation."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

NOISE = "2026-11-24T10:00:00.000Z  INFO 1 --- [           main] shop.Cart   : added item {n} to the cart of a customer\n"
HEADER = "2026-11-24T10:00:00.000Z ERROR 1 --- [           main] shop.Cart   : request {n} failed\n"
TRACE = "java.lang.ClassNotFoundException: planted.C{n:05d}\n\tat java.base/java.lang.Class.forName0(Native Method)\n"


class Planter:
    """`renamed.log` is rotated by rename, its parts are kept; `truncated.log` by copy and truncate, and only after the receiver
    has heard of all that was planted in it, for what truncation takes away is lost by its nature."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.planted: set[str] = set()
        self.in_truncated: set[str] = set()
        self._random = random.Random(seed)
        self._number = 0
        self._rotations = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._may_truncate = threading.Event()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def truncate_soon(self) -> None:
        """To be called when everything in `in_truncated` was delivered."""
        self._may_truncate.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._write(self.folder / "renamed.log", 40)
            if self._random.random() < 0.012:
                self._rotate()
            if self._may_truncate.is_set():
                self._may_truncate.clear()
                (self.folder / "truncated.log").open("wb").close()
                self._write(self.folder / "truncated.log", 5)
            time.sleep(0.004)

    def _rotate(self) -> None:
        self._rotations += 1
        (self.folder / "renamed.log").rename(self.folder / f"renamed.log.{self._rotations}")

    def _write(self, path: Path, lines: int) -> None:
        self._number += 1
        planted = self._random.random() < 0.05 or path.name == "truncated.log"
        noise = [NOISE.format(n=self._number * 100 + i) for i in range(lines)]
        if planted:
            noise.insert(lines // 2, HEADER.format(n=self._number) + TRACE.format(n=self._number))
            self.planted.add(f"planted.C{self._number:05d}")
            if path.name == "truncated.log":
                self.in_truncated = {f"planted.C{self._number:05d}"}
        text = "".join(noise).encode()
        with path.open("ab") as log:  # in two pieces, cut anywhere: a reader must not judge half a line
            half = self._random.randrange(len(text))
            log.write(text[:half])
            log.flush()
            log.write(text[half:])
