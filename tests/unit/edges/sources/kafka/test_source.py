"""How a source of Kafka asks for its topics."""

from __future__ import annotations

import re

import pytest

from detector.edges.sources.kafka.source import whole_names


@pytest.mark.parametrize(
    ("pattern", "topic", "is_wanted"),
    [
        ("app-.*", "app-logs", True),
        ("app", "app-logs", False),
        ("a|app", "app", True),
        ("a|app", "apple", False),
        ("(?i)APP-.*", "app-logs", True),
        ("(?i)(?s)app", "App", True),
        ("(?i:APP)-logs", "app-logs", True),
        ("(?x) app - .*  # ours", "app-logs", True),
        ("(?x) app # ours", "app-logs", False),
    ],
)
def test_a_pattern_means_whole_names_whatever_flags_it_begins_with(pattern: str, topic: str, *, is_wanted: bool) -> None:
    """What the settings take as an expression is one to the client too, which matches beginnings."""
    re.compile(pattern)
    assert bool(re.compile(whole_names(pattern)).match(topic)) is is_wanted
