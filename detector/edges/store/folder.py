"""The folder the state lives in: who holds it, and the marker that tells a lost database from a first start."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from detector.errors import StoreInUse, StoreUnavailable

SIDE_FILES = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Marker:
    """Says that a database was here, whose, and since when."""

    instance: str
    created_ms: int


class StateFolder:
    """Holds the folder against a second daemon from `hold` to `release`."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.database = self.path / "state.db"
        self._marker = self.path / "state.json"
        self._suspect = self.path / "suspect"
        self._running = self.path / "running"
        self._lock: int | None = None

    def hold(self) -> None:
        """Makes the folder and locks it. Raises StoreInUse, StoreUnavailable."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o750)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise StoreUnavailable(f"{self.path}: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            if isinstance(error, BlockingIOError):
                raise StoreInUse(f"{self.path} is held by another trimwatch") from error
            raise StoreUnavailable(f"{self.path}: {error.strerror}") from error
        self.release()
        self._lock = lock

    def hold_again(self) -> None:
        """Makes and locks the folder anew if it was deleted under us. Raises StoreInUse, StoreUnavailable."""
        try:
            is_ours = self._lock is not None and os.path.samestat(os.fstat(self._lock), os.stat(self.path / "lock"))
        except FileNotFoundError:
            is_ours = False
        if not is_ours:
            self.hold()

    def release(self) -> None:
        """Lets the next daemon in; may be called twice."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def marker(self) -> Marker | None:
        """What was left here, or None on a first start. An unreadable marker is a marker: its age is the file's."""
        try:
            text = self._marker.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnavailable(f"{self._marker}: {error.strerror}") from error
        try:
            return Marker(**json.loads(text))
        except (ValueError, TypeError):
            return Marker(instance=uuid.uuid4().hex, created_ms=int(self._marker.stat().st_mtime * 1000))

    def mark(self, marker: Marker) -> None:
        """Replaces the marker in one step. Raises StoreUnavailable."""
        draft = self._marker.with_suffix(".json.new")
        try:
            with open(draft, "w", encoding="utf-8") as file:
                json.dump(asdict(marker), file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, self._marker)
        except OSError as error:
            raise StoreUnavailable(f"{self._marker}: {error.strerror}") from error

    def suspect(self) -> None:
        """Leaves word for the next start that SQLite reported damage. An empty file fits on a full disk too."""
        with contextlib.suppress(OSError):
            self._suspect.touch()

    def is_suspect(self) -> bool:
        return self._suspect.exists()

    def trust(self) -> None:
        """The database was begun anew."""
        with contextlib.suppress(OSError):
            self._suspect.unlink()

    def note_epoch(self, epoch: int) -> None:
        """Says that the database, its log included, holds this epoch. Where it cannot be written the older word stays."""
        with contextlib.suppress(OSError):
            self._running.write_text(str(epoch), encoding="ascii")

    def forget_epoch(self) -> None:
        """Before a clean close."""
        with contextlib.suppress(OSError):
            self._running.unlink()

    def noted_epoch(self) -> int:
        """What a process that was killed said last; 0 after a clean stop."""
        try:
            return int(self._running.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0

    def last_write_ms(self) -> int | None:
        """When the database was last written, by the file system's word."""
        times = [_mtime_ms(Path(f"{self.database}{suffix}")) for suffix in ("", *SIDE_FILES)]
        return max((time for time in times if time is not None), default=None)

    def move_aside(self, word: str, now_ms: int) -> Path | None:
        """Renames the database and what belongs to it to `state.db.<word>-<time>`. Returns where it went, or None if there was
        nothing. Raises StoreUnavailable."""
        target = self.path / f"{self.database.name}.{word}-{now_ms}"
        moved = None
        try:
            for suffix in ("", *SIDE_FILES):
                with contextlib.suppress(FileNotFoundError):
                    os.rename(f"{self.database}{suffix}", f"{target}{suffix}")
                    moved = target
        except OSError as error:
            raise StoreUnavailable(f"{self.database}: {error.strerror}") from error
        return moved

    def wal_bytes(self) -> int:
        try:
            return os.stat(f"{self.database}-wal").st_size
        except OSError:
            return 0

    def size_bytes(self) -> int:
        return sum(
            os.path.getsize(path) for path in self.path.glob(f"{self.database.name}*") if path.suffix in (".db", ".db-wal")
        )

    def sync(self) -> None:
        """Makes the names of the files in the folder last through a power cut. Raises StoreUnavailable."""
        try:
            folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise StoreUnavailable(f"{self.path}: {error.strerror}") from error

    def inode(self) -> tuple[int, int] | None:
        """Which file stands under the database's name now; None when there is none."""
        try:
            status = os.stat(self.database)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnavailable(f"{self.database}: {error.strerror}") from error
        return status.st_dev, status.st_ino


def _mtime_ms(path: Path) -> int | None:
    try:
        return int(path.stat().st_mtime * 1000)
    except OSError:
        return None
