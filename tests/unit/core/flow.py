"""What tests of the whole pipeline build on: a stream in pieces, rules, a pipeline with a pager, and one after a restart."""

from __future__ import annotations

from datetime import UTC, datetime

from detector.core.engine.engine import Engine
from detector.core.engine.novelty import Novelty
from detector.core.engine.scan import SetScanner, pattern_table
from detector.core.incidents.lifecycle import Incidents
from detector.core.pipeline import Clock, Pipeline
from detector.core.ruleset.spec import AbsentSpec, CountSpec
from detector.records import Batch, Receiver, Stream, Tick
from detector.settings import IncidentSettings
from tests.unit.core.engine.parts import CLASS, MINUTE, T0, rule

PAGER = Receiver("pager")
GONE = rule(CLASS)
TIRED = rule("pool is (?P<symbol>tired)", id="own/tired", entity=None, count=CountSpec(3), window_ms=MINUTE)
WAITING = rule(
    id="own/no-start", entity=None, title="It never started", absent=AbsentSpec("service starting", "service ready", 30_000)
)
HEADER = "{at} ERROR 1 --- [main] shop.Cart : {text}\n"


def at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def line(text: str, ms: int = T0) -> bytes:
    return HEADER.format(at=at(ms), text=text).encode()


def gone(name: str, ms: int = T0) -> bytes:
    return line(f"java.lang.ClassNotFoundException: {name}", ms)


def engine(*rules):
    table = pattern_table(rules)
    return Engine(rules, SetScanner(table), table)


class Log:
    """A stream whose bytes come in pieces."""

    def __init__(self, key: str = "s") -> None:
        self.stream = Stream(key, f"{key}.log", "shop")
        self.offset = 0

    def batch(self, *lines: bytes, ends: bool = False, observed_ms: int = T0) -> Batch:
        body = b"".join(lines)
        made = Batch(self.stream, bytearray(body), 0, len(body), self.offset, observed_ms, ends=ends)
        self.offset += len(body)
        return made


def pipeline(*rules, clock: Clock = Clock.ARRIVAL, settings: IncidentSettings | None = None) -> Pipeline:
    made = Pipeline(engine(*(rules or (GONE,))), Incidents(settings or IncidentSettings(), [PAGER]), Novelty(), clock)
    if clock is Clock.ARRIVAL:
        made.tick(Tick(T0, 1000))
    return made


def reborn(state: dict, incidents, *rules) -> Pipeline:
    made = Pipeline(engine(*rules), Incidents(IncidentSettings(), [PAGER]), Novelty())
    made.tick(Tick(T0, 1000))
    made.restore({key: value for key, value in state.items() if value is not None}, incidents)
    return made


def counts_by_entity(one: Pipeline) -> dict[str | None, int]:
    return {incident.entity: incident.count for incident in one.incidents()}
