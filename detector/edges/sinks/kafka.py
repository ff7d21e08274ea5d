"""Apache Kafka: one record an alert, its key the dedup key, its value the incident of the stable interface with `action` and
`seq` added. A consumer that keeps the record of the highest `seq` of each key has the present state, whatever came twice; so has
a compacted topic."""

from __future__ import annotations

from detector.crash_points import CrashPoint, reach
from detector.edges.kafka.writer import Writer, Written, headers_of
from detector.edges.sinks.base import Delivered
from detector.edges.sinks.excerpt import excerpt
from detector.errors import SinkError
from detector.interface import incident_object, json_bytes
from detector.records import Alert
from detector.settings import KafkaSinkSettings


class KafkaSink:
    """Nothing is connected before the first alert: brokers that are away at the start are that alert's trouble."""

    def __init__(self, settings: KafkaSinkSettings) -> None:
        self.name = settings.name
        self._topic = settings.topic
        self._writer = Writer(settings)

    async def open(self) -> None:
        return

    async def send(self, alert: Alert, note: str, now_ms: int) -> Delivered:
        record = record_of(alert, self._topic, now_ms)
        reach(CrashPoint.SINK_BEFORE_SEND)
        (refusal,) = await self._writer.write([record])
        if refusal is not None:
            raise SinkError(f"topic {self._topic}: {refusal}", retryable=False, reason="clientError")
        reach(CrashPoint.SINK_SENT)
        return Delivered()

    async def close(self) -> None:
        await self._writer.close()


def record_of(alert: Alert, topic: str, now_ms: int) -> Written:
    """What stands in the topic. The action is in a header too, for who filters without reading the value."""
    body = incident_object(excerpt(alert.incident)) | {"action": alert.action.value, "seq": alert.seq}
    headers = (*headers_of("incident"), ("trimwatch-action", alert.action.value.encode()))
    return Written(topic, alert.incident.dedup_key.encode(), json_bytes(body), headers, now_ms)
