"""Every rule of every pack against its own samples, through the decoding, the scan and the engine of production."""

from dataclasses import replace

import pytest

from detector.analysis.rulecheck.lint import lint
from detector.analysis.rulecheck.testing import SampleTest
from detector.core.ruleset.load import load_rules
from detector.core.ruleset.rule_fields import ENTITY_KINDS, RULE_FIELDS
from detector.edges.rule_files import builtin_folder, builtin_rule_files

FILES = [replace(file, is_tested=False) for file in builtin_rule_files()]


@pytest.fixture(scope="module")
def samples():
    """All rules together, ready to judge: made once for the module."""
    return SampleTest(load_rules(FILES))


@pytest.mark.parametrize("rule", [file.id for file in FILES])
def test_each_match_event_is_found_and_no_clean_one(rule, samples):
    """And each pattern is hit by some event, and another rule that hits is declared in also_hits."""
    tested = samples.test(rule)
    assert not tested.faults, "\n".join(map(str, tested.faults))
    assert tested.matched
    assert tested.clean


@pytest.mark.parametrize("pack", sorted({file.id.partition("/")[0] for file in FILES}))
def test_the_linter_has_nothing_to_mend(pack):
    """Samples, texts, names, and speed on hostile lines."""
    mine = [file for file in FILES if file.id.startswith(f"{pack}/")]
    linted = lint(mine, [file.id for file in FILES])
    assert not linted.faults, "\n".join(map(str, linted.faults))


def test_every_field_and_kind_of_a_rule_is_documented():
    """In the folder's README, which is what authors read."""
    readme = (builtin_folder() / "README.md").read_text()
    assert [entry.name for entry in RULE_FIELDS if f"`{entry.name}:" not in readme and f"\n{entry.name}:" not in readme] == []
    assert [kind for kind in ENTITY_KINDS if kind not in readme] == []
