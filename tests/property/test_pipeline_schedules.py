"""Whatever happens between the batches, every event is counted once and rings once."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core import streams as streams_module
from detector.core.engine.novelty import Novelty
from detector.core.incidents.lifecycle import Incidents
from detector.core.pipeline import Pipeline
from detector.records import AlertAction, Batch, Stream, Tick
from detector.settings import IncidentSettings
from tests.unit.core.engine.parts import T0
from tests.unit.core.flow import GONE, PAGER, TIRED, engine, gone, line

EVENTS = 12
STREAMS = ("s", "t")


def body(name: str) -> list[bytes]:
    """Numbered failures with traces, and quiet lines; each line on its own."""
    lines = []
    for number in range(EVENTS):
        lines += [gone(f"{name}.B{number}", T0 + number), b"\tat a.b.C.d(C.java:1)\n", b"\tat a.b.C.e(C.java:2)\n"]
        lines += [line("all quiet", T0 + number)] * (number % 3)
    return lines


class World:
    """A pipeline, what the store holds of it, and sources that read on from where they are, or from the last checkpoint."""

    def __init__(self) -> None:
        self.bodies = {name: b"".join(body(name)) for name in STREAMS}
        self.ends = {name: [at + 1 for at, byte in enumerate(self.bodies[name]) if byte == 10] for name in STREAMS}
        self.state: dict[str, bytes | None] = {}
        self.incidents: dict[str, object] = {}
        self.positions = dict.fromkeys(STREAMS, 0)
        self.rung: list[str | None] = []
        self.mono_ms = 1000
        self.start()

    def start(self) -> None:
        """The process begins, as after kill -9."""
        self.pipeline = Pipeline(engine(GONE), Incidents(IncidentSettings(), [PAGER]), Novelty())
        self.pipeline.tick(Tick(T0, self.mono_ms))
        self.pipeline.restore({k: v for k, v in self.state.items() if v is not None}, list(self.incidents.values()))
        self.reading = dict(self.positions)

    def read(self, name: str, count: int, ends: bool = False) -> None:
        begin = self.reading[name]
        later = [end for end in self.ends[name] if end > begin]
        if not later and not ends:
            return
        end = later[min(count, len(later)) - 1] if later and not ends else len(self.bodies[name])
        run = self.bodies[name][begin:end]
        batch = Batch(Stream(name, f"{name}.log", "shop"), bytearray(run), 0, len(run), begin, T0, ends=ends)
        self.pipeline.take(batch, "token")
        self.reading[name] = end

    def commit(self) -> None:
        made = self.pipeline.checkpoint(T0)
        self.state.update(made.state)
        self.incidents.update({incident.dedup_key: incident for incident in made.incidents})
        self.positions.update({position.stream_key: position.offset for position in made.positions})
        self.rung += [alert.incident.entity for alert in made.alerts if alert.action is AlertAction.TRIGGER]

    def do(self, what: str, name: str, count: int) -> None:
        match what:
            case "read":
                self.read(name, count)
            case "commit":
                self.commit()
            case "kill":
                self.start()
            case "source":
                self.pipeline.set_aside([name])
                self.commit()
                self.reading[name] = self.positions[name]
            case "rules":
                self.pipeline.use(engine(GONE, TIRED) if count % 2 else engine(GONE), IncidentSettings(), [PAGER])
            case "wait":
                self.mono_ms += 700 * count
                self.pipeline.tick(Tick(T0, self.mono_ms))


steps = st.tuples(
    st.sampled_from(["read", "read", "read", "commit", "commit", "kill", "source", "rules", "wait"]),
    st.sampled_from(STREAMS),
    st.integers(1, 9),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=60), st.sampled_from([1, streams_module.MOST_AWAKE]))
def test_any_schedule_counts_every_event_once_and_rings_once(schedule: list[tuple[str, str, int]], most_streams: int) -> None:
    """Reads of any size, checkpoints, kills, sources and rules that change, silence, room for one stream only: at the end each
    failure has one event, one trigger was written down for it, and nothing else was."""
    with patch.object(streams_module, "MOST_AWAKE", most_streams):
        world = World()
        for step in schedule:
            world.do(*step)
        for name in STREAMS:
            world.read(name, 1 << 30, ends=True)
        world.commit()
    wanted = {f"{name}.B{number}" for name in STREAMS for number in range(EVENTS)}
    assert {incident.entity: incident.count for incident in world.pipeline.incidents()} == dict.fromkeys(wanted, 1)
    assert sorted(world.rung) == sorted(wanted)
