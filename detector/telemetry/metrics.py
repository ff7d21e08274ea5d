"""Our own metrics, under the names that deploy/ and its alerts rely on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from detector import __version__
from detector.records import Counts, IncidentState, Judged
from detector.telemetry.health import Health, Trouble
from detector.telemetry.process import ProcessFigures
from detector.telemetry.registry import Registry
from detector.telemetry.signal_metrics import SignalMetrics

_SEND_BUCKETS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_JUDGE_BUCKETS_S = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 600)


class Waiting(Protocol):
    """How many alerts a receiver is owed, and since when the oldest waits."""

    @property
    def receiver(self) -> str: ...
    @property
    def pending(self) -> int: ...
    @property
    def oldest_ms(self) -> int: ...


class FeedWaiting(Protocol):
    """How many documents a consumer of the feed has still to take, and since when the oldest waits."""

    @property
    def consumer(self) -> str: ...
    @property
    def pending(self) -> int: ...
    @property
    def oldest_ms(self) -> int: ...


class Metrics:
    """Our own metrics, on a registry of its own. Labels are names from settings and rules, never text from a log."""

    def __init__(self) -> None:
        self.registry = registry = Registry()
        counter, gauge = registry.counter, registry.gauge
        self._process = ProcessFigures(registry)
        self.signals = SignalMetrics(registry)
        gauge("trimwatch_build_info", "Which release runs.", "version").set(1, __version__)
        self._source = {
            "bytes": counter("trimwatch_source_bytes_total", "Bytes read.", "source"),
            "lines": counter("trimwatch_source_lines_total", "Lines read.", "source"),
            "lost_bytes": counter("trimwatch_source_lost_bytes_total", "Bytes that nobody will ever judge.", "source"),
            "lost_records": counter("trimwatch_source_lost_records_total", "Records that nobody will ever judge.", "source"),
            "points": counter("trimwatch_source_points_total", "Metric points read.", "source"),
            "late": counter("trimwatch_source_late_total", "Events behind the watermark.", "source"),
            "cut_lines": counter("trimwatch_source_cut_lines_total", "Lines longer than a line may be.", "source"),
            "dead_letters": counter("trimwatch_source_dead_letters_total", "Records we could not use.", "source"),
            "repaired": counter("trimwatch_source_repaired_total", "Records that were mended to be read.", "source"),
        }
        self._lag = gauge("trimwatch_source_lag_seconds", "How far behind we are.", "source")
        self._events = counter("trimwatch_events_total", "Events that were decoded.")
        self._findings = counter("trimwatch_findings_total", "Hits whose rule is complete.")
        self._rule_hits = counter("trimwatch_rule_hits_total", "Confirmed candidates.", "rule")
        self._rule_seconds = counter("trimwatch_rule_seconds_total", "Time spent on confirming.", "rule")
        self._rules = gauge("trimwatch_rules", "Rules by state.", "state")
        self._incidents = gauge("trimwatch_incidents", "Incidents by state.", "state")
        self._config_hash = gauge("trimwatch_config_hash", "Hash of the settings and rules in use.")
        self._reload_good = gauge("trimwatch_config_last_reload_successful", "Whether the last reload was taken.")
        self._reload_time = gauge(
            "trimwatch_config_last_reload_success_timestamp_seconds", "When the settings in use were taken."
        )
        self._pending = gauge("trimwatch_outbox_pending", "Alerts that are owed.", "sink")
        self._oldest = gauge("trimwatch_outbox_oldest_seconds", "How long the oldest has been owed.", "sink")
        self._sent = counter("trimwatch_notifications_total", "Attempts to tell a receiver.", "sink")
        self._failed = counter("trimwatch_notifications_failed_total", "Attempts that failed.", "sink", "reason")
        self._given_up = counter("trimwatch_notifications_given_up_total", "Alerts never tried again.", "sink")
        self._agreed = counter("trimwatch_agreement_total", "Answers to whether an alert may leave.", "answer")
        self._latency = registry.histogram("trimwatch_notification_latency_seconds", "One attempt.", _SEND_BUCKETS_S, "sink")
        self._feed_pending = gauge("trimwatch_feed_pending", "Documents that a mirror or topic has still to take.", "consumer")
        self._feed_oldest = gauge("trimwatch_feed_oldest_seconds", "How long the oldest has waited.", "consumer")
        self._feed_taken = counter("trimwatch_feed_taken_total", "Documents that were taken.", "consumer")
        self._feed_refused = counter("trimwatch_feed_refused_total", "Documents that became dead letters.", "consumer")
        self._feed_failed = counter("trimwatch_feed_failed_total", "Batches that were not taken.", "consumer", "reason")
        self._feed_dropped = counter("trimwatch_feed_dropped_total", "Documents that no longer wait for anybody.", "kind")
        self._judge_runs = counter("trimwatch_judge_runs_total", "Runs of the judge process.", "what", "result")
        self._judge_seconds = registry.histogram("trimwatch_judge_seconds", "One run of it.", _JUDGE_BUCKETS_S, "what")
        self._judge_waiting = gauge("trimwatch_judge_waiting", "Requests that wait for the judge, or that it works on.")
        self._verdicts = counter("trimwatch_verdicts_total", "Verdicts on signals, of a window and of all windows.", "state")
        self._alarms = counter("trimwatch_alarms_total", "Alarms of signals between changes, told or not.")
        self._store_bytes = gauge("trimwatch_store_bytes", "Size of the database on disk.")
        self._store_errors = counter("trimwatch_store_errors_total", "Writes that the store could not take.")
        self._trouble = gauge("trimwatch_trouble", "Whether something is wrong, see /healthz.", "trouble")
        for name in Trouble:
            self._trouble.set(0, name.value)

    def counted(self, source: str, counts: Counts) -> None:
        """Adds what went by since the last call."""
        for name, counter in self._source.items():
            counter.add(getattr(counts, name), source)
        self._events.add(counts.events)
        self._findings.add(counts.findings)
        for rule, hits in counts.rule_hits.items():
            self._rule_hits.add(hits, rule)

    def source_lag(self, source: str, seconds: float) -> None:
        self._lag.set(seconds, source)

    def rule_cost(self, rule: str, seconds: float) -> None:
        """Adds the time that a rule took."""
        self._rule_seconds.add(seconds, rule)

    def rules(self, by_state: Mapping[str, int]) -> None:
        """How many rules are on, shadow, quarantined."""
        for state, count in by_state.items():
            self._rules.set(count, state)

    def incidents(self, counts: Mapping[IncidentState, int]) -> None:
        for state in IncidentState:
            self._incidents.set(counts.get(state, 0), state.value)

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
            self._pending.set(each.pending, each.receiver)
            self._oldest.set(max(0, now_ms - each.oldest_ms) / 1000, each.receiver)

    def notified(self, sink: str, seconds: float) -> None:
        self._sent.add(1, sink)
        self._latency.observe(seconds, sink)

    def notification_failed(self, sink: str, reason: str) -> None:
        """`reason` is a word of SinkError."""
        self._sent.add(1, sink)
        self._failed.add(1, sink, reason)

    def notification_given_up(self, sink: str) -> None:
        self._given_up.add(1, sink)

    def feed(self, backlog: Iterable[FeedWaiting], now_ms: int) -> None:
        """What every consumer of the feed has still to take."""
        self._feed_pending.clear()
        self._feed_oldest.clear()
        for each in backlog:
            self._feed_pending.set(each.pending, each.consumer)
            self._feed_oldest.set(max(0, now_ms - each.oldest_ms) / 1000 if each.pending else 0, each.consumer)

    def feed_taken(self, consumer: str, taken: int, refused: int) -> None:
        self._feed_taken.add(taken, consumer)
        self._feed_refused.add(refused, consumer)

    def feed_failed(self, consumer: str, reason: str) -> None:
        """`reason` is a word of SinkError."""
        self._feed_failed.add(1, consumer, reason)

    def feed_dropped(self, dropped: Mapping[str, int]) -> None:
        """So many of each kind."""
        for kind, count in dropped.items():
            self._feed_dropped.add(count, kind)

    def agreed(self, answer: str) -> None:
        """send, told (by another daemon), later, or alone: nobody could be asked."""
        self._agreed.add(1, answer)

    def judge_ran(self, what: str, seconds: float, *, has_answered: bool) -> None:
        """`what` is verdict or alarms."""
        self._judge_runs.add(1, what, "answered" if has_answered else "failed")
        self._judge_seconds.observe(seconds, what)

    def judge_waiting(self, requests: int) -> None:
        self._judge_waiting.set(requests)

    def judged(self, judged: Iterable[Judged]) -> None:
        """What the judge answered, and is written down."""
        for each in judged:
            for verdict in each.verdicts:
                self._verdicts.add(1, verdict.state.value)
            self._alarms.add(len(each.alarms))

    def store_size(self, size_bytes: int) -> None:
        self._store_bytes.set(size_bytes)

    def store_failed(self) -> None:
        self._store_errors.add(1)

    def health(self, health: Health) -> None:
        """Takes over which troubles there are."""
        present = {report.trouble for report in health.reports()}
        for trouble in Trouble:
            self._trouble.set(trouble in present, trouble.value)

    def exposition(self) -> bytes:
        """The text format, version 0.0.4."""
        self._process.refresh()
        return self.registry.exposition()
