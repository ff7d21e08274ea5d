"""The one law of the scan: whatever confirm finds in the decoded text, the scan form finds in the raw line, in every layout."""

import json
import random

import hyperscan
import orjson
import pytest
import re2
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from detector.core.ruleset.pattern_faults import options
from detector.core.ruleset.scan_form import UnscannablePattern, scan_form
from detector.core.ruleset.syntax import Alt, Chars, Edge, Repeat, Seq, parse

AWKWARD = "\"\\/<>&'=+`\t\r\x00\x01\x1b\x7fé\u2028ſ\u212a😀ÿ漢"


def json_ascii(text: str) -> str:
    return json.dumps({"level": "ERROR", "message": text})


def json_utf8(text: str) -> str:
    return orjson.dumps({"message": text, "n": 1}).decode()


def json_go(text: str) -> str:
    written = json.dumps({"msg": text}, ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        written = written.replace(char, f"\\u{ord(char):04x}")
    return written


def json_html_safe(text: str) -> str:
    """As .NET and Gson write it: everything unusual as \\u00XX, in capitals."""
    spelled = "".join(
        char if char.isascii() and (char.isalnum() or char in " .,:;-_()[]{}!?*#$%@^~|") else spell(char) for char in text
    )
    return f'{{"Message":"{spelled}"}}'


def spell(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02X}{units[at + 1]:02X}" for at in range(0, len(units), 2))


def json_php(text: str) -> str:
    return json_ascii(text).replace("/", "\\/")


JSONS = [json_ascii, json_utf8, json_go, json_html_safe, json_php]


def docker(line: str, writer) -> str:
    return "\n".join(writer(part + "\n") for part in line.split("\n"))


def cri(line: str) -> str:
    return "\n".join(f"2023-06-22T10:27:25.813799277Z stdout F {part}" for part in line.split("\n"))


def layouts(text: str):
    """Every way in which the text may lie in a file."""
    yield text
    yield cri(text)
    for inner in JSONS:
        yield inner(text)
        yield cri(inner(text))
        yield docker(text, inner)
        for outer in JSONS:
            yield docker(inner(text), outer)


def sample(node, chance: random.Random) -> str:
    """A text that the tree matches, edges apart."""
    if isinstance(node, Chars):
        codes = [chr(code) for code in node.set.codes()]
        awkward = [char for char in AWKWARD if (char in node.set if char.isascii() else node.set.beyond == 2)]
        awkward += [char for char, letter in (("ſ", "s"), ("\u212a", "k")) if node.set.beyond == 1 and letter in node.set]
        if node.char:
            return node.char
        return chance.choice(chance.choice([pool for pool in (codes, awkward) if pool] or [["x"]]))
    if isinstance(node, Edge):
        return ""
    if isinstance(node, Seq):
        return "".join(sample(part, chance) for part in node.parts)
    if isinstance(node, Alt):
        return sample(chance.choice(node.branches), chance)
    assert isinstance(node, Repeat)
    most = node.high if node.high is not None else node.low + 3
    return "".join(sample(node.part, chance) for _ in range(chance.randint(node.low, min(most, node.low + 5))))


WORDS = st.sampled_from(
    [
        "Error",
        "failed",
        "not found",
        "class '",
        '"quoted"',
        "a/b",
        "<init>",
        "x=1",
        "C:\\dir",
        "café",
        "日本",
        "sink",
        "a&b",
        "`x`",
    ]
)
ATOMS = st.one_of(
    WORDS.map(re2.escape),
    st.sampled_from(
        [r"\S+", r"\s+", r"\s*", ".", ".*", ".{0,40}", r"[\w.$/]{1,300}", '[^"]+', "[^']*", r"\d{4}", r"[<>&]", r"\W", r"\D{2,3}"]
    ),
    st.sampled_from(
        [
            r"\pL+",
            "[^a-z]{1,9}",
            "[[:punct:]]",
            r"\t",
            r"[\t ]",
            r"\\",
            r"\x00?",
            r"(?P<name>[\w\\]+)",
            "^",
            "$",
            r"\b",
            r"\B",
            "é",
            "x{3}",
            '"',
        ]
    ),
    st.sampled_from([r"\n", r"\n\s+", r"(?:\n.*)?", "(?s:.)", r"\x{1F600}", "[à-ÿ]", r"\Qa.b\E"]),
)
TREES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=5).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        inner.map(lambda part: f"(?:{part})?"),
        inner.map(lambda part: f"(?i:{part})"),
        st.tuples(inner, st.sampled_from(["*", "+", "{2}", "{0,2}", "{1,300}", "{2,}"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=8,
)

WHOLE = st.tuples(TREES, WORDS.map(re2.escape), TREES)
PATTERNS = st.one_of(WHOLE.map("".join), WHOLE.map(lambda parts: f"{parts[1]}{parts[0]}{parts[2]}"), TREES)


def is_valid(pattern: str) -> bool:
    """RE2 has bounds of its own for repeats within repeats."""
    try:
        re2.compile(pattern, options())
    except re2.error:
        return False
    return True


def confirm_finds(pattern: str, spans_lines: bool, text: str) -> bool:
    compiled = re2.compile(pattern, options())
    parts = [text] if spans_lines else text.split("\n")
    return any(compiled.search(part.encode()) for part in parts)


def latin1() -> re2.Options:
    chosen = options()
    chosen.encoding = re2.Options.Encoding.LATIN1
    return chosen


def scan_finds(form: str, raw: bytes) -> bool:
    compiled = re2.compile(form.encode(), latin1())
    return any(compiled.search(line) for line in raw.split(b"\n"))


def hyperscan_finds(form: str, raw: bytes) -> bool:
    database = hyperscan.Database()
    database.compile(expressions=[form.encode()], flags=[0])
    hits: list[int] = []
    database.scan(raw, match_event_handler=lambda *hit: hits.append(1))
    return bool(hits)


@settings(max_examples=300, deadline=None)
@given(
    pattern=PATTERNS,
    seed=st.integers(0, 2**32),
    before=st.sampled_from(["", "x ", "é", '"', "line\n"]),
    after=st.sampled_from(["", " y", "\\", "\nat z"]),
)
def test_what_confirm_finds_scan_hits_in_every_layout(pattern, seed, before, after):
    """Any RE2 pattern, any text it matches, plain, CRI, JSON of five writers, and each of those in Docker's JSON."""
    assume(is_valid(pattern))
    try:
        form = scan_form(pattern)
    except UnscannablePattern:
        return
    text = before + sample(parse(pattern).tree, random.Random(seed)) + after
    if not confirm_finds(pattern, form.spans_lines, text):
        return
    folded = text.lower() if form.folds_case else text
    is_unfolded = form.folds_case and any(char in text for char in "ſ\u212a")
    assert is_unfolded or any(literal in folded for literal in form.literals)
    for raw in layouts(text):
        assert scan_finds(form.pattern, raw.encode()), raw
    assert hyperscan_finds(form.pattern, json_ascii(docker(json_go(text), json_php)).encode())


@pytest.mark.parametrize(
    "pattern",
    [
        r'exec: "(?P<x>[^"]+)": executable file not found in \$PATH',
        r"class '(?P<c>[^']+)' not found",
        r"(?i)no such file or directory: (?P<f>\S+)$",
        r"(?P<lib>\S+): cannot open shared object file\b",
        r"<(?P<bean>[^>]+)> & <x>\s+=\s+'\w+'",
        "Überfluß an Geräten",
        r"panic: (?P<what>.*)\n\ngoroutine 1 \[running\]:",
    ],
)
def test_the_law_holds_for_rules_as_people_write_them(pattern):
    """Two hundred texts a pattern, both engines."""
    form = scan_form(pattern)
    for seed in range(200):
        text = sample(parse(pattern).tree, random.Random(seed))
        if not confirm_finds(pattern, form.spans_lines, text):
            continue
        for raw in layouts(text):
            assert scan_finds(form.pattern, raw.encode()), raw
        assert hyperscan_finds(form.pattern, text.encode())
