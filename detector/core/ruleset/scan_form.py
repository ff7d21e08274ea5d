"""The scan form of a pattern: simpler, wider, made for raw bytes in any layout.

The one law, held by a property test: whatever confirm finds in the decoded text, the scan form finds in the raw line, in every
layout, nested twice. It may find more; confirm decides. Anchors are dropped, the ends are cut back to the outermost required
literals, repeats are loosened, and each character that a layout may escape is widened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from detector.core.ruleset.required import MIN_LITERAL, Alternatives, better, needs_of, required, usable
from detector.core.ruleset.syntax import Alt, Chars, Edge, Node, PatternSyntax, Repeat, Seq, parse
from detector.core.ruleset.widen import first_byte, is_plain, widened

_MOST_COPIES = 8
_FEWEST_KEPT = 4


class UnscannablePattern(ValueError):
    """No scan form can be made; the text says why, as the end of a sentence that begins with the pattern."""


@dataclass(frozen=True, slots=True)
class ScanForm:
    """`pattern`: for Hyperscan and RE2 on raw bytes (Latin-1); it matches no newline and never the empty string. `literals`:
    decoded text, at least three characters each, one of which is in every match; lower case when `folds_case`. `spans_lines`:
    the pattern writes a newline, so it is confirmed on the whole text, not line by line. `has_edge`: it has ^ or $."""

    pattern: str
    literals: tuple[str, ...]
    folds_case: bool = False
    spans_lines: bool = False
    has_edge: bool = False


def scan_form(pattern: str, literals: Sequence[str] = ()) -> ScanForm:
    """The scan form of an RE2 pattern. `literals` are the author's word that each match holds one of them, used only where
    none can be derived. Raises UnscannablePattern."""
    try:
        parsed = parse(pattern)
    except PatternSyntax as problem:
        raise UnscannablePattern(str(problem)) from None
    tree = _flat(parsed.tree)
    best = _best_piece(_line_pieces(tree) if parsed.writes_newline else [tree], parsed.folds_case)
    if best is None:
        promised = usable(tuple(text.lower() if parsed.folds_case else text for text in literals))
        if promised is None:
            raise UnscannablePattern(f"has no text of at least {MIN_LITERAL} characters that every match must contain")
        best = (Alt(tuple(_spelled(text, parsed.folds_case) for text in promised)), promised)
    piece, needed = best
    scanned = _written_to_end(_cut(piece, parsed.folds_case))
    return ScanForm(scanned, needed, parsed.folds_case, parsed.writes_newline, parsed.has_edge)


def _spelled(text: str, folds_case: bool) -> Node:
    """A literal as a tree."""
    quoted = "".join(f"\\x{{{ord(char):x}}}" for char in text)
    return _flat(parse(f"(?i){quoted}" if folds_case else quoted).tree)


def _flat(node: Node) -> Node:
    """The tree without edges, and groups that only held something together dissolved into what is around them."""
    if isinstance(node, Chars):
        return node
    if isinstance(node, Edge):
        return Seq(())
    if isinstance(node, Repeat):
        part = _flat(node.part)
        return Seq(()) if node.high == 0 or part == Seq(()) else Repeat(part, node.low, node.high)
    if isinstance(node, Alt):
        branches = tuple(dict.fromkeys(map(_flat, node.branches)))
        return branches[0] if len(branches) == 1 else Alt(branches)
    parts: list[Node] = []
    for part in node.parts:
        flat = part if isinstance(part, Chars) else _flat(part)
        parts.extend(flat.parts if isinstance(flat, Seq) else (flat,))
    return parts[0] if len(parts) == 1 else Seq(tuple(parts))


def _children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Seq):
        return node.parts
    if isinstance(node, Alt):
        return node.branches
    return (node.part,) if isinstance(node, Repeat) else ()


def _takes_newline(node: Node) -> bool:
    return (isinstance(node, Chars) and "\n" in node.set) or any(map(_takes_newline, _children(node)))


def _line_pieces(node: Node) -> list[Node]:
    """Parts of a pattern over several lines, each of which every match has within one line."""
    if not _takes_newline(node):
        return [node]
    if isinstance(node, Repeat):
        return _line_pieces(node.part) if node.low else []
    if isinstance(node, Alt):
        bests = [_best_piece(_line_pieces(branch), False) for branch in node.branches]
        found = [best[0] for best in bests if best is not None]
        return [Alt(tuple(found))] if len(found) == len(bests) else []
    pieces: list[Node] = []
    run: list[Node] = []
    for part in _children(node):
        if _takes_newline(part):
            pieces += [Seq(tuple(run)), *_line_pieces(part)]
            run = []
        else:
            run.append(part)
    return [*pieces, Seq(tuple(run))]


def _best_piece(pieces: Iterable[Node], folds_case: bool) -> tuple[Node, Alternatives] | None:
    """The piece with the rarest required text, and that text."""
    best: tuple[Node, Alternatives] | None = None
    for piece in pieces:
        needed = required(piece, folds_case)
        if needed is not None and (best is None or better(best[1], needed) != best[1]):
            best = (piece, needed)
    return best


def _cut(node: Node, folds_case: bool) -> Node:
    """Both ends cut back: what follows the last required literal is kept up to the first repeat, of that one copy, and so
    before the first. An end that repeats a class would report every byte of a long token."""
    if isinstance(node, Alt):
        return Alt(tuple(_cut(branch, folds_case) for branch in node.branches))
    parts: list[Node] = list(node.parts) if isinstance(node, Seq) else [node]
    anchors = _literal_parts(parts, folds_case)
    if not anchors:
        return node
    first, last = anchors[0], anchors[-1]
    head = list(reversed(_shortened(list(reversed(parts[:first])))))
    tail = _shortened(parts[last + 1 :])
    return Seq((*head, *parts[first : last + 1], *tail))


def _shortened(parts: list[Node]) -> list[Node]:
    kept: list[Node] = []
    for part in parts:
        if isinstance(part, Chars):
            kept.append(part)
        else:
            if isinstance(part, Repeat) and part.low and isinstance(part.part, Chars):
                kept.append(part.part)
            break
    return kept


def _literal_parts(parts: list[Node], folds_case: bool) -> list[int]:
    """Which parts belong to a text of at least three characters that every match has."""
    found: list[int] = []
    run: list[int] = []
    length = 0
    for at, part in enumerate(parts):
        if isinstance(part, Chars) and part.char:
            run.append(at)
            length += 1
            continue
        needs = needs_of(part, folds_case)
        if needs.exact:
            run.append(at)
            length += min(map(len, needs.exact))
            continue
        found += run if length >= MIN_LITERAL else []
        run, length = [], 0
        found += [at] if needs.needed else []
    return found + (run if length >= MIN_LITERAL else [])


def _written_to_end(node: Node) -> str:
    """The whole pattern. Of its last character one byte is enough: more would report one hit at several ends."""
    if isinstance(node, Alt):
        return f"(?:{'|'.join(dict.fromkeys(map(_written_to_end, node.branches)))})"
    parts = node.parts if isinstance(node, Seq) else (node,)
    last = parts[-1]
    end = first_byte(last) if isinstance(last, Chars) else _written(last)
    return "".join(map(_written, parts[:-1])) + end


def _written(node: Node, in_loop: bool = False) -> str:
    if isinstance(node, Chars):
        return node.char if node.char.isascii() and node.char.isalnum() else widened(node, in_loop)
    if isinstance(node, Seq):
        return "".join(_written(part, in_loop) for part in node.parts)
    if isinstance(node, Alt):
        return f"(?:{'|'.join(dict.fromkeys(_written(branch, in_loop) for branch in node.branches))})"
    return _loosened(node) if isinstance(node, Repeat) else ""


def _loosened(node: Repeat) -> str:
    """A repeat with bounds no engine minds: exact where it is short and of plain characters, else without an upper one."""
    part = node.part
    bounds = "*" if node.low == 0 else "+"
    if isinstance(part, Chars) and is_plain(part):
        if node.high is not None and node.high <= _MOST_COPIES:
            return f"{widened(part)}{{{node.low},{node.high}}}"
        bounds = f"{{{min(node.low, _FEWEST_KEPT)},}}" if node.low > 1 else bounds
    elif node.high == 1:
        bounds = "?" if node.low == 0 else ""
    text = _written(part, in_loop=bounds != "?" and isinstance(part, Chars))
    return f"(?:{text}){bounds}"


def spans_lines(pattern: str) -> bool:
    """Whether the author wrote a newline: such a pattern is confirmed on the whole text, any other line by line."""
    return parse(pattern).writes_newline
