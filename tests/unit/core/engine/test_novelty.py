"""What no rule explains: grouped by what stays the same, bounded, with an example that can be found again."""

from detector.core.engine.novelty import MAX_GROUPS, MAX_TEMPLATE_BYTES, Novelty, template_of
from detector.records import Level
from tests.unit.core.engine.parts import T0, event


def test_what_varies_is_masked_and_what_stays_is_kept():
    """Numbers, addresses, ids, quoted text, paths and links."""
    line = b"user 'bob' from 10.1.2.3:80 id 550e8400-e29b-41d4-a716-446655440000 at /var/x.db (0xdeadbeef) https://a.b/c took 1ms"
    assert template_of(line) == b"user * from * id * at * (*) * took *"
    assert template_of(b"it doesn't work, doesn't it") == b"it doesn't work, doesn't it"


def test_lines_of_one_template_are_one_group_with_the_first_as_example():
    """Its count, its level, and where the example stands."""
    novelty = Novelty()
    for i in range(3):
        assert novelty.see(event(f"timed out after {i} ms\n\tat x", T0 + i, start=i * 100, line=i + 1), "app.log")
    [group] = novelty.top(5)
    assert (group.template, group.count, group.level) == ("timed out after * ms", 3, "ERROR")
    assert (group.source, group.position, group.line, group.example) == ("app.log", "0", 1, "timed out after 0 ms")
    assert (group.first_ms, group.last_ms) == (T0, T0 + 2)


def test_the_most_frequent_come_first():
    """Of equals the order does not depend on arrival."""
    novelty = Novelty()
    for text in ("b x", "a x", "c y", "c y"):
        novelty.see(event(text), "app.log")
    assert [group.template for group in novelty.top(2)] == ["c y", "a x"]


def test_quiet_lines_are_left_out_and_the_last_words_of_a_program_are_not():
    """A line without a level counts only when it is what a runtime prints before it dies."""
    novelty = Novelty()
    assert not novelty.see(event("all is well", level=Level.INFO), "app.log")
    assert not novelty.see(event("all is well", level=None), "app.log")
    assert novelty.see(event("panic: runtime error", level=None), "app.log")
    assert novelty.see(event("careful", level=Level.WARN), "app.log")
    assert novelty.seen == 2


def test_groups_are_bounded_and_the_forgotten_counted():
    """The group seen longest ago goes first."""
    novelty = Novelty()
    for i in range(MAX_GROUPS + 3):
        word = "".join(chr(97 + int(digit)) for digit in str(i))
        novelty.see(event(f"problem {word}"), "app.log")
    assert (len(novelty), novelty.forgotten, novelty.seen) == (MAX_GROUPS, 3, MAX_GROUPS + 3)


def test_a_hostile_line_is_masked_in_bounded_time_and_space():
    """A megabyte of hyphens, quotes or dots gives a short template at once."""
    for text in ("a-" * 500_000, "'" * 1_000_000, "./" * 500_000, "é" * 500_000, "0" * 1_000_000):
        novelty = Novelty()
        novelty.see(event(text), "x")
        [group] = novelty.top(1)
        assert len(group.template.encode()) <= MAX_TEMPLATE_BYTES
        assert len(group.example) <= 500


def test_a_snapshot_gives_the_same_groups_back_and_rubbish_changes_nothing():
    """Versioned JSON."""
    novelty, after = Novelty(), Novelty()
    novelty.see(event("timed out after 5 ms"), "app.log")
    assert after.restore(novelty.snapshot())
    assert (after.top(5), after.seen) == (novelty.top(5), 1)
    for rubbish in (b"", b"[]", b'{"version":2}', b'{"version":1,"groups":[[1]],"seen":1,"forgotten":0}'):
        assert not after.restore(rubbish)
    assert after.top(5) == novelty.top(5)
