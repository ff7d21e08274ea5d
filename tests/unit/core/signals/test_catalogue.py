"""Signal files: read whole, or every fault at once."""

import pytest

from detector.core.signals.catalogue import SignalFile, load_signals, read_signal
from detector.core.signals.selectors import Match, names_of, selector_of
from detector.errors import BadInput, BadRules

GOOD = """title: t
kind: share
unit: ratio
direction: up
acceptable: "+0.1pp"
limit: 0.3%
origin: ours
from:
  - {family: f, seen: documentation, make: share, of: 'a{x=~"5.."}', over: a}
"""


def read(text, place="application/one"):
    return read_signal(SignalFile(place, "one.yaml", text))


def faults(text, place="application/one"):
    with pytest.raises(BadInput) as bad:
        read(text, place)
    return [str(fault) for fault in bad.value.faults]


def test_a_file_becomes_a_definition_with_defaults():
    """The layer is the folder; a limit in % of a ratio is a share of 1."""
    signal = read(GOOD)
    assert (signal.layer, signal.limit, signal.is_required, signal.span_s) == ("application", 0.003, True, 900.0)
    assert signal.families[0].of.matches == (Match("x", "=~", "5.."),)


def test_every_fault_is_told_at_once_with_its_line():
    """Of fields, of a family, and of what is missing."""
    text = GOOD.replace("kind: share", "kind: shar").replace("limit: 0.3%", "limit: high").replace("over: a", "fold: most")
    told = faults(text.replace("title: t\n", "titel: t\n"))
    assert [line.split(": ", 2)[:2] for line in told] == [
        ["one.yaml:1", "titel"],
        ["one.yaml:1", "title"],
        ["one.yaml:2", "kind"],
        ["one.yaml:6", "limit"],
        ["one.yaml:9", "from.0.fold"],
    ]


def test_what_a_number_is_made_of_must_be_there():
    """And nothing that it is not made of."""
    assert "from.0.over: is missing; `make: share` needs it" in faults(GOOD.replace(", over: a", ""))[0]
    assert "does not go with `make: share`" in faults(GOOD.replace("over: a", "over: a, signals: [b]"))[0]


def test_a_folder_is_a_layer_and_a_derived_signal_names_one_that_exists():
    """Both are told."""
    assert "its folder is its layer" in faults(GOOD, "kitchen/one")[0]
    derived = "{family: d, seen: documentation, make: spikes, signals: [application/two]}"
    text = GOOD[: GOOD.index("  - ")] + f"  - {derived}\n"
    with pytest.raises(BadRules, match="unknown signal 'application/two'; did you mean 'application/one'"):
        load_signals([SignalFile("application/one", "one.yaml", text)])


@pytest.mark.parametrize("text", ["", "a{", "a{x}", "a{x=y}", 'a{x=~"("}', 'a{x="y"} > z', 'a{x="y";}', "a b", "9a", "a" * 5000])
def test_what_is_no_selector_is_refused_in_words(text):
    """Never an exception of another kind."""
    with pytest.raises(ValueError, match=r"write|pattern"):
        selector_of(text)


def test_a_selector_matches_as_in_prometheus():
    """A whole value; a label that is not there is empty."""
    selector = selector_of('a{x=~"5..", y!="", z!~"a|b"} > -1')
    assert selector.above == -1
    assert selector.accepts({"x": "503", "y": "1"})
    assert not selector.accepts({"x": "5033", "y": "1"})
    assert not selector.accepts({"x": "503"})
    assert not selector.accepts({"x": "503", "y": "1", "z": "b"})


def test_names_of_otlp_are_known_as_prometheus_writes_them():
    """Dots, unit, and the end of a counter."""
    assert "http_server_request_duration_seconds" in names_of("http.server.request.duration", "s")
    assert "redis_keys_evicted_total" in names_of("redis.keys.evicted", "{key}")
    assert names_of("up", "") == ("up",)
