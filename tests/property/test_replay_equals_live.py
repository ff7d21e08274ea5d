"""The same bytes, however they arrive, give the same findings and incidents."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.engine.engine import Engine
from detector.core.engine.novelty import Novelty
from detector.core.engine.scan import pattern_table
from detector.core.incidents.lifecycle import Incidents
from detector.core.pipeline import Clock, Pipeline
from detector.edges.rule_files import builtin_folder
from detector.edges.scan_cache import default_folder, open_scanner
from detector.records import Batch, Stream
from detector.rule_loading import read_rules
from detector.settings import IncidentSettings, RuleSettings

OBSERVED_MS = 1_795_000_000_000
NOISE = b"2026-11-24T10:00:00.000Z  INFO 1 --- [main] shop.Cart : added an item\n"


@lru_cache(maxsize=1)
def parts():
    rules = read_rules(RuleSettings())
    table = pattern_table(rules)
    return rules, table, open_scanner(table, default_folder()).scanner


@lru_cache(maxsize=1)
def events() -> list[bytes]:
    """The sample lines of every rule, an event each as far as blank lines tell, and noise."""
    found = [NOISE]
    for path in sorted(Path(builtin_folder()).glob("*/*.match.log")):
        lines = [line for line in path.read_bytes().splitlines() if not line.startswith(b"# ")]
        found += [block + b"\n" for block in b"\n".join(lines).split(b"\n\n") if block.strip()]
    return found


def batches(body: bytes, cuts: list[int]):
    """The body in runs of whole lines, cut after the lines that the numbers choose."""
    ends = [i + 1 for i, byte in enumerate(body) if byte == 10]
    chosen = sorted({ends[cut % len(ends)] for cut in cuts} | {len(body)})
    stream = Stream("s", "app.log", "shop")
    begin = 0
    for end in chosen:
        if end > begin:
            yield Batch(stream, bytearray(body[begin:end]), 0, end - begin, begin, OBSERVED_MS, ends=end == len(body))
            begin = end


def pipeline() -> Pipeline:
    rules, table, scanner = parts()
    every = 1 << 62  # which of them a checkpoint keeps depends on where it was made
    return Pipeline(Engine(rules, scanner, table), Incidents(IncidentSettings()), Novelty(), Clock.EVENT, every)


def judged(runs):
    one = pipeline()
    findings = []
    for batch in runs:
        one.take(batch)
        findings += one.checkpoint(0).findings
    one.end()
    last = one.checkpoint(0)
    return [*findings, *last.findings], one.incidents()


@settings(max_examples=60, deadline=None)
@given(
    chosen=st.lists(st.integers(0, 10_000), min_size=1, max_size=40),
    cuts=st.lists(st.integers(0, 10_000), max_size=25),
)
def test_any_cut_into_batches_gives_the_same_findings(chosen, cuts):
    """Findings and incidents of arbitrary batches equal those of one piece, byte for byte."""
    body = b"".join(events()[number % len(events())] for number in chosen)
    assert judged(batches(body, cuts)) == judged(batches(body, []))


@settings(max_examples=60, deadline=None)
@given(
    chosen=st.lists(st.integers(0, 10_000), min_size=1, max_size=40),
    cuts=st.lists(st.integers(0, 10_000), min_size=1, max_size=10),
    dies_after=st.integers(0, 10),
)
def test_a_restart_between_two_batches_changes_nothing(chosen, cuts, dies_after):
    """What was checkpointed plus what is read again from the position gives the same findings, none twice."""
    body = b"".join(events()[number % len(events())] for number in chosen)
    whole, _ = judged(batches(body, []))
    first, findings, state, offset = pipeline(), [], {}, 0
    for number, batch in enumerate(batches(body, cuts)):
        if number > dies_after or batch.ends:
            break
        first.take(batch)
        checkpoint = first.checkpoint(0)
        findings += checkpoint.findings
        state.update(dict(checkpoint.state))
        offset = checkpoint.positions[0].offset
    second = pipeline()
    second.restore({key: value for key, value in state.items() if value is not None}, [])
    rest = body[offset:]
    if rest:
        stream = Stream("s", "app.log", "shop")
        second.take(Batch(stream, bytearray(rest), 0, len(rest), offset, OBSERVED_MS, ends=True))
    second.end()
    findings += second.checkpoint(0).findings
    assert findings == whole


@pytest.mark.parametrize("size", [1, 7, 64])
def test_samples_of_every_rule_in_small_batches(size):
    """All sample events after one another, in batches of so many lines."""
    body = b"".join(events())
    cuts = range(0, body.count(b"\n"), size)
    assert judged(batches(body, list(cuts))) == judged(batches(body, []))
