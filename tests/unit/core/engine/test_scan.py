"""All rules at once over a buffer: where a mark stands, and what both scanners owe."""

import pytest

from detector.core.engine.scan import HyperscanScanner, SetScanner, compile_database, pattern_table
from tests.unit.core.engine.parts import CLASS, rule

RULES = (rule(CLASS, r"NoClassDefFoundError: (?P<symbol>\S+)"), rule(all_of=(r"pool opened", r"login denied"), id="b"))
TABLE = pattern_table(RULES)


@pytest.fixture(params=["hyperscan", "re2"])
def scanner(request):
    return HyperscanScanner(compile_database(TABLE)) if request.param == "hyperscan" else SetScanner(TABLE)


def test_the_table_lists_each_rules_parts_in_order_and_then_the_levels():
    """A pattern's index says whose it is."""
    assert [(pattern.rule, pattern.part) for pattern in TABLE.patterns[:4]] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert TABLE.first_loud == 4
    assert {pattern.rule for pattern in TABLE.patterns[4:]} == {-1}


def test_the_digest_follows_the_patterns_and_nothing_else():
    """Two tables with one digest may share a database."""
    assert TABLE.digest == pattern_table((rule(*RULES[0].patterns, title="other"), RULES[1])).digest
    assert TABLE.digest != pattern_table(RULES[:1]).digest


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_marks_stand_in_the_lines_that_matched_counted_from_the_buffers_start(scanner, kind):
    """Whatever the buffer is, and wherever the run begins in it."""
    head, quiet, hit = b"login denied\n", b"all is well\n", b"x java.lang.ClassNotFoundException: a.B\n"
    buffer = kind(head + quiet + hit + quiet)
    begin, end = len(head), len(head + quiet + hit)
    found = [(at, pattern) for at, pattern in scanner.scan(buffer, begin, end) if pattern < TABLE.first_loud]
    assert found
    assert {pattern for _, pattern in found} == {0}
    assert all(len(head + quiet) <= at < end - 1 for at, _ in found)


def test_marks_ascend_and_an_empty_run_has_none(scanner):
    """The decoding walks through them once."""
    buffer = b"login denied\npool opened\njava.lang.ClassNotFoundException: a\nNoClassDefFoundError: b\n" * 5
    found = scanner.scan(buffer, 0, len(buffer))
    assert found == sorted(found)
    assert len({pattern for _, pattern in found}) == 4
    assert scanner.scan(buffer, 5, 5) == []


def test_a_buffer_may_grow_again_after_a_scan(scanner):
    """Nothing holds on to it."""
    buffer = bytearray(b"login denied\n")
    scanner.scan(buffer, 0, len(buffer))
    buffer.extend(b"more")


def test_a_hit_at_the_end_of_a_megabyte_is_marked(scanner):
    """Long lines are scanned whole."""
    line = b"y" * (1 << 20) + b" login denied\n"
    assert any(pattern == 3 for _, pattern in scanner.scan(line, 0, len(line)))


def test_a_long_token_after_a_hit_does_not_flood_us_with_marks():
    """The greedy tail of a pattern is cut: an uncut one calls back a million times."""
    scanner = HyperscanScanner(compile_database(TABLE))
    line = b"NoClassDefFoundError: " + b"a" * (1 << 20) + b"\n"
    assert len(scanner.scan(line, 0, len(line))) < 10


def test_many_and_large_patterns_are_spread_over_sets_and_all_of_them_found():
    """A set that is too large for its memory would find nothing."""
    words = [f"word{i:04d}" for i in range(700)]
    large = [rule("|".join(f"{word}alternative{i}" for i in range(35)), id=word) for word in words[:80]]
    table = pattern_table((*(rule(f"missing {word} here", id=word) for word in words), *large))
    scanner = SetScanner(table)
    assert len(scanner._sets) > 3
    log = b"".join(f"missing {word} here\n".encode() for word in words) + b"".join(
        f"{w}alternative34\n".encode() for w in words[:80]
    )
    assert {pattern for _, pattern in scanner.scan(log, 0, len(log))} >= set(range(780))
