"""Our own metrics, under the names that deploy/ and its alerts rely on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import generate_latest

from detector import __version__
from detector.records import Counts, IncidentState
from detector.telemetry.health import Health, Trouble

_SEND_BUCKETS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Waiting(Protocol):
    """How many alerts a receiver is owed, and since when the oldest waits."""

    @property
    def receiver(self) -> str: ...
    @property
    def pending(self) -> int: ...
    @property
    def oldest_ms(self) -> int: ...


class Metrics:
    """Our own metrics, on a registry of their own. Labels are names from settings and rules, never text from a log."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Gauge("trimwatch_build_info", "Which release runs.", ["version"], registry=registry).labels(__version__).set(1)
        self._source = {
            "bytes": Counter("trimwatch_source_bytes", "Bytes read.", ["source"], registry=registry),
            "lines": Counter("trimwatch_source_lines", "Lines read.", ["source"], registry=registry),
            "lost_bytes": Counter(
                "trimwatch_source_lost_bytes", "Bytes that nobody will ever judge.", ["source"], registry=registry
            ),
            "late": Counter("trimwatch_source_late", "Events behind the watermark.", ["source"], registry=registry),
            "cut_lines": Counter("trimwatch_source_cut_lines", "Lines longer than a line may be.", ["source"], registry=registry),
            "dead_letters": Counter("trimwatch_source_dead_letters", "Records we could not use.", ["source"], registry=registry),
            "repaired": Counter(
                "trimwatch_source_repaired", "Records that were mended to be read.", ["source"], registry=registry
            ),
        }
        self._lag = Gauge("trimwatch_source_lag_seconds", "How far behind we are.", ["source"], registry=registry)
        self._events = Counter("trimwatch_events", "Events that were decoded.", registry=registry)
        self._findings = Counter("trimwatch_findings", "Hits whose rule is complete.", registry=registry)
        self._rule_hits = Counter("trimwatch_rule_hits", "Confirmed candidates.", ["rule"], registry=registry)
        self._rule_seconds = Counter("trimwatch_rule_seconds", "Time spent on confirming.", ["rule"], registry=registry)
        self._rules = Gauge("trimwatch_rules", "Rules by state.", ["state"], registry=registry)
        self._incidents = Gauge("trimwatch_incidents", "Incidents by state.", ["state"], registry=registry)
        self._config_hash = Gauge("trimwatch_config_hash", "Hash of the settings and rules in use.", registry=registry)
        self._reload_good = Gauge(
            "trimwatch_config_last_reload_successful", "Whether the last reload was taken.", registry=registry
        )
        self._reload_time = Gauge(
            "trimwatch_config_last_reload_success_timestamp_seconds", "When the settings in use were taken.", registry=registry
        )
        self._pending = Gauge("trimwatch_outbox_pending", "Alerts that are owed.", ["sink"], registry=registry)
        self._oldest = Gauge("trimwatch_outbox_oldest_seconds", "How long the oldest has been owed.", ["sink"], registry=registry)
        self._sent = Counter("trimwatch_notifications", "Attempts to tell a receiver.", ["sink"], registry=registry)
        self._failed = Counter("trimwatch_notifications_failed", "Attempts that failed.", ["sink", "reason"], registry=registry)
        self._given_up = Counter("trimwatch_notifications_given_up", "Alerts never tried again.", ["sink"], registry=registry)
        self._latency = Histogram(
            "trimwatch_notification_latency_seconds", "One attempt.", ["sink"], buckets=_SEND_BUCKETS_S, registry=registry
        )
        self._store_bytes = Gauge("trimwatch_store_bytes", "Size of the database on disk.", registry=registry)
        self._store_errors = Counter("trimwatch_store_errors", "Writes that the store could not take.", registry=registry)
        self._trouble = Gauge("trimwatch_trouble", "Whether something is wrong, see /healthz.", ["trouble"], registry=registry)
        for name in Trouble:
            self._trouble.labels(name.value).set(0)

    def counted(self, source: str, counts: Counts) -> None:
        """Adds what went by since the last call."""
        for name, counter in self._source.items():
            counter.labels(source).inc(getattr(counts, name))
        self._events.inc(counts.events)
        self._findings.inc(counts.findings)
        for rule, hits in counts.rule_hits.items():
            self._rule_hits.labels(rule).inc(hits)

    def source_lag(self, source: str, seconds: float) -> None:
        self._lag.labels(source).set(seconds)

    def rule_cost(self, rule: str, seconds: float) -> None:
        """Adds the time that a rule took."""
        self._rule_seconds.labels(rule).inc(seconds)

    def rules(self, by_state: Mapping[str, int]) -> None:
        """How many rules are on, shadow, quarantined."""
        for state, count in by_state.items():
            self._rules.labels(state).set(count)

    def incidents(self, counts: Mapping[IncidentState, int]) -> None:
        for state in IncidentState:
            self._incidents.labels(state.value).set(counts.get(state, 0))

    def reloaded(self, config_hash: str, now_ms: int) -> None:
        """New settings and rules are in use; `config_hash` is hexadecimal."""
        self._config_hash.set(int(config_hash[:12] or "0", 16))
        self._reload_good.set(1)
        self._reload_time.set(now_ms / 1000)

    def reload_failed(self) -> None:
        """The old generation stays."""
        self._reload_good.set(0)

    def outbox(self, backlog: Iterable[Waiting], now_ms: int) -> None:
        """What every receiver is owed; one that is not named is owed nothing."""
        self._pending.clear()
        self._oldest.clear()
        for each in backlog:
            self._pending.labels(each.receiver).set(each.pending)
            self._oldest.labels(each.receiver).set(max(0, now_ms - each.oldest_ms) / 1000)

    def notified(self, sink: str, seconds: float) -> None:
        self._sent.labels(sink).inc()
        self._latency.labels(sink).observe(seconds)

    def notification_failed(self, sink: str, reason: str) -> None:
        """`reason` is a word of SinkError."""
        self._sent.labels(sink).inc()
        self._failed.labels(sink, reason).inc()

    def notification_given_up(self, sink: str) -> None:
        self._given_up.labels(sink).inc()

    def store_size(self, size_bytes: int) -> None:
        self._store_bytes.set(size_bytes)

    def store_failed(self) -> None:
        self._store_errors.inc()

    def health(self, health: Health) -> None:
        """Takes over which troubles there are."""
        present = {report.trouble for report in health.reports()}
        for trouble in Trouble:
            self._trouble.labels(trouble.value).set(trouble in present)

    def exposition(self) -> bytes:
        """The text format, version 0.0.4."""
        return generate_latest(self.registry)
