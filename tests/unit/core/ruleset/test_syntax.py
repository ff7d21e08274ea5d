"""Our reading of RE2's syntax against RE2 itself."""

import pytest
import re2

from detector.core.ruleset.chars import POSIX, Beyond
from detector.core.ruleset.pattern_faults import options
from detector.core.ruleset.syntax import Chars, PatternSyntax, parse

NAMED = [f"[[:{sign}{name}:]]" for name in POSIX for sign in ("", "^")]
UNICODE = ["L", "Lu", "Ll", "N", "Nd", "P", "Po", "S", "Z", "Cc", "Latin", "Greek", "Common", "Any"]
WRITTEN = r"\pL \PN \p{^Greek} . (?s:.) [^a] [^\n] []a] [^]a] [a-] [-a] [\d.-] [a\-z] [\]\\]"
BEYOND_ASCII = (
    r"[\x41-\x{5a}] [\101-\132] [\t\n] [^\x00-\x7f] [k-s] [^k-s] [^\pL] é [à-é] [^à-é] ſ [\x{100}-\x{3000}] \x{1F600} \x{212a}"
)
ONES = r"\a \f \t \n \r \v \x2e \056 \. \Q.\E \d \D \s \S \w \W"
CLASSES = [*NAMED, *(rf"\{sign}{{{name}}}" for name in UNICODE for sign in "pP"), *f"{WRITTEN} {BEYOND_ASCII} {ONES}".split(" ")]
BEYOND = "éſ\u212aΩ😀\u2028\x80"


@pytest.mark.parametrize("fold", ["", "(?i)"])
@pytest.mark.parametrize("pattern", CLASSES)
def test_a_class_holds_the_ascii_characters_that_re2_says(pattern, fold):
    """Exactly the same ASCII characters, and never fewer beyond."""
    node = parse(fold + pattern).tree
    node = node.parts[0]
    while not isinstance(node, Chars):
        node = node.parts[0]
    theirs = re2.compile(fold + pattern, options())
    assert {chr(code) for code in node.set.codes()} == {chr(code) for code in range(128) if theirs.fullmatch(chr(code))}
    for char in BEYOND:
        if theirs.fullmatch(char):
            assert node.set.beyond == Beyond.ANY or char in "ſ\u212a"
            assert node.set.beyond != Beyond.NONE


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("a" * 4001, "4001 characters"),
        ("(" * 100 + "a" + ")" * 100, "deeper"),
        (r"ab\C", "half a character"),
        ("(?=a)", "look-around"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_the_reason(pattern, problem):
    """Too long, too deep, half characters, look-around."""
    with pytest.raises(PatternSyntax, match=problem):
        parse(pattern)


def test_a_newline_that_the_author_wrote_is_told_from_one_that_fits():
    """`\\n` and `[\\n ]` write one; `\\s`, `.` and `[^a]` only have room for one."""
    assert all(parse(pattern).writes_newline for pattern in (r"a\nb", "[\\n ]", r"\x0a", "a\nb", r"\Q" + "\n"))
    assert not any(parse(pattern).writes_newline for pattern in (r"a\sb", "(?s)a.b", "[^a]", r"[^\n]", r"\W"))
