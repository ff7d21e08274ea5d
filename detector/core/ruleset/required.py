"""Which text every match of a pattern must contain: the literals behind the scan, and the place where confirm looks.

The way of Russ Cox's trigram index: each node has either the whole list of what it can match (`exact`), or some list of which
one is in every match (`needed`). https://swtch.com/~rsc/regexp/regexp4.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from detector.core.ruleset.chars import Beyond
from detector.core.ruleset.syntax import Alt, Chars, Edge, Node, Repeat, Seq

MIN_LITERAL = 3
MAX_ALTERNATIVES = 40
MAX_LITERAL = 200
_MAX_EXACT = 16
_MAX_CLASS = 4

Alternatives = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Needs:
    """`exact`: all that the node can match, or None if that is too much to list. `needed`: one of these is in every match."""

    exact: Alternatives | None
    needed: Alternatives | None = None

    def best(self) -> Alternatives | None:
        return better(self.needed, usable(self.exact))


def required(node: Node, folds_case: bool) -> Alternatives | None:
    """Texts of at least three characters, one of which is in every match; lower case where the pattern folds case. None if
    there are none."""
    return needs_of(node, folds_case).best()


def usable(alternatives: Alternatives | None) -> Alternatives | None:
    """The same without repetition, if each is long enough and they are few enough."""
    if not alternatives or len(alternatives) > MAX_ALTERNATIVES or min(map(len, alternatives)) < MIN_LITERAL:
        return None
    kept: list[str] = []
    for text in sorted(set(alternatives), key=lambda text: (len(text), text)):
        if not any(shorter in text for shorter in kept):
            kept.append(text)
    return tuple(kept)


def better(left: Alternatives | None, right: Alternatives | None) -> Alternatives | None:
    """The rarer of the two in a log: the longer, then the one with fewer alternatives."""
    if left is None or right is None:
        return left or right
    return max(left, right, key=lambda texts: (min(min(map(len, texts)), 12), -len(texts), min(map(len, texts))))


def needs_of(node: Node, folds_case: bool) -> Needs:
    if isinstance(node, Chars):
        return Needs(_listed(node, folds_case))
    if isinstance(node, Edge):
        return Needs(("",))
    if isinstance(node, Alt):
        return _any_of([needs_of(branch, folds_case) for branch in node.branches])
    if isinstance(node, Repeat):
        return _times(node, folds_case)
    return _in_order(node, folds_case)


@lru_cache(maxsize=512)
def _listed(node: Chars, folds_case: bool) -> Alternatives | None:
    """The characters of a small class. A letter and its other case are one; the long s is left to the scan form."""
    if node.char:
        return (node.char.lower() if folds_case and node.char.isascii() else node.char,)
    if node.set.beyond == Beyond.ANY or node.set.ascii.bit_count() > 2 * _MAX_CLASS:
        return None
    texts = {chr(code).lower() if folds_case else chr(code) for code in node.set.codes()}
    return tuple(sorted(texts)) if len(texts) <= _MAX_CLASS else None


def _any_of(branches: list[Needs]) -> Needs:
    exact: tuple[str, ...] = ()
    if all(branch.exact is not None for branch in branches):
        exact = tuple(dict.fromkeys(text for branch in branches for text in branch.exact or ()))
        if len(exact) <= MAX_ALTERNATIVES:
            return Needs(exact)
    bests = [branch.best() for branch in branches]
    if None in bests:
        return Needs(None)
    return Needs(None, usable(tuple(text for best in bests for text in best or ())))


def _times(node: Repeat, folds_case: bool) -> Needs:
    if node.low == 0:
        part = needs_of(node.part, folds_case)
        if node.high == 1 and part.exact is not None and len(part.exact) < _MAX_CLASS:
            return Needs((*part.exact, ""))
        return Needs(None)
    part = needs_of(node.part, folds_case)
    if node.low == node.high and part.exact is not None and len(part.exact) == 1:
        text = part.exact[0] * min(node.low, MAX_LITERAL)
        return Needs((text,)) if len(part.exact[0]) * node.low <= MAX_LITERAL else Needs(None, usable((text[:MAX_LITERAL],)))
    return Needs(None, part.best())


def _in_order(node: Seq, folds_case: bool) -> Needs:
    """Joins what is listed while the list stays short; where it would grow too long, keeps the best so far and starts anew."""
    run: Alternatives = ("",)
    best: Alternatives | None = None
    is_whole = True
    for part in node.parts:
        if isinstance(part, Chars) and part.char and len(run) == 1 and len(run[0]) < MAX_LITERAL and not folds_case:
            run = (run[0] + part.char,)
            continue
        needs = needs_of(part, folds_case)
        best = better(best, needs.needed)
        if needs.exact is not None and _fits(run, needs.exact):
            run = tuple(dict.fromkeys(left + right for left, right in product(run, needs.exact)))
            continue
        is_whole = False
        best = better(best, usable(run))
        run = needs.exact or ("",)
    if is_whole:
        return Needs(run)
    return Needs(None, better(best, usable(run)))


def _fits(run: Alternatives, more: Alternatives) -> bool:
    longest = max(map(len, run)) + max(map(len, more), default=0)
    return len(run) * len(more) <= _MAX_EXACT and longest <= MAX_LITERAL
