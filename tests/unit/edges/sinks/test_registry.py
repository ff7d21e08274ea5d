"""Settings in, sinks out; and what is wrong with settings before anything is sent."""

from __future__ import annotations

from typing import get_args

import pytest

from detector.edges.sinks import SINKS, receiver_for, sink_for
from detector.edges.sinks.problems import problems_of
from detector.records import Severity
from detector.settings import AlertmanagerSinkSettings, Secret, SinkSettings, SlackSinkSettings, WebhookSinkSettings
from tests.contract.sink_cases import CASES, TIMEOUT, SinkCase


def test_every_kind_of_settings_has_its_sink() -> None:
    """And no sink stands there that no setting can name."""
    types = {
        get_args(cls.__dataclass_fields__["type"].type) or cls.__dataclass_fields__["type"].type for cls in get_args(SinkSettings)
    }
    assert {str(t).removeprefix("Literal['").removesuffix("']") for t in types} == {str(t) for t in SINKS}


@pytest.mark.parametrize(
    ("case", "wants_updates"),
    [
        ("stdout", True),
        ("webhook", True),
        ("pagerduty", True),
        ("alertmanager", True),
        ("slack", False),
        ("slack bot", True),
        ("apprise", False),
        ("kafka", True),
    ],
)
def test_who_cannot_update_a_message_hears_no_updates(case: str, wants_updates: bool) -> None:
    """An update would be one more message."""
    receiver = receiver_for(CASES[case].make("http://x", None, TIMEOUT))
    assert (receiver.wants_updates, receiver.wants_resolves, receiver.min_severity) == (wants_updates, True, Severity.WARNING)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_good_settings_have_no_problems(case: SinkCase) -> None:
    """What the contract tests run with is what `check` accepts, and sinks are made of it without touching the network."""
    settings = case.make("https://example.org", None, TIMEOUT)
    assert problems_of(settings) == []
    assert sink_for(settings).name == case.type


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        (SlackSinkSettings(type="slack"), ["webhook_url"]),
        (SlackSinkSettings(type="slack", webhook_url=Secret("https://x/y"), bot_token=Secret("t"), channel="C"), ["webhook_url"]),
        (SlackSinkSettings(type="slack", bot_token=Secret("t")), ["channel"]),
        (SlackSinkSettings(type="slack", webhook_url=Secret(file="/run/secrets/hook")), []),
        (AlertmanagerSinkSettings(type="alertmanager", urls=()), ["urls"]),
        (AlertmanagerSinkSettings(type="alertmanager", urls=("https://a", "b"), labels=(("a-b", "c"),)), ["urls", "labels"]),
        (AlertmanagerSinkSettings(type="alertmanager", urls=("https://a",), runbook_url="javascript:x"), ["runbook_url"]),
        (
            WebhookSinkSettings(type="webhook", url="https://a", headers=(("Host", "x"), ("A B", "x"), ("X", "a\nb"))),
            ["headers"] * 3,
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_field(settings: SinkSettings, fields: list[str]) -> None:
    """All at once, none of the values repeated."""
    assert [field for field, _ in problems_of(settings)] == fields
