"""The scanner for a set of rules, quickly: a compiled database from the cache, or compiled in a child process.

Compiling takes up to seconds and leaves tens of megabytes behind, so it never happens in the daemon; a finished database loads
in a millisecond. Whatever goes wrong, there is the scanner that needs no database and finds the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import orjson

from detector.core.engine.scan import HyperscanScanner, PatternTable, Scanner, SetScanner, compile_forms

COMPILE_TIMEOUT_S = 120
KEPT_FILES = 8
_FORMAT = b"trimwatch-scan-1\n"
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Opened:
    """A scanner and how it came to be. `engine` is `hyperscan` or `re2`; `trouble` says why it is not the faster one, or why
    nothing was kept for the next start; empty when all is well."""

    scanner: Scanner
    engine: str
    was_cached: bool
    trouble: str = ""


def open_scanner(table: PatternTable, folder: Path | None) -> Opened:
    """Blocks for as long as compiling takes. `folder` holds the cache; None keeps nothing. Never fails."""
    try:
        key = _key(table)
    except ImportError:
        return Opened(SetScanner(table), "re2", False, "hyperscan is not installed")
    database = _load(folder, key) if folder else None
    if database is not None:
        with contextlib.suppress(Exception):  # made for another processor: compile anew
            return Opened(HyperscanScanner(database), "hyperscan", True)
    try:
        database = _compiled_in_child(table)
        scanner = HyperscanScanner(database)
    except (OSError, subprocess.SubprocessError, ValueError) as problem:
        return Opened(SetScanner(table), "re2", False, f"hyperscan could not compile the rules: {problem}")
    except Exception as problem:  # hyperscan's own errors share no base that is safe to name without importing it
        return Opened(SetScanner(table), "re2", False, f"hyperscan does not run here: {problem!r}")
    trouble = ""
    if folder is not None:
        try:
            _save(folder, key, database)
        except OSError as problem:
            trouble = f"the compiled rules could not be kept: {problem}"
    return Opened(scanner, "hyperscan", False, trouble)


def default_folder() -> Path:
    """Where commands without a state folder keep compiled rules."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "trimwatch"


def _key(table: PatternTable) -> str:
    """Equal where the same database may be used: patterns, engine version, processor. Raises ImportError."""
    import hyperscan

    parts = (table.digest, str(getattr(hyperscan, "__version__", "")), platform.machine(), _processor_features(), sys.byteorder)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _processor_features() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            return next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        return platform.processor()


def _path(folder: Path, key: str) -> Path:
    return folder / f"scan-{key}.hs"


def _load(folder: Path, key: str) -> bytes | None:
    """A database that we wrote ourselves and that is whole; else None."""
    try:
        with _path(folder, key).open("rb") as kept:
            if os.fstat(kept.fileno()).st_uid != os.geteuid():
                return None
            head, digest, database = kept.read(len(_FORMAT)), kept.read(_DIGEST_BYTES), kept.read()
    except OSError:
        return None
    is_whole = head == _FORMAT and digest == hashlib.sha256(database).digest()
    return database if is_whole else None


def _save(folder: Path, key: str, database: bytes) -> None:
    """Puts the file there in one step, readable by us alone. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix="scan-", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as part:
            part.write(_FORMAT + hashlib.sha256(database).digest() + database)
        os.replace(name, _path(folder, key))
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    _forget_oldest(folder)


def _forget_oldest(folder: Path) -> None:
    def age(path: Path) -> float:
        try:
            return path.stat().st_mtime
        except OSError:
            return 0.0

    for path in sorted(folder.glob("scan-*.hs"), key=age, reverse=True)[KEPT_FILES:]:
        with contextlib.suppress(OSError):
            path.unlink()


def _compiled_in_child(table: PatternTable) -> bytes:
    """Raises ValueError with the child's last words, OSError or SubprocessError."""
    forms = orjson.dumps([form.decode("latin-1") for form in table.forms])
    command = [sys.executable, "-P", "-m", "detector.edges.scan_cache"]
    done = subprocess.run(command, input=forms, capture_output=True, timeout=COMPILE_TIMEOUT_S, check=False)
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ValueError(lines[-1] if lines else f"the compiler ended with {done.returncode}")
    return done.stdout


def _compile_for_parent() -> None:
    """The child: patterns come in as a JSON list, the database goes out."""
    forms = [text.encode("latin-1") for text in orjson.loads(sys.stdin.buffer.read())]
    sys.stdout.buffer.write(compile_forms(forms))


if __name__ == "__main__":
    _compile_for_parent()
