"""Whether a Prometheus would tell us how services were, for `check --connect`: its clock, and what signals are made of."""

from __future__ import annotations

import time

from detector.core.signals.catalogue import load_signals
from detector.core.signals.whose import services
from detector.edges.http.client import Unanswered
from detector.edges.inspected import Inspected, Problem
from detector.edges.prometheus.answers import Refused
from detector.edges.prometheus.client import api_of
from detector.edges.prometheus.survey import clock_ms, survey
from detector.edges.signal_files import builtin_signal_files
from detector.settings.judging import PrometheusSettings

_MOST_SKEW_MS = 30_000
_SHOWN = 5


async def inspect_prometheus(settings: PrometheusSettings) -> Inspected:
    """Of the built-in signals; those of one's own are found when a change is judged."""
    api = api_of(settings)
    signals = load_signals(builtin_signal_files())
    try:
        now_ms = await clock_ms(api)
        ahead_ms = now_ms - time.time_ns() // 1_000_000
        found = services((await survey(api, signals, dict(settings.labels), now_ms)).rows, signals)
    except Unanswered as error:
        return Inspected(problems=(_unanswered(str(error)),))
    except Refused as error:
        return Inspected(problems=(_refused(error),))
    finally:
        api.close()
    problems: list[Problem] = []
    if abs(ahead_ms) > _MOST_SKEW_MS:
        way = "ahead of" if ahead_ms > 0 else "behind"
        problems.append(
            ("url", f"its clock is {abs(ahead_ms) / 1000:,.0f} s {way} ours: verdicts would be inconclusive; set both by NTP")
        )
    if not found:
        where = "labels" if settings.labels else "url"
        problems.append((where, "it has no series of the last hour that a signal is made of, by any name that is known"))
        return Inspected("it answers", tuple(problems))
    made = len({id_ for ids in found.values() for id_ in ids})
    told = ", ".join(f"{service} ({len(ids)})" for service, ids in list(found.items())[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more services" if len(found) > _SHOWN else ""
    return Inspected(f"series for {made} of {len(signals)} signals: {told}{more}", tuple(problems))


def _unanswered(words: str) -> Problem:
    """The setting that it is about, where the text begins with one."""
    field, _, rest = words.partition(": ")
    if field in ("token", "password", "ca_file", "cert_file", "key_file"):
        return field, rest
    return ("ca_file", words) if "its certificate is not trusted" in words else ("url", words)


def _refused(error: Refused) -> Problem:
    if error.status in (401, 403):
        return "token", f"{error}; give token, or username and password"
    return "url", str(error)
