"""A character as any layout may write it: itself, or escaped by JSON once or twice, in each of the ways that libraries do.

Written for Hyperscan and RE2 over raw bytes: ASCII only, bytes as `\\xhh`, never a newline.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from detector.core.ruleset.chars import KELVIN, LONG_S, Beyond, CharSet
from detector.core.ruleset.syntax import Chars

# What JSON must escape, what HTML-safe writers escape (Go, Gson, .NET: < > & ' = + `), what PHP escapes (/), and DEL (.NET).
ESCAPED = frozenset((*range(32), 127, *map(ord, "\"\\/<>&'=+`")))
_SHORT = {8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 7: "a", 27: "e", 34: '"', 39: "'", 47: "/", 92: "\\"}
_HEX = "[0-9a-fA-F]"
_BACKSLASHES = r"(?:\\(?:u005[cC])?)+"  # one for each time the text was put into a string
_ANY_BEYOND = rf"u{_HEX}{{4}}(?:{_BACKSLASHES}u[dD][c-fC-F]{_HEX}{{2}})?|U{_HEX}{{8}}"
_HIGH = range(128, 256)
_MOST_CODES = 8


@lru_cache(maxsize=512)
def widened(chars: Chars, in_loop: bool = False) -> str:
    """One character of the set in any layout. `in_loop`: it may be repeated without limit, so a class that holds all the
    characters of an escape needs no escape of its own."""
    if chars.char and not chars.char.isascii():
        return _exactly(chars.char)
    found = chars.set
    raw = [code for code in found.codes() if code != 10] + (list(_HIGH) if found.beyond == Beyond.ANY else [])
    escapes = _escapes(found)
    if not escapes:
        return bracket(raw)
    if in_loop and _spells_escapes(found):
        return bracket(sorted({*raw, *_HIGH}) if found.beyond else raw)
    ways = [bracket(raw)] if raw else []
    if found.beyond == Beyond.ANY and not in_loop:
        ways.append(r"[\x80-\xff]{2,4}")
    ways += _folds(found)
    return f"(?:{'|'.join([*ways, f'{_BACKSLASHES}(?:{escapes})'])})"


def first_byte(chars: Chars) -> str:
    """The byte with which the character begins in any layout."""
    if is_plain(chars):
        return widened(chars)
    found = {code for code in chars.set.codes() if code != 10} | {ord("\\")}
    return bracket(sorted(found | set(_HIGH) if chars.set.beyond else found))


@lru_cache(maxsize=512)
def is_plain(chars: Chars) -> bool:
    """Whether every layout writes its characters as one byte each."""
    return chars.set.beyond == Beyond.NONE and not any(code in ESCAPED for code in chars.set.codes())


def bracket(codes: Iterable[int]) -> str:
    """A class of bytes, or the byte alone."""
    listed = list(codes)
    if len(listed) == 1:
        return _outside(listed[0])
    spans: list[list[int]] = []
    for code in listed:
        if spans and code == spans[-1][1] + 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return f"[{''.join(_span(low, high) for low, high in spans)}]" if spans else r"[^\x00-\xff]"


def _span(low: int, high: int) -> str:
    if high - low < 2:
        return "".join(_inside(code) for code in range(low, high + 1))
    return f"{_inside(low)}-{_inside(high)}"


def _inside(code: int) -> str:
    return chr(code) if chr(code).isascii() and (chr(code).isalnum() or chr(code) in " _.:;,") else f"\\x{code:02x}"


def _outside(code: int) -> str:
    return _inside(code) if chr(code) != "." else r"\."


def _hex(code: int, digits: int) -> str:
    """A number in hexadecimal, in either case."""
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{code:0{digits}x}")


def _escapes(found: CharSet) -> str:
    """What may follow the backslashes where one of these characters is escaped; empty if none ever is."""
    special = [code for code in found.codes() if code in ESCAPED]
    ways = []
    short = [_SHORT[code] for code in special if code in _SHORT]
    if short:
        ways.append(bracket(sorted(map(ord, short))))
    if found.beyond == Beyond.ANY:
        return "|".join([*ways, _ANY_BEYOND, f"x{_HEX}{{2}}"])
    if len(special) > _MOST_CODES:
        ways.append(f"u00{_HEX}{{2}}|x{_HEX}{{2}}")
    elif special:
        ways.append(f"(?:u00|x)(?:{'|'.join(_hex(code, 2) for code in special)})")
    if found.beyond == Beyond.FOLDS:
        ways += [f"u{_hex(code, 4)}" for code in _folding(found)]
    return "|".join(ways)


def _folding(found: CharSet) -> list[int]:
    return [code for letter, code in (("s", LONG_S), ("k", KELVIN)) if letter in found and found.beyond == Beyond.FOLDS]


def _folds(found: CharSet) -> list[str]:
    return [_bytes(chr(code)) for code in _folding(found)]


def _bytes(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))


def _exactly(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    codes = [int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2)]
    short = _BACKSLASHES.join(f"u{_hex(code, 4)}" for code in codes)
    return f"(?:{_bytes(char)}|{_BACKSLASHES}(?:{short}|U{_hex(ord(char), 8)}))"


def _spells_escapes(found: CharSet) -> bool:
    needed = "\\uUx0123456789abcdefABCDEF" + "".join(_SHORT[code] for code in found.codes() if code in _SHORT)
    return all(char in found for char in needed)
