"""The scanner for a set of rules, at once: a compiled database from the cache, or RE2 sets until a child has compiled one.

Compiling takes up to seconds and leaves tens of megabytes behind, so it never happens in the daemon, and nobody waits for it; a
finished database loads in a millisecond. Whatever goes wrong, there is the scanner that needs no database and finds the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from detector.core.engine.scan import Buffer, HyperscanScanner, PatternTable, Scanner, SetScanner, compile_forms
from detector.core.ruleset import chars, required, scan_form, syntax, widen

COMPILE_TIMEOUT_S = 120
KEPT_FILES = 8
STALE_S = 3600
_FORMAT = b"trimwatch-scan-1\n"
_DIGEST_BYTES = 32


@dataclass(slots=True)
class Opened:
    """A scanner and how it came to be. `trouble` says why it is not, or will not be, the faster one; empty when all is well."""

    scanner: Scanner
    was_cached: bool
    trouble: str = ""

    @property
    def engine(self) -> str:
        """`hyperscan`, `re2`, or `compiling` while a child is at work."""
        if isinstance(self.scanner, Meanwhile):
            return self.scanner.engine
        return "hyperscan" if isinstance(self.scanner, HyperscanScanner) else "re2"


class Meanwhile:
    """Scans with RE2 sets until a child has put the database into the cache, and with that from then on. The child may be
    another process's: then `child` is None."""

    def __init__(self, scanner: SetScanner, path: Path, child: subprocess.Popen[bytes] | None) -> None:
        self._scanner: Scanner = scanner
        self._path = path
        self._child = child
        self._is_waiting = True

    @property
    def engine(self) -> str:
        if self._is_waiting:
            return "compiling"
        return "hyperscan" if isinstance(self._scanner, HyperscanScanner) else "re2"

    def scan(self, buffer: Buffer, begin: int, end: int) -> list[tuple[int, int]]:
        if self._is_waiting and ((self._child is not None and self._child.poll() is not None) or self._path.exists()):
            self._switch()
        return self._scanner.scan(buffer, begin, end)

    def wait(self) -> None:
        """Blocks until the child is done or has taken COMPILE_TIMEOUT_S."""
        if self._child is not None:
            try:
                self._child.wait(COMPILE_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            self._switch()

    def _switch(self) -> None:
        if self._child is not None:
            self._child.poll()  # takes its exit status, or it stays a zombie
        self._is_waiting = False
        self._scanner = _loaded(self._path) or self._scanner


def open_scanner(table: PatternTable, folder: Path | None, wait: bool = False) -> Opened:
    """`folder` holds the cache. With `wait` it blocks until the database is compiled, else for milliseconds; with neither folder
    nor wait, the sets are all there is. Never fails."""
    if folder is None and wait:
        with tempfile.TemporaryDirectory(prefix="trimwatch-") as passing:
            return open_scanner(table, Path(passing), wait)
    if folder is None:
        return Opened(SetScanner(table), False, "no folder to keep compiled rules in")
    try:
        path = folder / f"scan-{_key(table)}.hs"
    except ImportError:
        return Opened(SetScanner(table), False, "hyperscan is not installed")
    scanner = _loaded(path)
    if scanner is not None:
        return Opened(scanner, True)
    forms = table.forms()
    try:
        child = None if _is_compiling(path) and not wait else _start_child(forms, path)
    except OSError as problem:
        return Opened(SetScanner(table, forms), False, f"the rules could not be compiled: {problem}")
    meanwhile = Meanwhile(SetScanner(table, forms), path, child)
    if wait:
        meanwhile.wait()
    trouble = "" if meanwhile.engine != "re2" else "the rules could not be compiled"
    return Opened(meanwhile, False, trouble)


def default_folder() -> Path:
    """Where commands without a state folder keep compiled rules."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "trimwatch"


def _key(table: PatternTable) -> str:
    """Equal where the same database may be used: patterns, engine version, processor. Raises ImportError."""
    import hyperscan

    version = str(getattr(hyperscan, "__version__", ""))
    parts = (table.digest, _code_digest(), version, platform.machine(), _processor_features(), sys.byteorder)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _code_digest() -> str:
    """What derives the scan forms; another release may derive others from the same rules."""
    digest = hashlib.sha256()
    for module in (chars, required, scan_form, syntax, widen):
        with contextlib.suppress(OSError):
            digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


def _processor_features() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            return next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        return platform.processor()


def _loaded(path: Path) -> Scanner | None:
    """A scanner with the database at `path`, if we wrote it ourselves, it is whole and runs on this processor."""
    try:
        with path.open("rb") as kept:
            if os.fstat(kept.fileno()).st_uid != os.geteuid():
                return None
            head, digest, database = kept.read(len(_FORMAT)), kept.read(_DIGEST_BYTES), kept.read()
    except OSError:
        return None
    if head != _FORMAT or digest != hashlib.sha256(database).digest():
        return None
    with contextlib.suppress(Exception):  # hyperscan's own errors: made for another processor or release
        return HyperscanScanner(database)
    return None


def _is_compiling(path: Path) -> bool:
    """Whether another process has begun with the same rules, not long ago."""
    return any(_age(part) > time.time() - COMPILE_TIMEOUT_S for part in path.parent.glob(f"{path.stem}.*.part"))


def _start_child(forms: Sequence[bytes], path: Path) -> subprocess.Popen[bytes]:
    """The child outlives us if need be: a short replay still leaves the database for the next. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.stem}.", suffix=".part")
    with os.fdopen(handle, "wb") as part:
        part.write(orjson.dumps([form.decode("latin-1") for form in forms]))
    command = [sys.executable, "-P", "-m", "detector.edges.scan_cache", name, str(path)]
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:
        os.unlink(name)
        raise


def _compile(part: Path, path: Path) -> None:
    """The child: patterns in `part` become the database at `path`, in one step, readable by us alone."""
    try:
        forms = [text.encode("latin-1") for text in orjson.loads(part.read_bytes())]
        database = compile_forms(forms)
        part.write_bytes(_FORMAT + hashlib.sha256(database).digest() + database)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    _forget_oldest(path.parent)


def _forget_oldest(folder: Path) -> None:
    kept = sorted(folder.glob("scan-*.hs"), key=_age, reverse=True)[KEPT_FILES:]
    stale = [path for path in folder.glob("scan-*.part") if _age(path) < time.time() - STALE_S]
    for path in (*kept, *stale):
        path.unlink(missing_ok=True)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _main(arguments: Sequence[str]) -> None:
    _compile(Path(arguments[0]), Path(arguments[1]))


if __name__ == "__main__":
    _main(sys.argv[1:])
