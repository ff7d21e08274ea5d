"""The law of the level patterns holds for lines that came through OTLP, whoever said the level."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData

from detector.core.decode.logs.otlp import lines_of
from tests.property.test_loud_law import sample_lines, unmarked


def shipped(line: bytes, *, in_file: bool, in_map: bool = False, **said: Any) -> bytes:
    data = LogsData()
    log = data.resource_logs.add().scope_logs.add().log_records.add()
    log.MergeFrom(LogRecord(**said))
    text = line.decode("utf-8", "replace")
    if in_map:
        log.body.kvlist_value.values.add(key="msg").value.string_value = text
    else:
        log.body.string_value = text
    if in_file:
        log.attributes.add(key="log.file.path").value.string_value = "/x.log"
    return lines_of(data.SerializeToString(), -1, 1 << 20).text.removesuffix(b"\n")


@pytest.mark.parametrize(
    "said", [{}, {"severity_number": 13}, {"severity_number": 18}, {"severity_number": 24}, {"severity_text": "warning"}]
)
@pytest.mark.parametrize("where", [{"in_file": True}, {"in_file": False}, {"in_file": True, "in_map": True}], ids=str)
def test_what_is_loud_is_marked(said: dict[str, Any], where: dict[str, bool]) -> None:
    """Over the samples of all rules: as lines of a file, as records of a library, as members of a map."""
    lines = [line for line in sample_lines() if line.strip() and len(line) < 10_000][::3]
    assert [event for line in lines for event in unmarked(shipped(line, **where, **said))] == []
