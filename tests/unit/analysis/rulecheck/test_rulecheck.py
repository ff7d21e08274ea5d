"""Lint, sample tests and explanations over rules written into a folder."""

from dataclasses import replace

import pytest

from detector.analysis.rulecheck.explain import explain_text
from detector.analysis.rulecheck.lint import lint
from detector.analysis.rulecheck.samples import stories
from detector.analysis.rulecheck.testing import run_samples
from detector.core.ruleset.load import load_rules
from detector.edges.rule_files import rule_files

RULE = r"""id: own/module
title: The module {module} is missing
severity: error
stage: dependency
entity: {kind: module, from: module}
min_level: WARN
patterns:
  - "Cannot find module '(?P<module>[^']{1,200})'"
  - 'module not there: (?P<module>\S{1,200})'
unless: ['optional dependency']
cause: It was pruned.
fix: Install {module} again.
source: nodejs/node lib/internal/modules/cjs/loader.js
"""
MATCH = """# from: constructed
Cannot find module 'pg'
{"level":"error","msg":"Cannot find module \\"x\\" or: module not there: @a/b"}
"""
CLEAN = "# from: constructed\nCannot find a module\nCannot find module 'fsevents', an optional dependency\n"


@pytest.fixture
def pack(tmp_path):
    """Writes a rule with its samples and gives back the files; parts can be replaced."""

    def write(name="module", rule=RULE, match=MATCH, clean=CLEAN):
        folder = tmp_path / "own"
        folder.mkdir(exist_ok=True)
        for suffix, text in ((".yaml", rule), (".match.log", match), (".clean.log", clean)):
            if text is not None:
                (folder / f"{name}{suffix}").write_text(text)
        return rule_files(tmp_path)

    return write


def sample_faults(files):
    return [str(fault).split("/own/")[1] for tested in run_samples(load_rules(files)) for fault in tested.faults]


def test_a_rule_with_good_samples_has_no_fault(pack):
    """Neither for the linter nor for the samples."""
    files = pack()
    linted = lint(files)
    assert (linted.faults, linted.warnings) == ([], [])
    assert sample_faults(files) == []


def test_a_match_line_that_is_not_found_is_named_with_the_reason(pack):
    """File, line, and how far the nearest pattern came."""
    (fault,) = sample_faults(pack(match=MATCH + "Cannot find module `pg`\n"))
    assert fault.startswith("module.match.log:4: own/module: this event is not found")
    assert "Cannot find module" in fault


def test_a_clean_line_that_is_found_is_named(pack):
    """With what matched in it."""
    (fault,) = sample_faults(pack(clean=CLEAN + "\nCannot find module 'left-pad'\n"))
    place, _, said = fault.partition(": own/module: ")
    assert place == "module.clean.log:5"
    assert said == "this event must stay clean: matches \"Cannot find module 'left-pad'\" with module = 'left-pad'"


def test_each_pattern_must_be_hit(pack):
    """A pattern without an example is a guess."""
    assert sample_faults(pack(match="Cannot find module 'pg'\n")) == [
        "module.match.log:1: own/module: pattern 1 is hit by no event"
    ]


def test_another_rule_that_hits_must_be_declared(pack):
    """So that an overlap is a decision."""
    pack()
    other = RULE.replace("own/module", "own/other").replace("Cannot find module '", "find module '")
    files = pack("other", other, MATCH, CLEAN)
    faults = sample_faults(files)
    assert "module.match.log:2: own/module: own/other hits this event too; if that is right, say so in also_hits" in faults
    pack(rule=RULE + "also_hits: [own/other]\n")
    assert sample_faults(pack("other", other + "also_hits: [own/module]\n")) == []


def test_a_story_of_a_windowed_rule_is_found_once(pack):
    """Stories end at a line `# ---`; what one holds does not help the next."""
    rule = RULE + "count: {at_least: 2}\nwindow: 1m\n"
    one = "module not there: b\n"
    two = f"Cannot find module 'pg'\n{one}"
    assert sample_faults(pack(rule=rule, match=f"{two}# ---\n{two}", clean=f"{one}# ---\n{one}")) == []
    (fault,) = sample_faults(pack(rule=rule, match=f"{two}# ---\n{one}"))
    assert fault == "module.match.log:4: own/module: this story is found 0 times; must be once"


def test_a_line_that_was_expected_and_stays_away_is_found(pack):
    """The timers run out after the story."""
    rule = "title: It did not start\nseverity: error\nstage: none\n"
    rule += "absent: {after: 'server is starting', expect: 'server has started', within: 30s}\n"
    files = pack(
        rule=rule,
        match="server is starting\n# ---\nserver is starting\nhello\n",
        clean="server is starting\nserver has started\n",
    )
    assert [fault for fault in sample_faults(files) if "story" in fault] == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"rule": RULE.replace("cause: It was pruned.\n", "")}, "module.yaml:1: cause: is missing"),
        (
            {"rule": RULE.replace("{module} again", "{modul} again")},
            "module.yaml:12: fix: unknown group 'modul'; did you mean 'module'?",
        ),
        (
            {"rule": RULE + "also_hits: [own/modul]\n"},
            "module.yaml:14: also_hits: unknown rule 'own/modul'; did you mean 'own/module'?",
        ),
        ({"clean": None}, "module.yaml:1: file: module.clean.log: No such file or directory; a rule has"),
        ({"match": "# only a note\n"}, "module.yaml:1: file: module.match.log holds no line"),
        ({"rule": RULE.replace("severity: error", "severity: eror")}, "module.yaml:3: severity: unknown severity 'eror'"),
    ],
)
def test_the_linter_names_what_a_reviewer_would(pack, change, expected):
    """Missing texts, wrong names, missing samples, and all that loading refuses."""
    faults = [str(fault).split("/own/")[1] for fault in lint(pack(**change)).faults]
    assert any(fault.startswith(expected) for fault in faults), faults


def test_a_sample_without_its_rule_is_a_fault(pack, tmp_path):
    """A rule that was renamed leaves nothing behind."""
    files = pack()
    (tmp_path / "own" / "gone.match.log").write_text("x\n")
    assert [str(fault).split("/own/")[1] for fault in lint(files).faults] == ["gone.match.log:1: file: is a sample of no rule"]


def test_what_may_be_right_is_a_warning(pack):
    """A pattern that names nothing, a short required text, samples of unknown origin."""
    rule = RULE.replace("module not there: (?P<module>\\S{1,200})", "\\d no mod \\w+ mo \\d")
    warnings = [fault.problem for fault in lint(pack(rule=rule, match="x\n")).warnings]
    assert any("names no entity" in warning for warning in warnings)
    assert any("where its lines come from" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Cannot find module 'pg'", "hit: error, stage dependency: The module {module} is missing"),
        (
            "2024-05-14T09:31:07.123Z DEBUG 1 --- [main] a.B : Cannot find module 'pg'",
            "level: DEBUG; the rule wants WARN or worse",
        ),
        ("Cannot find module 'fsevents', optional dependency", "unless: excused by unless 0: 'optional dependency'"),
        ("all is well", "none of the required texts of its 2 patterns is there"),
        ("module not there:", "almost a candidate"),
    ],
)
def test_an_explanation_ends_in_the_step_that_decided(pack, line, reason):
    """Level, scan, confirm, excuse: the one that came furthest."""
    (rule,) = load_rules(pack())
    (explained,) = explain_text(rule, line.encode())
    assert reason in explained.reason
    assert explained.is_hit == reason.startswith("hit")


def test_rules_of_a_folder_are_named_by_their_place(pack, tmp_path):
    """A folder of packs, one pack or one file; hidden folders are those of mounted volumes."""
    files = pack()
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "module.yaml").write_text(RULE)
    (tmp_path / "signals").mkdir()
    (tmp_path / "signals" / "x.yaml").write_text("no: rule")
    assert [file.id for file in rule_files(tmp_path)] == ["own/module"]
    assert [replace(file, text="") for file in rule_files(tmp_path / "own")] == [replace(file, text="") for file in files]
    assert [file.id for file in rule_files(tmp_path / "own" / "module.yaml")] == ["own/module"]


def test_stories_keep_the_numbers_of_their_lines():
    """Notes are left out and still counted; a story without an event does not count."""
    first, second = stories(b"# from: x\na\n\nb\n# ---\n# note\n\n# ---\nc")
    assert (first.text, first.lines) == (b"a\n\nb\n", (2, 3, 4))
    assert (second.text, second.lines) == (b"c\n", (9,))
