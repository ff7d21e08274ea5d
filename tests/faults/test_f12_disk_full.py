"""F12: a store that cannot be written. Nothing moves, reading goes on, and it works again when the cause is gone."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.edges.store.store import Store
from detector.errors import StoreUnavailable
from detector.records import AlertAction, Checkpoint, DeadLetter, Position
from detector.settings import StoreSettings
from tests.unit.edges.outbox.sinks import Post, ScriptedSink
from tests.unit.edges.records import alert, alerts, checkpoint

LETTERS = tuple(DeadLetter("s", str(each), "bad", b"x" * 1024) for each in range(100))
TRIGGER = AlertAction.TRIGGER


def fill(store: Store) -> None:
    """Writes until the store is full, and the rest of the last page too."""
    for letters in (LETTERS, LETTERS[:1]):
        for _ in range(100_000):
            try:
                store.write(Checkpoint(1, dead_letters=letters))
            except StoreUnavailable:
                break
        else:
            pytest.fail("the store never became full")


def limit(store: Store, pages: int) -> None:
    assert store._database._writer is not None
    store._database._writer.execute(f"PRAGMA max_page_count = {pages}")


def test_nothing_moves_while_the_disk_is_full(store: Store) -> None:
    """With a true SQLITE_FULL no part of a checkpoint is written, what was there is read, and the same checkpoint is taken when
    there is space again."""
    store.write(checkpoint())
    limit(store, 200)
    fill(store)
    later = Checkpoint(
        2_000,
        positions=(Position("2:77:ab", "orders.log", 1 << 20),),
        state=(("windows", b"w" * 100_000),),
        alerts=(alert(TRIGGER, 2, "new"),),
    )
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="full"):
            store.write(later)
    assert store.positions()["2:77:ab"].offset == 4096
    assert store.state()["windows"] == b"\x00\xff{}"
    assert len(store.outbox.due("pager", 1 << 60, 10)) == 1
    limit(store, 1 << 20)
    store.write(later)
    assert store.positions()["2:77:ab"].offset == 1 << 20
    assert len(store.outbox.due("pager", 1 << 60, 10)) == 2


def test_what_was_owed_still_goes_out(store: Store) -> None:
    """Alerts that were written before the disk was full are sent, once each, while it is."""
    for key in range(30):
        store.write(alerts(TRIGGER, key=str(key)))
    limit(store, 200)
    fill(store)
    sink = ScriptedSink("pager")
    asyncio.run(Post(store, [sink]).advance(10))
    assert sorted(sink.taken) == sorted((str(key), 1) for key in range(30))


def test_pruning_makes_space_on_a_full_disk(store: Store) -> None:
    """Deleting works while nothing can be added: pruning old history gets the store going again by itself."""
    limit(store, 200)
    fill(store)
    assert store.prune(1 << 50) > 0
    store.write(checkpoint())
    assert len(store.positions()) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB. Needs root and the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if mount is None or os.getuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine does not let us mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_real_full_file_system(small_disk: Path) -> None:
    """On a file system without a byte left the log cannot grow: nothing moves, no start fails for ever, and all goes on."""
    store = Store.open(StoreSettings(path=str(small_disk / "state")), 1_000)
    store.write(checkpoint())
    ballast = small_disk / "ballast"
    subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=4k"], check=False, capture_output=True)
    fill(store)
    with pytest.raises(StoreUnavailable):
        store.write(Checkpoint(2_000, positions=(Position("2:77:ab", "o", 9_999),), state=(("windows", b"w" * 500_000),)))
    assert store.positions()["2:77:ab"].offset == 4096
    store.close()
    try:
        full = Store.open(StoreSettings(path=str(small_disk / "state")), 2_000)
        assert full.loss is None
        full.close()
    except StoreUnavailable:
        pass
    ballast.unlink()
    again = Store.open(StoreSettings(path=str(small_disk / "state")), 3_000)
    assert again.loss is None
    assert again.positions()["2:77:ab"].offset == 4096
    again.write(Checkpoint(2_000, positions=(Position("2:77:ab", "o", 9_999),)))
    again.close()


def test_a_read_only_connection_recovers(store: Store) -> None:
    """SQLITE_READONLY moves nothing, and the connection is made anew: the next write works when the disk does."""
    store.write(checkpoint())
    assert store._database._writer is not None
    store._database._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable, match="readonly"):
        store.write(Checkpoint(2_000, positions=(Position("2:77:ab", "o", 9_999),)))
    assert store.positions()["2:77:ab"].offset == 4096
    store.write(Checkpoint(2_000, positions=(Position("2:77:ab", "o", 9_999),)))
    assert store.positions()["2:77:ab"].offset == 9_999


def test_an_input_output_error_recovers(settings: StoreSettings) -> None:
    """A write that the kernel refuses (EFBIG here, as EIO from a bad disk) moves nothing; when it is allowed again all goes on
    with nothing lost."""
    code = """
import resource, sys
from detector.edges.store.store import Store
from detector.errors import StoreUnavailable
from detector.records import Checkpoint, Position
from detector.settings import StoreSettings
store = Store.open(StoreSettings(path=sys.argv[1]), 1000)
store.write(Checkpoint(1, positions=(Position("k", "n", 1),)))
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
later = Checkpoint(2, positions=(Position("k", "n", 2),), state=(("s", b"v" * 100_000),))
for _ in range(3):
    try:
        store.write(later)
    except StoreUnavailable as error:
        print("unavailable")
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
print(store.positions()["k"].offset)
store.write(later)
print(store.positions()["k"].offset, len(store.state()["s"]), store.loss)
store.close()
"""
    ended = subprocess.run([sys.executable, "-c", code, settings.path], check=False, capture_output=True, text=True, timeout=60)
    assert ended.stdout.split("\n")[:5] == ["unavailable", "unavailable", "unavailable", "1", "2 100000 None"], ended.stderr


def test_a_folder_that_is_not_ours_to_write(settings: StoreSettings) -> None:
    """A start in a read-only folder says so and changes nothing."""
    code = (
        "import os, sys; from detector.edges.store.store import Store; from detector.settings import StoreSettings\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try: Store.open(StoreSettings(path=sys.argv[1]), 1000)\n"
        "except Exception as error: print(type(error).__name__)"
    )
    store = Store.open(settings, 1_000)
    store.close()
    for folder in (settings.path, f"{settings.path}/new"):
        os.chmod(settings.path, 0o555)
        ended = subprocess.run([sys.executable, "-c", code, folder], check=False, capture_output=True, text=True, timeout=60)
        assert ended.stdout == "StoreUnavailable\n", ended.stderr
    os.chmod(settings.path, 0o755)
    again = Store.open(settings, 2_000)
    assert again.loss is None
    again.close()


SLOW_SYNC = """
#include <unistd.h>
int fsync(int fd) { usleep(150000); return 0; }
int fdatasync(int fd) { usleep(150000); return 0; }
"""


def test_a_slow_disk_stalls_nobody_else(settings: StoreSettings, tmp_path: Path) -> None:
    """While a sync takes long the event loop turns and others read."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to make a slow disk with")
    (tmp_path / "slow.c").write_text(SLOW_SYNC)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(tmp_path / "slow.so"), str(tmp_path / "slow.c")], check=True)
    code = """
import asyncio, sys, time
from detector.edges.store.store import Store
from detector.records import AlertAction, Checkpoint
from detector.settings import StoreSettings
from tests.unit.edges.records import alerts
store = Store.open(StoreSettings(path=sys.argv[1]), 1000)
async def main():
    began = time.monotonic()
    writing = asyncio.ensure_future(asyncio.to_thread(store.write, alerts(AlertAction.TRIGGER)))
    worst, reads = 0.0, 0
    while not writing.done():
        before = time.monotonic()
        await asyncio.to_thread(store.positions)
        reads += 1
        worst = max(worst, time.monotonic() - before)
    print(time.monotonic() - began > 0.14, reads > 10, worst < 0.1)
asyncio.run(main())
store.close()
"""
    environment = {**os.environ, "LD_PRELOAD": str(tmp_path / "slow.so")}
    command = [sys.executable, "-c", code, settings.path]
    began = time.monotonic()
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=environment)
    assert ended.stdout.split() == ["True", "True", "True"], (ended.stdout, ended.stderr, time.monotonic() - began)
