"""Text from a log made fit for people's eyes: what would act on a terminal, a page or a chat is spelled out."""

from __future__ import annotations

import re

# The inside of a character class: DEL and the C1 controls, line separators, format characters (invisible, or turning the
# direction of text) and the letters that show as nothing.
ACTS_UNSEEN = (
    "\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)
_MENTION = re.compile(r"<(?=[!@#]|/?at\b|https?:|mailto:|tel:)|@(?=(?:everyone|here|channel|all|room|group)\b)", re.I)
_ACTS = re.compile(f"[\x00-\x08\x0b-\x1f\ud800-\udfff{ACTS_UNSEEN}]")


def spell_out(text: str) -> str:
    """Escape sequences, bidi and zero-width characters become their names (`\\x1b`, `\\u202e`); newlines and tabs stay, and a
    carriage return before a newline goes."""
    return _ACTS.sub(_name, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """`spell_out`, with newlines and tabs spelled too: for titles, labels and cells, where a line break would forge a line."""
    return spell_out(text).replace("\n", "\\n").replace("\t", "\\t")


def indented(text: str) -> str:
    """`spell_out`, with every further line set in: below other text it cannot pass for a line of ours."""
    return spell_out(text).strip("\n").replace("\n", "\n    ")


def unmentioned(text: str) -> str:
    """Chat syntax that would ring somebody or hide where a link goes, its first character replaced by a look-alike: for receivers
    that pass the text on to chats unescaped."""
    return _MENTION.sub(lambda match: "‹" if match.group() == "<" else "＠", text)


def _name(match: re.Match[str]) -> str:
    code = ord(match.group())
    if match.group() == "\r":
        return "\\r"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cut(text: str, characters: int) -> str:
    """At most so many characters; what was cut shows as an ellipsis at the end."""
    return text if len(text) <= characters else text[: max(0, characters - 1)] + "…"
