"""Incidents about ourselves: one cause is one incident, and the fix is that of the source."""

from __future__ import annotations

from detector.core.incidents.self_report import lost_range
from detector.records import LostRange, Stream


def lost(key: str, name: str, unit: str = "records") -> LostRange:
    return LostRange(Stream(key, name), 4, 9, "retention", unit)


def test_a_topic_is_one_incident_however_many_partitions_it_has() -> None:
    """A topic that is made again with a hundred of them pages once; files and indices stay apart."""
    keys = {lost_range(lost(f"kafka/g/orders/{n}", f"orders/{n}"), 0).finding.dedup_key for n in range(3)}
    assert len(keys) == 1
    assert lost_range(lost("kafka/g/shop/0", "shop/0"), 0).finding.dedup_key not in keys
    files = {lost_range(lost(f"1:{n}", f"/var/log/{n}", "bytes"), 0).finding.dedup_key for n in range(3)}
    assert len(files) == 3


def test_the_range_and_its_partition_are_in_the_evidence() -> None:
    """From, to, and why."""
    finding = lost_range(lost("kafka/g/orders/2", "orders/2"), 0).finding
    assert (finding.evidence.source, finding.evidence.position) == ("orders/2", "4")
    assert finding.evidence.text == "records 4-9 retention"


def test_the_fix_is_that_of_the_source() -> None:
    """Rotation for files, retention for topics, `late` for indices."""
    assert "Rotate" in lost_range(lost("1:2", "a.log", "bytes"), 0).finding.fix
    assert "retention" in lost_range(lost("kafka/g/orders/0", "orders/0"), 0).finding.fix
    assert "`late`" in lost_range(lost("elasticsearch/es/logs", "logs"), 0).finding.fix
