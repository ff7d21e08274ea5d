"""Compiled rules between starts: at once, right when the cache is wrong, and never in the way."""

import os
import sys

import pytest

from detector.core.engine.scan import HyperscanScanner, SetScanner, pattern_table
from detector.edges import scan_cache
from detector.edges.scan_cache import KEPT_FILES, STALE_S, open_scanner
from tests.unit.core.engine.parts import CLASS, rule

TABLE = pattern_table((rule(CLASS),))
LINE = b"java.lang.ClassNotFoundException: a.B\n"


def finds(opened):
    return any(pattern == 0 for _, pattern in opened.scanner.scan(LINE, 0, len(LINE)))


def test_the_second_start_takes_the_database_from_the_cache(tmp_path):
    """And finds the same with it."""
    first, second = open_scanner(TABLE, tmp_path / "cache", wait=True), open_scanner(TABLE, tmp_path / "cache")
    assert (first.engine, first.was_cached, first.trouble) == ("hyperscan", False, "")
    assert (second.engine, second.was_cached, second.trouble) == ("hyperscan", True, "")
    assert isinstance(second.scanner, HyperscanScanner)
    assert finds(first)
    assert finds(second)


def test_nobody_waits_for_the_compiler(tmp_path):
    """The first lines are scanned by the sets; when the child is done, the next scan is Hyperscan's."""
    opened = open_scanner(TABLE, tmp_path)
    assert opened.engine == "compiling"
    assert finds(opened)
    opened.scanner._child.wait()
    assert finds(opened)
    assert opened.engine == "hyperscan"


def test_two_starts_at_once_compile_once(tmp_path):
    """The second waits for the first one's child."""
    first, second = open_scanner(TABLE, tmp_path), open_scanner(TABLE, tmp_path)
    assert second.engine == "compiling"
    assert len(list(tmp_path.glob("*.part"))) == 1
    first.scanner.wait()
    assert finds(second)
    assert second.engine == "hyperscan"


def test_other_rules_have_their_own_database(tmp_path):
    """The key is made of the patterns."""
    open_scanner(TABLE, tmp_path, wait=True)
    assert not open_scanner(pattern_table((rule("login denied"),)), tmp_path, wait=True).was_cached


@pytest.mark.parametrize(
    "damage", [lambda b: b"", lambda b: b[:-7], lambda b: b[:100] + bytes([b[100] ^ 1]) + b[101:], lambda b: b"x" * len(b)]
)
def test_a_damaged_cache_is_compiled_anew(tmp_path, damage):
    """Truncated, empty, or with a byte flipped: its checksum tells."""
    open_scanner(TABLE, tmp_path, wait=True)
    [kept] = tmp_path.glob("scan-*.hs")
    kept.write_bytes(damage(kept.read_bytes()))
    opened = open_scanner(TABLE, tmp_path, wait=True)
    assert (opened.was_cached, opened.engine) == (False, "hyperscan")
    assert finds(opened)
    assert open_scanner(TABLE, tmp_path).was_cached


def test_a_cache_that_cannot_be_written_only_costs_speed(tmp_path):
    """The trouble is told, the sets scan."""
    (tmp_path / "file").write_text("not a folder")
    opened = open_scanner(TABLE, tmp_path / "file")
    assert "could not be compiled" in opened.trouble
    assert opened.engine == "re2"
    assert finds(opened)


def test_without_a_folder_the_sets_scan():
    """A test of rules leaves no trace."""
    opened = open_scanner(TABLE, None)
    assert (opened.engine, opened.was_cached) == ("re2", False)
    assert finds(opened)


def test_without_a_folder_but_with_time_the_rules_are_compiled_all_the_same():
    """A bench of rules wants the fast scanner."""
    opened = open_scanner(TABLE, None, wait=True)
    assert opened.engine == "hyperscan"
    assert finds(opened)


def test_without_hyperscan_the_sets_scan(tmp_path, monkeypatch):
    """Another processor, or a wheel that does not exist."""
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    opened = open_scanner(TABLE, tmp_path)
    assert (opened.engine, opened.trouble) == ("re2", "hyperscan is not installed")
    assert isinstance(opened.scanner, SetScanner)
    assert finds(opened)


def test_a_compiler_that_fails_leaves_the_sets(tmp_path, monkeypatch):
    """And the next start tries again."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    opened = open_scanner(TABLE, tmp_path, wait=True)
    assert (opened.engine, opened.trouble) == ("re2", "the rules could not be compiled")
    assert finds(opened)
    monkeypatch.undo()
    assert open_scanner(TABLE, tmp_path, wait=True).engine == "hyperscan"


def test_the_cache_keeps_the_last_few_databases_for_us_alone(tmp_path):
    """Old rules' databases go, and what a killed compiler left; nobody else can put one there."""
    folder = tmp_path / "cache"
    open_scanner(TABLE, folder, wait=True)
    for i in range(KEPT_FILES + 3):
        (folder / f"scan-{i:032x}.hs").touch(mode=0o600)
        os.utime(folder / f"scan-{i:032x}.hs", (i, i))
    (folder / "scan-left.part").touch(mode=0o600)
    os.utime(folder / "scan-left.part", (STALE_S, STALE_S))
    scan_cache._forget_oldest(folder)
    assert len(list(folder.iterdir())) == KEPT_FILES
    assert open_scanner(TABLE, folder).was_cached
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
