"""One event, one rule: what is found, what is named, what is left alone."""

from dataclasses import replace

import pytest

from detector.core.engine.engine import EventContext
from detector.core.ruleset.spec import EntitySpec, Follow, Join, Names, Shadow
from detector.records import Level, Severity
from tests.unit.core.engine.parts import CLASS, CONTEXT, T0, engine_of, event, judge, rule

TRACE = (
    "Servlet.service() threw exception\n"
    "java.lang.RuntimeException: wrapped\n"
    "\tat com.shop.A.b(A.java:1)\n"
    "Caused by: java.lang.ClassNotFoundException: com.shop.Outer\n"
    "\t... 3 more\n"
    "Caused by: java.lang.ClassNotFoundException: com.shop.Inner\n"
    "\t... 9 more"
)


def tokens(findings):
    return [finding.entity.token if finding.entity else None for finding in findings]


def test_a_finding_carries_what_the_rule_says_and_the_line_showed():
    """Title and fix are filled in, the entity is named as printed, time and place are the event's."""
    [finding] = judge(engine_of(rule(CLASS)), event("x java.lang.ClassNotFoundException: a/b/C", T0, start=70, end=120, line=9))
    assert (finding.title, finding.fix) == ("Class a/b/C is gone", "keep a/b/C")
    assert (finding.entity.token, finding.entity.normal) == ("a/b/C", "a.b.C")
    assert (finding.time_ms, finding.event_start, finding.event_end) == (T0, 70, 120)
    assert (finding.evidence.source, finding.evidence.position, finding.evidence.line) == ("app.log", "70", 9)
    assert finding.evidence.text == "x java.lang.ClassNotFoundException: a/b/C"
    assert (finding.service, finding.stream_key, finding.severity) == ("shop", "stream-1", Severity.CRITICAL)


@pytest.mark.parametrize(("level", "count"), [(Level.DEBUG, 0), (Level.INFO, 0), (Level.WARN, 1), (Level.FATAL, 1), (None, 1)])
def test_a_line_below_the_rules_level_is_no_failure_and_one_without_passes(level, count):
    """A DEBUG line that looks for an optional class is not found."""
    engine = engine_of(rule(CLASS, min_level=Level.WARN))
    assert len(judge(engine, event("java.lang.ClassNotFoundException: a.B", level=level))) == count


def test_the_innermost_cause_names_the_entity_unless_the_rule_says_first():
    """A Java trace prints the cause last."""
    assert tokens(judge(engine_of(rule(CLASS)), event(TRACE))) == ["com.shop.Inner"]
    first = rule(CLASS, join=Join(entity=Names.FIRST))
    assert tokens(judge(engine_of(first), event(TRACE))) == ["com.shop.Outer"]


def test_a_match_that_names_something_goes_before_one_that_does_not():
    """Even when the other comes later in the trace."""
    both = rule(CLASS, r"BootstrapMethodError")
    assert tokens(judge(engine_of(both), event("java.lang.ClassNotFoundException: a.B\nBootstrapMethodError"))) == ["a.B"]


def test_two_matches_in_one_line_are_told_apart():
    """The last one counts, or the first where the rule says so."""
    line = "java.lang.ClassNotFoundException: a.A; nested exception is java.lang.ClassNotFoundException: a.B"
    assert tokens(judge(engine_of(rule(CLASS)), event(line))) == ["a.B"]
    assert tokens(judge(engine_of(rule(CLASS, join=Join(entity=Names.FIRST))), event(line))) == ["a.A"]


def test_a_rule_that_follows_the_message_does_not_look_into_the_trace():
    """Only the first line of the event counts for it."""
    only_message = rule(CLASS, join=Join(follow=Follow.MESSAGE))
    assert judge(engine_of(only_message), event(TRACE)) == []
    assert tokens(judge(engine_of(only_message), event("java.lang.ClassNotFoundException: a.B\n\tat x"))) == ["a.B"]


def test_unless_anywhere_in_the_event_excuses_it():
    """And nowhere else: the next event is found."""
    engine = engine_of(rule(CLASS, unless=(r"(?i)harmless",)))
    assert judge(engine, event("java.lang.ClassNotFoundException: a.B\n this is Harmless here")) == []
    assert len(judge(engine, event("java.lang.ClassNotFoundException: a.B"))) == 1


def test_a_match_does_not_cross_a_line_unless_the_pattern_writes_a_newline():
    """`\\s` and classes that hold a newline stop at the end of the line."""
    assert judge(engine_of(rule(r"cannot load[\s\S]+plugin")), event("cannot load\nthe plugin")) == []
    assert judge(engine_of(rule(r"cannot load\nthe (?P<symbol>\w+)")), event("cannot load\nthe plugin"))


def test_anchors_mean_the_line_of_the_message():
    """`^` and `$` hold at each decoded line's ends, whatever frame was around it."""
    engine = engine_of(rule(r"^Killed process$"))
    assert judge(engine, event("first\nKilled process\nlast"))
    assert judge(engine, event("not Killed process")) == []


def test_an_anchored_pattern_does_not_match_where_a_long_line_was_cut():
    """The window's edge is no end of the line, but the line's own ends are."""
    engine = engine_of(rule(r"^\w* missing thing"), rule(r"missing thing \w*$", id="r2"))
    assert judge(engine, event("y" * 3000 + " missing thing " + "x" * 3000)) == []
    found = judge(engine, event("missing thing".rjust(15) + " " + "x" * 3000 + " missing thing end"))
    assert [finding.rule for finding in found] == ["r2"]


def test_a_match_in_the_middle_of_a_megabyte_is_found():
    """A long line is looked at around its literals."""
    line = "x" * 500_000 + " java.lang.ClassNotFoundException: a.B " + "y" * 500_000
    [finding] = judge(engine_of(rule(CLASS)), event(line))
    assert finding.entity.token == "a.B"
    assert "ClassNotFoundException: a.B" in finding.evidence.text
    assert len(finding.evidence.text) <= 500


def test_the_entity_may_be_a_fixed_value_or_the_first_group_that_holds_something():
    """In the order of the rule's list."""
    fixed = rule("no time zone data", entity=EntitySpec("zone", value="tzdata"))
    assert tokens(judge(engine_of(fixed), event("no time zone data"))) == ["tzdata"]
    either = rule(r"cannot open (?:file (?P<file>\S+)|lib (?P<lib>\S+))", entity=EntitySpec("library", ("lib", "file")))
    assert tokens(judge(engine_of(either), event("cannot open file x.so"))) == ["x.so"]


def test_one_thing_has_one_key_whoever_finds_it_and_a_rule_without_a_thing_has_its_own():
    """The dedup key names service, stage and thing; never rule, pod or time."""
    two = engine_of(
        rule(CLASS), rule(r"NoClassDefFoundError: (?P<symbol>[\w/]+)", id="jvm/ncdfe"), rule("Killed process", id="k")
    )
    a = judge(two, event("java.lang.ClassNotFoundException: a.B"))[0]
    b = judge(two, event("NoClassDefFoundError: a/B", T0 + 5), EventContext("other", "pod-2", "shop", T0))[0]
    c, d = judge(two, event("Killed process"))[0], judge(two, event("Killed process"), EventContext("s", "n", "cart", T0))[0]
    assert a.dedup_key == b.dedup_key
    assert len({a.dedup_key, c.dedup_key, d.dedup_key}) == 3


def test_the_records_own_service_counts_unless_the_user_fixed_it():
    """ECS and journald name the service themselves."""
    engine = engine_of(rule(CLASS))
    happened = event("java.lang.ClassNotFoundException: a.B", service="cart")
    assert judge(engine, happened)[0].service == "cart"
    assert judge(engine, happened, EventContext("s", "n", "shop", T0, service_fixed=True))[0].service == "shop"


@pytest.mark.parametrize(
    ("shadow", "has_change", "expected"),
    [
        (Shadow.NEVER, False, False),
        (Shadow.ALWAYS, True, True),
        (Shadow.UNLESS_CHANGE, False, True),
        (Shadow.UNLESS_CHANGE, True, False),
    ],
)
def test_a_shadow_is_found_and_marked_as_one(shadow, has_change, expected):
    """What a dead server prints too is serious only when a change is known."""
    context = EventContext("s", "n", "shop", T0, has_change=has_change)
    [finding] = judge(engine_of(rule(CLASS, shadow=shadow)), event("java.lang.ClassNotFoundException: a.B"), context)
    assert finding.is_shadow is expected


def test_all_rules_that_hit_an_event_are_told_in_their_order():
    """Grouping them is not the engine's business."""
    engine = engine_of(rule(r"BeanCreationException", id="b", priority=10), rule(CLASS, id="a", priority=60))
    found = judge(engine, event("BeanCreationException\nCaused by: java.lang.ClassNotFoundException: a.B"))
    assert [(finding.rule, finding.priority) for finding in found] == [("b", 10), ("a", 60)]


def test_what_was_remembered_of_a_text_does_not_leak_into_another_event():
    """The same text at another time, place and level is judged as itself."""
    engine = engine_of(rule(CLASS, min_level=Level.WARN))
    text = "java.lang.ClassNotFoundException: a.B"
    first, second = judge(engine, event(text))[0], judge(engine, event(text, T0 + 9, start=500, end=600, line=7))[0]
    assert (second.time_ms, second.event_start, second.evidence.line) == (T0 + 9, 500, 7)
    assert first.dedup_key == second.dedup_key
    assert judge(engine, event(text, level=Level.INFO)) == []


def test_evidence_is_the_raw_line_that_matched_with_its_own_number_and_place():
    """In a trace of plain lines that lie together."""
    raw = "2026-01-01 ERROR " + TRACE
    happened = event(TRACE, raw=raw.encode(), start=1000, end=1000 + len(raw) + 1, line=10)
    evidence = engine_of(rule(CLASS)).judge(happened, [0], CONTEXT)[0].evidence
    assert evidence.text == "Caused by: java.lang.ClassNotFoundException: com.shop.Inner"
    assert evidence.line == 15
    assert evidence.position == str(1000 + raw.index("Caused by: java.lang.ClassNotFoundException: com.shop.Inner"))


def test_evidence_of_a_json_record_is_its_decoded_line():
    """One raw line, many decoded ones: the event's number stands for all."""
    happened = event(TRACE, raw=b'{"message":"' + b"x" * 900 + b'"}', start=7, line=3)
    evidence = engine_of(rule(CLASS)).judge(happened, [0], CONTEXT)[0].evidence
    assert (evidence.text, evidence.line, evidence.position) == (
        "Caused by: java.lang.ClassNotFoundException: com.shop.Inner",
        3,
        "7",
    )


def test_invalid_utf8_and_nul_are_judged_as_they_are():
    """Nothing in a line can stop a rule."""
    raw = b"\xff\x00 java.lang.ClassNotFoundException: a.B\xfe"
    assert tokens(judge(engine_of(rule(CLASS)), replace(event(""), text=raw, raw=raw))) == ["a.B"]
