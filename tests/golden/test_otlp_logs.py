"""The same log, read as a file and through OTLP, has the same findings: over the samples of all rules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from detector.analysis.rulecheck.samples import stories
from detector.core.decode.logs.otlp import lines_of
from detector.edges.rule_files import builtin_folder
from detector.records import Batch, Incident, Stream
from detector.replay import replay
from tests.golden.corpus import OBSERVED_MS, rules

PACKS = sorted(path.name for path in builtin_folder().iterdir() if any(path.glob("*.match.log")))
WHERE = {"k8s.pod.name": "shop-1", "k8s.container.name": "app", "log.file.path": "/var/log/pods/shop-1/app/0.log"}


def shipped(text: bytes, a_request: int) -> Iterator[bytes]:
    """The lines of a request each, as a Collector's file reader hands them over: a log record a line, whatever it says."""
    lines = text.decode("utf-8", "replace").splitlines()
    for begin in range(0, len(lines), a_request):
        data = LogsData()
        resource = data.resource_logs.add()
        for name, value in WHERE.items():
            resource.resource.attributes.append(KeyValue(key=name, value={"string_value": value}))  # type: ignore[arg-type]
        logs = resource.scope_logs.add().log_records
        for line in lines[begin : begin + a_request]:
            logs.add(time_unix_nano=OBSERVED_MS * 1_000_000).body.string_value = line
        yield lines_of(data.SerializeToString(), -1, 1 << 20).text


def found(body: bytes, key: str) -> set[tuple[object, ...]]:
    """A service of its own each time: windows of rules are a service's."""
    batch = Batch(Stream(key, "samples", key, service_fixed=True), body, 0, len(body), 0, OBSERVED_MS, ends=True)
    return {what_matters(incident) for incident in replay([batch], rules()).incidents}


def what_matters(incident: Incident) -> tuple[object, ...]:
    return (incident.rule, incident.title, incident.entity, incident.severity, incident.count, incident.fix)


@pytest.mark.parametrize("pack", PACKS)
def test_a_log_has_the_same_findings_however_it_came(pack: str) -> None:
    """Traces of many lines, JSON, near misses: seven lines a request, so that traces go on in the next."""
    differing, told = [], 0
    for path in sorted((builtin_folder() / pack).glob("*.log")):
        for number, story in enumerate(stories(path.read_bytes().replace(b"\r", b""))):
            as_file = found(story.text, f"{path.name}/{number}/file")
            as_otlp = found(b"".join(shipped(story.text, 7)), f"{path.name}/{number}/otlp")
            told += len(as_file)
            if as_file != as_otlp:
                differing.append((path.name, story.text, sorted(map(str, as_file ^ as_otlp))))
    assert differing == []
    assert told
