"""One server for all test workers of a run: the first that needs it starts it, and it ends with the run."""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar


class Server(Protocol):
    def start(self, owner: int | None = None) -> None: ...

    def answers(self) -> bool: ...


S = TypeVar("S", bound=Server)


def shared_server(folder: Path, name: str, make: Callable[[Path], S]) -> S:
    """A handle that cannot end the server. One that has died is replaced, in a folder of its own."""
    with locked(folder / f"{name}.lock"):
        note = folder / f"{name}.handle"
        if note.exists():
            told: S = pickle.loads(note.read_bytes())
            if told.answers():
                return told
        server = make(folder / f"{name}-{os.getpid()}-{os.urandom(3).hex()}")
        server.start(owner=run_owner())
        note.write_bytes(pickle.dumps(server))
        handle: S = pickle.loads(note.read_bytes())
        return handle


def run_owner() -> int:
    """The process that lives as long as the run: with xdist the controller, which is the worker's parent."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time; the lock of one that dies is free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
