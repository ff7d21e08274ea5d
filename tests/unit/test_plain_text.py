"""Text for people's eyes."""

from __future__ import annotations

import sys
import unicodedata

from detector.plain_text import cut, indented, one_line, spell_out, unmentioned


def test_what_acts_is_spelled() -> None:
    """A terminal sees backslash, x, 1, b instead of an escape; direction marks show; a line end is only a line end."""
    assert spell_out("\x1b[31mred\x07\r\nnext\ttab") == "\\x1b[31mred\\x07\nnext\ttab"
    assert spell_out("a\rb \x9b \u202e \u200b \U000e0041 \udc80") == "a\\rb \\x9b \\u202e \\u200b \\U000e0041 \\udc80"
    assert one_line("a\nb\tc") == "a\\nb\\tc"


def test_no_control_or_format_character_of_unicode_is_left() -> None:
    """Every character of the categories control, format, surrogate and line separator that Python knows."""
    acts = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    shown = one_line("".join(acts))
    assert shown.isprintable()


def test_letters_of_every_script_stay() -> None:
    """Only what acts is spelled."""
    text = "é 漢字 العربية हिन्दी 😀 \\x1b"
    assert spell_out(text) == text


def test_a_cut_shows() -> None:
    """The ellipsis counts as one of the characters."""
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdef", 4) == "abc…"


def test_a_further_line_cannot_pass_for_one_of_ours() -> None:
    """It is set in."""
    assert indented("\nboom\r\nFix: run this\n") == "boom\n    Fix: run this"


def test_a_mention_is_defused_and_java_stays_java() -> None:
    """Only what a chat acts on changes."""
    assert unmentioned("<!channel> <@U1> <#C> <http://x|y> <at user_id='all'>all</at> @here @all") == (
        "‹!channel> ‹@U1> ‹#C> ‹http://x|y> ‹at user_id='all'>all‹/at> ＠here ＠all"
    )
    assert unmentioned("Foo.<init> List<String> me@example.org @Autowired") == "Foo.<init> List<String> me@example.org @Autowired"
