"""Receivers of alerts. Standing in SINKS is what makes a sink configurable and what makes the contract tests run on it."""

from __future__ import annotations

from importlib import import_module

from detector.edges.sinks.base import Sink
from detector.records import Receiver
from detector.settings import SinkSettings, SlackSinkSettings

SINKS = {
    "stdout": "detector.edges.sinks.stdout:StdoutSink",
    "webhook": "detector.edges.sinks.webhook:WebhookSink",
    "pagerduty": "detector.edges.sinks.pagerduty:PagerDutySink",
    "alertmanager": "detector.edges.sinks.alertmanager:AlertmanagerSink",
    "slack": "detector.edges.sinks.slack:SlackSink",
    "apprise": "detector.edges.sinks.apprise:AppriseSink",
    "kafka": "detector.edges.sinks.kafka:KafkaSink",
}


def sink_for(settings: SinkSettings) -> Sink:
    """The sink the settings ask for, not yet open; imports its module. Raises ValueError for an address that is no URL, without
    repeating it (`problems_of` finds the same beforehand)."""
    module, _, name = SINKS[settings.type].partition(":")
    sink: Sink = getattr(import_module(module), name)(settings)
    return sink


def receiver_for(settings: SinkSettings) -> Receiver:
    """What the sink wants to hear. Where a message cannot be updated, an update would be one more message."""
    is_updatable = not (
        settings.type == "apprise" or (isinstance(settings, SlackSinkSettings) and settings.webhook_url is not None)
    )
    return Receiver(settings.name, settings.min_severity, wants_updates=is_updatable)
