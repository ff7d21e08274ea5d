"""A baseline survives its file whatever it holds, has one hash, and no changed file is taken for it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.signals import baseline_file
from detector.core.signals.baseline import Baseline, BaselineSignal, canonical, digest_of
from detector.core.signals.baseline_file import ChangedBaseline, read_file, write_file

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUE = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-1000, 1000).map(float))


@st.composite
def baselines(draw: st.DrawFn) -> Baseline:
    cells, step_ms = draw(st.integers(1, 30)), draw(st.integers(1, 60_000))
    signal = st.builds(
        BaselineSignal,
        TEXT,
        TEXT,
        TEXT,
        st.lists(VALUE, min_size=cells, max_size=cells).map(tuple),
        st.lists(st.floats(0, 1e9), min_size=cells, max_size=cells).map(tuple),
    )
    begin_ms = draw(st.integers(0, 1 << 45))
    signals = tuple(draw(st.lists(signal, min_size=1, max_size=4)))
    version, made_ms = draw(st.integers(1, 1000)), draw(st.integers(0, 1 << 45))
    return Baseline(draw(TEXT), version, draw(TEXT), draw(TEXT), made_ms, begin_ms, begin_ms + cells * step_ms, step_ms, signals)


@settings(max_examples=150, deadline=None)
@given(baselines(), st.booleans())
def test_a_file_gives_back_what_was_written(given_one: Baseline, is_packed: bool) -> None:
    """Readable or packed, equal in every field and in its hash, and the same bytes each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baseline_file, "READABLE_BYTES", 0 if is_packed else 1 << 30)
        file = write_file(given_one)
        assert write_file(given_one) == file
    got = read_file("x", file)
    assert got == given_one
    assert digest_of(got) == digest_of(given_one)


@settings(max_examples=150, deadline=None)
@given(baselines(), st.data())
def test_another_writer_of_the_same_json_changes_nothing(given_one: Baseline, data: st.DataObject) -> None:
    """Keys in another order, blanks, whole numbers without their point: the hash is of what it says, not of how."""
    found = json.loads(write_file(given_one))
    content = found["content"]
    for signal in content["signals"]:
        signal["evidence"] = [int(value) if value.is_integer() else value for value in signal["evidence"]]
    found["content"] = {name: content[name] for name in data.draw(st.permutations(sorted(content)))}
    assert read_file("x", json.dumps(found, indent=2).encode()) == given_one


@settings(max_examples=300, deadline=None)
@given(baselines(), st.data())
def test_a_changed_file_is_refused_or_says_the_same(given_one: Baseline, data: st.DataObject) -> None:
    """Any byte, anywhere: what is read is what was exported, or nothing is."""
    file = bytearray(write_file(given_one))
    file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        assert canonical(read_file("x", bytes(file))) == canonical(given_one)


@settings(max_examples=50, deadline=None)
@given(baselines())
def test_a_value_that_was_touched_is_named_a_change(given_one: Baseline) -> None:
    """The words say so, with both hashes."""
    found = json.loads(write_file(given_one))
    found["content"]["version"] += 1
    with pytest.raises(ChangedBaseline, match="changed after it was made"):
        read_file("x", json.dumps(found).encode())
    assert digest_of(replace(given_one, version=given_one.version + 1)) != digest_of(given_one)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.binary(max_size=100), st.recursive(VALUE | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)))
)
def test_a_foreign_file_is_refused_with_words(foreign: object) -> None:
    file = foreign if isinstance(foreign, bytes) else json.dumps({"kind": "baseline", "content": foreign}).encode()
    with pytest.raises(ValueError, match=r"^x: "):
        read_file("x", file)
