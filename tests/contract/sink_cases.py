"""One case a registered sink: how to make it for a receiver at some address, and what that receiver says when all is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit

from detector.records import Alert, AlertAction, Cause, Evidence, Incident, IncidentState, Severity, Stage
from detector.settings import (
    AlertmanagerSinkSettings,
    AppriseSinkSettings,
    KafkaSinkSettings,
    PagerDutySinkSettings,
    Secret,
    SinkSettings,
    SlackSinkSettings,
    StdoutSinkSettings,
    WebhookSinkSettings,
)
from tests.contract.scripted_receiver import Play

NOW_MS = 1_764_026_600_000
SECRET = "c4nary-r0uting-key-8c1f"
TIMEOUT = timedelta(seconds=5)

INCIDENT = Incident(
    dedup_key="5f2c9a7be1d04c33",
    state=IncidentState.OPEN,
    severity=Severity.CRITICAL,
    service="orders",
    source="/var/log/orders.log",
    rule="jvm/class-not-found",
    title="A class that was trimmed away is loaded at run time",
    entity="jakarta.validation.Validator",
    entity_kind="class",
    stage=Stage.DEPENDENCY,
    first_seen_ms=NOW_MS - 60_000,
    last_seen_ms=NOW_MS - 1_000,
    count=17,
    fix="Put org.springframework.boot:spring-boot-starter-validation back.",
    evidence=(
        Evidence("/var/log/orders.log", "1024", 12, "java.lang.ClassNotFoundException: jakarta.validation.Validator"),
        Evidence("/var/log/orders.log", "2048", 31, "Caused by: java.lang.ClassNotFoundException: jakarta.validation.Validator"),
    ),
    cause=Cause(
        "spring-boot-starter-validation", "artifact", "trim-12", "<artifactId>spring-boot-starter-validation</artifactId>", 0.9
    ),
    roll_back_to="registry/orders:1.4",
    explanation="The shrinker saw no static use of the class.",
    tags=("bean_registration_failure",),
)
ALERT = Alert("pager", AlertAction.TRIGGER, INCIDENT, seq=1, at_ms=NOW_MS - 500)
UPDATE = replace(ALERT, action=AlertAction.UPDATE, seq=2)
RESOLVE = replace(ALERT, action=AlertAction.RESOLVE, seq=3, incident=replace(INCIDENT, state=IncidentState.RESOLVED))


@dataclass(frozen=True)
class SinkCase:
    """`make(url, ca_file, timeout)` gives settings for a receiver at `url`. `says_error` is an answer of 200 that means no, for
    the receivers that do so. `is_http`: our own HTTP client sends it. `is_kafka`: the url is kafka://host:port/topic."""

    type: str
    make: Callable[[str, str | None, timedelta], SinkSettings]
    ok: Play
    says_error: Play | None = None
    is_http: bool = True
    is_kafka: bool = False


def _webhook(url: str, ca_file: str | None, timeout: timedelta) -> SinkSettings:
    return WebhookSinkSettings(
        type="webhook", url=f"{url}/hook/{SECRET}", token=Secret(SECRET), timeout=timeout, ca_file=ca_file, allow_private=True
    )


def _pagerduty(url: str, ca_file: str | None, timeout: timedelta) -> SinkSettings:
    return PagerDutySinkSettings(
        type="pagerduty", routing_key=Secret(SECRET), url=f"{url}/v2/enqueue", timeout=timeout, allow_private=True
    )


def _alertmanager(url: str, ca_file: str | None, timeout: timedelta) -> SinkSettings:
    return AlertmanagerSinkSettings(
        type="alertmanager", urls=(url,), token=Secret(SECRET), timeout=timeout, ca_file=ca_file, allow_private=True
    )


def _slack(url: str, ca_file: str | None, timeout: timedelta) -> SinkSettings:
    return SlackSinkSettings(
        type="slack", webhook_url=Secret(f"{url}/services/T0/B0/{SECRET}"), timeout=timeout, allow_private=True
    )


def slack_bot(url: str, ca_file: str | None, timeout: timedelta) -> SinkSettings:
    return SlackSinkSettings(
        type="slack", bot_token=Secret(SECRET), channel="C0", api=f"{url}/api", timeout=timeout, allow_private=True
    )


def _apprise(url: str, ca_file: str | None, timeout: timedelta) -> SinkSettings:
    return AppriseSinkSettings(
        type="apprise", url=Secret(url.replace("http", "json") + f"/{SECRET}?rto=1&cto=1"), timeout=timeout
    )


def _stdout(url: str, ca_file: str | None, timeout: timedelta) -> SinkSettings:
    return StdoutSinkSettings(type="stdout")


def _kafka(url: str, ca_file: str | None, timeout: timedelta) -> SinkSettings:
    place = urlsplit(url)
    topic = place.path.strip("/") or "trimwatch-incidents"
    port = place.port or 9092
    return KafkaSinkSettings(
        type="kafka",
        servers=(f"{place.hostname}:{port}",),
        topic=topic,
        timeout=timeout,
        tls=ca_file is not None,
        ca_file=ca_file,
    )


_BOT_OK = Play(body=b'{"ok":true,"channel":"C0123","ts":"1503435956.000247"}')
CASES = {
    "stdout": SinkCase("stdout", _stdout, Play(), is_http=False),
    "webhook": SinkCase("webhook", _webhook, Play()),
    "pagerduty": SinkCase(
        "pagerduty",
        _pagerduty,
        Play(202, b'{"status":"success","message":"Event processed","dedup_key":"x"}'),
        Play(200, b'{"status":"invalid event","message":"Event object is invalid","errors":["x"]}'),
    ),
    "alertmanager": SinkCase("alertmanager", _alertmanager, Play()),
    "slack": SinkCase("slack", _slack, Play(body=b"ok"), Play(200, b"invalid_payload")),
    "slack bot": SinkCase("slack", slack_bot, _BOT_OK, Play(200, b'{"ok":false,"error":"channel_not_found"}')),
    "apprise": SinkCase("apprise", _apprise, Play(), is_http=False),
    "kafka": SinkCase("kafka", _kafka, Play(), is_http=False, is_kafka=True),
}
HTTP_CASES = {name: case for name, case in CASES.items() if case.is_http}
