"""What a scan form keeps of a pattern, and what it refuses."""

import pytest

from detector.core.ruleset.scan_form import UnscannablePattern, scan_form


@pytest.mark.parametrize(
    ("pattern", "form", "literals"),
    [
        (
            r"ClassNotFoundException: (?P<c>[\w.$]{1,300})",
            r"ClassNotFoundException: [\x24.0-9A-Z_a-z]",
            ("ClassNotFoundException: ",),
        ),
        (r"^Killed$", "Killed", ("Killed",)),
        (r"\bout of memory\b.*", "out of memory", ("out of memory",)),
        (r"\d{4}-\d\d .* missing (\S+)", None, (" missing ",)),
        (r"(?:libssl|libcrypto)\.so", None, ("libssl.so", "libcrypto.so")),
        (r"(?i)Not Found", None, ("not found",)),
        (r"first\nsecond line", "second line", ("second line",)),
    ],
)
def test_the_ends_are_cut_back_to_the_required_text(pattern, form, literals):
    """Anchors go, a greedy tail becomes one character, and the literals are what every match holds."""
    made = scan_form(pattern)
    assert set(made.literals) == set(literals)
    if form is not None:
        assert made.pattern == form


@pytest.mark.parametrize("pattern", ["", "a.b", r"\d+", r"\w+: \w+", "(?:a|error)x?", "[abc]{3,9}", r"(?:error)?"])
def test_a_pattern_without_required_text_is_refused(pattern):
    """Fewer than three characters that every match has: such a scan would report every line."""
    with pytest.raises(UnscannablePattern, match="at least 3 characters"):
        scan_form(pattern)


def test_literals_of_the_author_help_where_none_can_be_derived():
    """They are scanned for in their place, widened like any other text."""
    made = scan_form(r"\w+ \S+", literals=("a 'b", "xyz"))
    assert made.literals == ("xyz", "a 'b")
    assert "xyz" in made.pattern
    assert "u00" in made.pattern


def test_long_tokens_are_reported_once():
    """A trailing class is cut to one byte: an uncut one would report every byte of a token of a megabyte."""
    for pattern in (r"missing \S+", r"missing (?P<x>[^ ]{1,300})", "missing .+", r"missing \S+ .*$"):
        assert not scan_form(pattern).pattern.endswith(("+", "*", "}"))
