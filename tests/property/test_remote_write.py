"""A series that is known is read by a shorter way: whatever it says, the same comes of it as when it was new."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.decode.metrics.remote_write import RemoteWrite
from tests.unit.core.decode.metrics import written

NOW = 1_700_000_000_000
times = st.one_of(st.integers(NOW, NOW + 20), st.integers(1, 1 << 47))
values = st.one_of(st.sampled_from([0.0, 1.0, -0.0, math.nan, math.inf, written.STALE]), st.floats(allow_nan=False))
# What looks like a sample on the wire stands in labels, too.
texts = st.one_of(st.text(max_size=6), st.sampled_from(["\x12\x07\x10", "\x12\x10\x09" + "a" * 8 + "\x10", "a" * 130]))
labels = st.dictionaries(st.sampled_from("abc"), texts.filter(bool), max_size=3)
rows = st.lists(st.tuples(st.sampled_from(["up", "x"]), labels, st.lists(st.tuples(values, times), max_size=4)), max_size=6)


def told(points):
    return [(each.name, each.labels, repr(each.value), each.time_ms) for each in points]


@settings(max_examples=200, deadline=None)
@given(st.lists(rows, min_size=1, max_size=3), st.booleans())
def test_known_or_new(requests, is_second):
    decoder = RemoteWrite()
    for _ in range(2):
        for request in requests:
            series = [(sorted({"__name__": name, **own}.items()), samples) for name, own, samples in request]
            found = decoder.second(written.second(series)) if is_second else decoder.first(written.first(series))
            expected = [
                (name, tuple(sorted(own.items())), _shown(value), time_ms)
                for name, own, samples in request
                for value, time_ms in samples
            ]
            assert told(found.points) == expected
            assert (found.samples, found.refused) == (len(expected), 0)


def _shown(value):
    is_stale = written.double(1, value) == written.double(1, written.STALE)
    return repr(None if is_stale else value)
