"""Whatever is in a file that people write, the answer is a value or a list of faults, never a crash."""

import json

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.ruleset.load import RuleFile, load_rules
from detector.documents import Items, Mapping, Node, Scalar, line_at, read_document
from detector.errors import BadInput
from detector.settings import Settings, load_settings

PIECES = "a b: service: sinks: type: webhook url: - [ ] { } , & * ! | > ' \" # % @ ` ? --- ... << ~ null true 15s 1MiB"
ODD = "${X} é \x00 \ufeff"
RULE_PIECES = "patterns: title: severity: stage: entity: from: (?P<a>x) foo.*bar absent: within: count: at_least: 3 jvm/x"
WORDS = st.sampled_from([*f"{PIECES} {ODD} {RULE_PIECES}".split(" "), "\t", "\n", "\n  "])
TEXTS = st.one_of(st.lists(st.one_of(WORDS, st.just(" "), st.just("\n")), max_size=60).map("".join), st.text(max_size=200))
PLAIN = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
VALUES = st.recursive(
    st.one_of(PLAIN, st.integers(-9, 999), st.booleans(), st.none(), st.text(max_size=12)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(PLAIN, inner, max_size=4)),
    max_leaves=12,
)


def faults_of(read):
    """What is wrong, as the reader says it; any other exception is the test's failure."""
    try:
        read()
    except BadInput as bad:
        return bad.faults
    return []


@settings(max_examples=400, deadline=None)
@given(text=st.one_of(TEXTS, st.binary(max_size=200)))
def test_any_text_is_read_or_refused_with_its_line(text):
    """As a document, as settings, as a rule."""
    found = faults_of(lambda: read_document("f.yaml", text))
    found += faults_of(lambda: load_settings("f.yaml", text, {}))
    found += faults_of(lambda: load_rules([RuleFile("a/b", "f.yaml", text)]))
    assert all(fault.line >= 1 and fault.problem for fault in found)


@settings(max_examples=200, deadline=None)
@given(root=st.dictionaries(st.sampled_from([*Settings.__slots__, "sevice"]), VALUES))
def test_any_values_in_the_place_of_settings_are_answered(root):
    """Right keys, wrong values: a fault each, and nothing else."""
    assert all(fault.line == 1 for fault in faults_of(lambda: load_settings("f.yaml", json.dumps(root), {})))


def plain(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    assert isinstance(node, Mapping)
    return {entry.key: plain(entry.value) for entry in node.entries}


@settings(max_examples=200, deadline=None)
@given(value=st.dictionaries(PLAIN, VALUES, min_size=1))
def test_a_sound_document_is_read_as_yaml_reads_it(value):
    """The tree is the one that PyYAML's base loader makes; every value has its line."""

    text = yaml.safe_dump(value, allow_unicode=True)
    root = read_document("f.yaml", text)
    assert plain(root) == yaml.load(text, Loader=yaml.BaseLoader)
    for at, line in enumerate(text.splitlines(), start=1):
        key = line.partition(":")[0].strip("'\"")
        if key in value and not line.startswith((" ", "-")):
            assert line_at(root, key) == at
