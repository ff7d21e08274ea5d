"""Text that a rule's own classes make as slow as can be, and how fast RE2 still is on it.

RE2 is linear, but one byte can cost microseconds: `a[ab]{1000}c` on text of a and b runs at 0.12 MB/s. No program size tells,
so each pattern is run.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import re2

from detector.core.ruleset.chars import ALL_ASCII, Beyond
from detector.core.ruleset.pattern_faults import options
from detector.core.ruleset.syntax import Alt, Chars, Edge, Node, Repeat, Seq, parse

TEXT_BYTES = 16 << 10
_LONGEST_SAMPLE = 4000
_MOST_CLASSES = 12
_MOST_RUNS = 4


def slowest_rate(pattern: str) -> float:
    """Megabytes a second of CPU time on the worst of the hostile texts; the pattern is one that RE2 takes."""
    compiled = re2.compile(pattern, options())
    compiled.search("warm")
    return min((_rate(compiled, text.encode()[:TEXT_BYTES]) for text in hostile_texts(pattern)), default=1e3)


def hostile_texts(pattern: str) -> Iterator[str]:
    """Near matches without their end, one after another; and for each repeated class random text of few of its characters
    and of the texts in the pattern that the class could take: each starts a match anew inside another."""
    tree = parse(pattern).tree
    chance = random.Random(7)
    near = sample(tree, chance)[:-1][:_LONGEST_SAMPLE] or "x"
    yield near * (TEXT_BYTES // len(near.encode()) + 1)
    nodes = list(_walk(tree))
    written = {node.char for node in nodes if isinstance(node, Chars) and node.char}
    runs = [run for node in nodes if isinstance(node, Seq) for run in _runs(node)]
    repeated = [node.part for node in nodes if isinstance(node, Repeat) and isinstance(node.part, Chars)]
    for chars in list(dict.fromkeys(repeated))[:_MOST_CLASSES]:
        taken = [run for run in runs if all(char in chars.set if char.isascii() else chars.set.beyond for char in run)]
        alphabet = _few_of(chars, written) + taken[:_MOST_RUNS]
        yield "".join(chance.choices(alphabet, k=TEXT_BYTES))


def _runs(node: Seq) -> list[str]:
    """The texts of several characters that a sequence writes as they are."""
    written = "".join(part.char if isinstance(part, Chars) and part.char else "\n" for part in node.parts)
    return [run for run in written.split("\n") if len(run) > 1]


def sample(node: Node, chance: random.Random) -> str:
    """A text that the tree matches, edges apart; repeats are drawn short."""
    if isinstance(node, Chars):
        return node.char or chance.choice(_few_of(node, set()))
    if isinstance(node, Edge):
        return ""
    if isinstance(node, Seq):
        return "".join(sample(part, chance) for part in node.parts)
    if isinstance(node, Alt):
        return sample(chance.choice(node.branches), chance)
    most = min(node.low + 3, node.high if node.high is not None else node.low + 3)
    times = chance.randint(min(node.low, most), most)
    return "".join(sample(node.part, chance) for _ in range(min(times, _LONGEST_SAMPLE)))[:_LONGEST_SAMPLE]


def _few_of(chars: Chars, written: set[str]) -> list[str]:
    codes = [chr(code) for code in chars.set.codes() if 32 <= code < 127] or [chr(code) for code in chars.set.codes()]
    shared = [char for char in codes if char in written]
    others = [char for char in codes if char not in written and char.isalnum()] or [char for char in codes if char not in written]
    few = shared[:2] + others[: 2 - min(len(shared), 1)]
    if chars.set.beyond == Beyond.ANY and chars.set.ascii != ALL_ASCII:
        few.append("é")
    return few or ["é"]


def _walk(node: Node) -> Iterator[Node]:
    yield node
    children = node.parts if isinstance(node, Seq) else node.branches if isinstance(node, Alt) else ()
    for child in (node.part,) if isinstance(node, Repeat) else children:
        yield from _walk(child)


def _rate(compiled: re2._Regexp, text: bytes) -> float:
    """The better of two runs: the first may have to build the automaton."""
    best = 1e-9
    for _ in range(2):
        begin = time.thread_time()
        compiled.search(text)
        best = max(best, len(text) / max(time.thread_time() - begin, 1e-6) / 1e6)
    return best
