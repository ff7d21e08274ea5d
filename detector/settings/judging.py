"""Which golden signals there are, when the judge is asked about them, and where the time before a change is looked for."""

# ruff: noqa: RUF009   say() is what makes a field

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from detector.settings.scraping import credential_problems, url_problem
from detector.settings.values import Secret, Size, say

if TYPE_CHECKING:
    from detector.settings.tree import Settings

Problem = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SignalSettings:
    paths: tuple[str, ...] = say("Folders of signals of your own, read after the built-in ones; the same id replaces.", ())
    builtin: bool = say("Whether the built-in signals are used.", True)
    without: tuple[str, ...] = say("Signals that are neither kept nor judged.", ())
    max_series: int = say(
        "More series than this are not taken in; those that are known go on.", 100_000, minimum=100, maximum=1_000_000
    )
    wait: timedelta = say(
        "How long steps wait at the start and when time jumps, and for a stream that brings nothing more.",
        timedelta(seconds=10),
        minimum=timedelta(0),
        maximum=timedelta(seconds=60),
    )


@dataclass(frozen=True, slots=True)
class PrometheusSettings:
    """A server whose query API knows how it was before."""

    url: str | None = say("Base address; none: it is not asked.", None)
    labels: tuple[tuple[str, str], ...] = say("Labels that every series must have, as namespace: shop.", ())
    token: Secret | None = say("Sent as `Authorization: Bearer`.", None)
    username: str | None = say("The user, for basic authentication.", None)
    password: Secret | None = say("Its password.", None)
    ca_file: str | None = say("CA bundle to trust instead of the built-in one.", None)
    cert_file: str | None = say("Our certificate, where the server asks for one.", None)
    key_file: str | None = say("Its key.", None)
    timeout: timedelta = say(
        "How long one question may take.",
        timedelta(seconds=30),
        minimum=timedelta(milliseconds=100),
        maximum=timedelta(minutes=10),
    )


@dataclass(frozen=True, slots=True)
class VerdictSettings:
    """Places of the before are asked in the order in which they stand here; Elasticsearch, by the section of that name, is the
    second."""

    enabled: bool = say("Whether the signals of a service are judged after each of its changes.", False)
    window: timedelta = say(
        "How long one window after the change is.",
        timedelta(minutes=15),
        minimum=timedelta(seconds=1),
        maximum=timedelta(hours=24),
    )
    windows: int = say("So many windows are judged at most.", 12, minimum=1, maximum=96)
    lateness: timedelta = say(
        "So long after its end a window is judged: by then its values have come, also those of a scrape a minute.",
        timedelta(seconds=150),  # a step closes when others are 75 s ahead; then the next scrape, and a hold of 5 s
        minimum=timedelta(0),
        maximum=timedelta(hours=1),
    )
    span: timedelta = say(
        "How much time before the change is looked at: 24h for bursts and load waves, 14d for a week's rhythm.",
        timedelta(hours=24),
        minimum=timedelta(minutes=1),
        maximum=timedelta(days=14),
    )
    prometheus: PrometheusSettings = say("First place: a Prometheus.", PrometheusSettings())
    baseline_files: tuple[str, ...] = say("Third place: mounted files that `trimwatch baseline export` wrote.", ())
    own_history: bool = say("Fourth place: our own store, where store.path outlives the pod that is replaced.", False)
    timeout: timedelta = say(
        "The judge process is ended after so long.",
        timedelta(minutes=2),
        minimum=timedelta(seconds=5),
        maximum=timedelta(hours=1),
    )
    memory: Size = say("It may take so much memory.", Size(512 << 20), minimum=Size(256 << 20).bytes)


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """Golden signals that leave their course while nothing was changed."""

    enabled: bool = say("Whether signals are watched between changes.", False)
    every: timedelta = say(
        "How often the worker process looks.", timedelta(minutes=15), minimum=timedelta(seconds=1), maximum=timedelta(hours=6)
    )
    span: timedelta = say(
        "How much of the past it reads: below 30h nothing is known well enough to alarm, a day's rhythm takes 4d.",
        timedelta(days=7),
        minimum=timedelta(minutes=1),
        maximum=timedelta(days=14),
    )
    quiet: timedelta = say(
        "A signal that alarmed does not alarm again for so long.", timedelta(hours=1), minimum=timedelta(seconds=1)
    )


def judging_problems(settings: Settings) -> Iterator[Problem]:
    """(path of the field, problem) pairs."""
    verdicts, server = settings.verdicts, settings.verdicts.prometheus
    if server.url is not None:
        if problem := url_problem(server.url):
            yield "verdicts.prometheus.url", problem
        elif "?" in server.url:
            yield "verdicts.prometheus.url", "the address of a Prometheus ends with its path"
        for field, problem in credential_problems(server, [server.url]):
            yield f"verdicts.prometheus.{field}", problem
    is_somewhere = server.url is not None or settings.elasticsearch.urls or verdicts.baseline_files or verdicts.own_history
    if verdicts.enabled and not is_somewhere:
        yield (
            "verdicts.enabled",
            "needs to know where the before comes from, since a trim replaces the pod: verdicts.prometheus.url, "
            "elasticsearch.urls, verdicts.baseline_files, or verdicts.own_history where store.path outlives the pod",
        )
