"""Incidents about ourselves: what we could not do is told like any other failure, under the service `trimwatch`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from detector.core.incidents.grouping import Report
from detector.records import Entity, Evidence, Finding, LostRange, Severity, Stage, Stream, TimeFrom

SERVICE = "trimwatch"
_FIX_BYTES = "Rotate by rename instead of copytruncate, keep rotated files longer, or give the daemon more CPU."
_FIX_TOPIC = "Keep records longer (retention), or give the daemon more CPU; a topic that was made again is read from its start."
_FIX_INDEX = "Raise the source's `late` above what documents take to become visible, and give each the field that orders them."


def lost_range(lost: LostRange, now_ms: int) -> Report:
    """Bytes or records of a stream that nobody will ever judge. A topic is one incident, however many partitions it has."""
    end = "?" if lost.end is None else str(lost.end)
    size = "an unknown number of" if lost.end is None else f"{lost.end - lost.begin:,}"
    fix = _FIX_INDEX if lost.stream.key.startswith("elasticsearch/") else _FIX_TOPIC if lost.unit == "records" else _FIX_BYTES
    return _report(
        rule="trimwatch/lost-range",
        entity=Entity("stream", lost.stream.name, _whole(lost.stream)),
        title=f"{size} {lost.unit} of {lost.stream.name} were lost before they could be judged ({lost.reason})",
        cause=f"The source took away {lost.unit} {lost.begin} to {end} before they were read: {lost.reason}.",
        fix=fix,
        evidence=Evidence(lost.stream.name, str(lost.begin), 0, f"{lost.unit} {lost.begin}-{end} {lost.reason}"),
        now_ms=now_ms,
        at=lost.begin,
    )


def _whole(stream: Stream) -> str:
    return stream.name.rpartition("/")[0] if stream.key.startswith("kafka/") else stream.name


def state_lost(since_ms: int, path: str, now_ms: int) -> Report:
    """The store was damaged or emptied: what it knew is gone, and logs are read again from the configured point."""
    return _report(
        rule="trimwatch/state-lost",
        entity=Entity("file", path, path),
        title=f"The state in {path} was lost; logs are read again from where the settings say",
        cause="The database was damaged, emptied or deleted. The damaged file was kept beside it.",
        fix="Look at the disk. Alerts may come a second time, under the same dedup keys.",
        evidence=Evidence(path, "0", 0, f"state unknown since {since_ms}"),
        now_ms=now_ms,
        at=since_ms,
    )


def store_unavailable(problem: str, now_ms: int) -> Report:
    """Nothing can be written down, so nothing is judged: sources wait, and this alert goes past the store."""
    return _report(
        rule="trimwatch/store-unavailable",
        entity=Entity("store", "store", "store"),
        title=f"The store cannot be written, no log is judged until it can: {problem}",
        cause="The disk is full, read-only or failing.",
        fix="Make room or mend the disk. Reading goes on by itself; nothing is lost while the logs are kept.",
        evidence=Evidence("store", "0", 0, problem),
        now_ms=now_ms,
        at=now_ms,
    )


def rule_quarantined(rule: str, problem: str, now_ms: int) -> Report:
    """A rule took more than its share of time and is no longer asked."""
    return _report(
        rule="trimwatch/rule-quarantined",
        entity=Entity("rule", rule, rule),
        title=f"Rule {rule} was switched off: {problem}",
        cause="Its pattern is too slow for the lines that come in.",
        fix=f"Run `trimwatch rules bench {rule}` and narrow its repeats, then reload.",
        evidence=Evidence(rule, "0", 0, problem),
        now_ms=now_ms,
        at=now_ms,
    )


def not_opened(count: int, now_ms: int) -> Report:
    """More causes at once than may be open: what is found beyond them is counted and not told."""
    return _report(
        rule="trimwatch/too-many-incidents",
        entity=Entity("setting", "incidents.max_open", "incidents.max_open"),
        title=f"{count:,} findings opened no incident: as many as incidents.max_open allows are open already",
        cause="More distinct causes were found than may be open at once.",
        fix="Look at the open incidents for a rule that names something different in every line and mute it, or raise the limit.",
        evidence=Evidence("incidents", "0", 0, f"{count} findings opened no incident"),
        now_ms=now_ms,
        at=now_ms,
    )


def flooded(metric: str, count: int, now_ms: int) -> Report:
    """More series than are remembered: those that are known go on, new ones are refused."""
    return _report(
        rule="trimwatch/series-flood",
        entity=Entity("metric", metric, metric),
        title=f"New series of {metric} are refused: there are more than are remembered ({count:,} samples so far)",
        cause="A label takes ever new values (an id, a path, an address), or there are more targets than expected.",
        fix="Drop the label where the metric is made or sent, or raise signals.max_series. Series that are known go on.",
        evidence=Evidence(metric, "0", 0, f"{count} samples of new series of {metric} were refused"),
        now_ms=now_ms,
        at=count,
    )


def not_mirrored(dropped: Mapping[str, int], now_ms: int) -> Report:
    """A mirror or topic was away for so long that what waited for it was let go; here it is all known."""
    counts = ", ".join(f"{count:,} of kind {kind}" for kind, count in sorted(dropped.items()))
    return _report(
        rule="trimwatch/not-mirrored",
        entity=Entity("setting", "elasticsearch.max_waiting", "elasticsearch.max_waiting"),
        title=f"{sum(dropped.values()):,} documents will not reach the mirror or topic they waited for ({counts})",
        cause="Elasticsearch, or a topic of findings, was away or too slow for longer than elasticsearch.max_waiting allows.",
        fix="Look at /healthz for what is wrong with it. Incidents and alerts are not affected; the store here holds them all.",
        evidence=Evidence("feed", "0", 0, f"dropped: {counts}"),
        now_ms=now_ms,
        at=now_ms,
    )


def _report(*, rule: str, entity: Entity, title: str, cause: str, fix: str, evidence: Evidence, now_ms: int, at: int) -> Report:
    key = hashlib.sha256("\0".join((SERVICE, rule, entity.normal)).encode()).hexdigest()[:32]
    return Report(
        Finding(
            rule=rule,
            stream_key=SERVICE,
            event_start=at,
            event_end=at,
            service=SERVICE,
            severity=Severity.WARNING,
            stage=Stage.NONE,
            entity=entity,
            title=title,
            cause=cause,
            fix=fix,
            tags=("trimwatch_self",),
            time_ms=now_ms,
            time_from=TimeFrom.ARRIVAL,
            evidence=evidence,
            dedup_key=key,
        )
    )
