"""What a receiver reads when a sink tells it about an incident."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace

from detector.edges.sinks import sink_for
from detector.edges.sinks.kafka import record_of
from detector.edges.sinks.stdout import StdoutSink
from detector.records import Alert, AlertAction, Incident
from detector.settings import StdoutSinkSettings
from tests.contract.scripted_receiver import ScriptedReceiver
from tests.contract.sink_cases import ALERT, CASES, NOW_MS, TIMEOUT


def sent_body(case_name: str, incident: Incident, action: AlertAction = AlertAction.TRIGGER) -> bytes:
    """The raw bytes: the body of the request, or what standard output got."""
    alert = replace(ALERT, incident=incident, action=action)
    if CASES[case_name].is_kafka:  # tests/integration/test_kafka_sink.py holds a real topic to the same
        return record_of(alert, "trimwatch-incidents", NOW_MS).value
    return asyncio.run(_printed(alert) if case_name == "stdout" else _posted(case_name, alert))


async def _printed(alert: Alert) -> bytes:
    reading, writing = os.pipe()
    sending = asyncio.ensure_future(StdoutSink(StdoutSinkSettings(type="stdout"), writing).send(alert, "", NOW_MS))
    chunks = []
    while not sending.done():
        await asyncio.sleep(0)
        chunks.append(await asyncio.to_thread(os.read, reading, 1 << 16))
        await asyncio.sleep(0)
    await sending
    os.close(writing)
    chunks.append(os.read(reading, 1 << 20))
    os.close(reading)
    return b"".join(chunks)


async def _posted(case_name: str, alert: Alert) -> bytes:
    case = CASES[case_name]
    async with ScriptedReceiver(ever_after=case.ok) as receiver:
        sink = sink_for(case.make(receiver.url, None, TIMEOUT))
        await sink.open()
        await sink.send(alert, "", NOW_MS)
        await sink.close()
        return receiver.requests[0].body


def strings_in(body: bytes) -> list[str]:
    """Every string of a JSON body, keys apart."""
    found: list[str] = []
    rest: list[object] = [json.loads(body)]
    while rest:
        value = rest.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict | list):
            rest.extend(value.values() if isinstance(value, dict) else value)
    return found
