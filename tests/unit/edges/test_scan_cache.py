"""Compiled rules between starts: quick when known, right when not, and never in the way."""

import os
import sys

import pytest

from detector.core.engine.scan import HyperscanScanner, SetScanner, pattern_table
from detector.edges import scan_cache
from detector.edges.scan_cache import KEPT_FILES, open_scanner
from tests.unit.core.engine.parts import CLASS, rule

TABLE = pattern_table((rule(CLASS),))
LINE = b"java.lang.ClassNotFoundException: a.B\n"


def finds(opened):
    return any(pattern == 0 for _, pattern in opened.scanner.scan(LINE, 0, len(LINE)))


def test_the_second_start_takes_the_database_from_the_cache(tmp_path):
    """And finds the same with it."""
    first, second = open_scanner(TABLE, tmp_path / "cache"), open_scanner(TABLE, tmp_path / "cache")
    assert (first.engine, first.was_cached, first.trouble) == ("hyperscan", False, "")
    assert (second.engine, second.was_cached, second.trouble) == ("hyperscan", True, "")
    assert isinstance(second.scanner, HyperscanScanner)
    assert finds(first)
    assert finds(second)


def test_other_rules_have_their_own_database(tmp_path):
    """The key is made of the patterns."""
    open_scanner(TABLE, tmp_path)
    assert not open_scanner(pattern_table((rule("login denied"),)), tmp_path).was_cached


@pytest.mark.parametrize(
    "damage", [lambda b: b"", lambda b: b[:-7], lambda b: b[:100] + bytes([b[100] ^ 1]) + b[101:], lambda b: b"x" * len(b)]
)
def test_a_damaged_cache_is_compiled_anew(tmp_path, damage):
    """Truncated, empty, or with a byte flipped: its checksum tells."""
    open_scanner(TABLE, tmp_path)
    [kept] = tmp_path.glob("scan-*.hs")
    kept.write_bytes(damage(kept.read_bytes()))
    opened = open_scanner(TABLE, tmp_path)
    assert not opened.was_cached
    assert finds(opened)
    assert open_scanner(TABLE, tmp_path).was_cached


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path):
    """The trouble is told, the scanner works."""
    (tmp_path / "file").write_text("not a folder")
    opened = open_scanner(TABLE, tmp_path / "file")
    assert "could not be kept" in opened.trouble
    assert finds(opened)


def test_without_a_folder_nothing_is_kept():
    """A replay may leave no trace."""
    opened = open_scanner(TABLE, None)
    assert (opened.engine, opened.was_cached, opened.trouble) == ("hyperscan", False, "")


def test_without_hyperscan_the_sets_scan(tmp_path, monkeypatch):
    """Another processor, or a wheel that does not exist."""
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    opened = open_scanner(TABLE, tmp_path)
    assert (opened.engine, opened.trouble) == ("re2", "hyperscan is not installed")
    assert isinstance(opened.scanner, SetScanner)
    assert finds(opened)


def test_a_compiler_that_fails_leaves_the_sets(tmp_path, monkeypatch):
    """With its last words as the reason."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    opened = open_scanner(TABLE, tmp_path)
    assert opened.engine == "re2"
    assert "could not compile" in opened.trouble
    assert finds(opened)


def test_the_cache_keeps_the_last_few_databases_for_us_alone(tmp_path):
    """Old rules' databases go; nobody else can put one there."""
    folder = tmp_path / "cache"
    for i in range(KEPT_FILES + 3):
        scan_cache._save(folder, f"{i:032x}", b"database")
        os.utime(folder / f"scan-{i:032x}.hs", (i, i))
    assert len(list(folder.iterdir())) == KEPT_FILES
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
