"""Whatever course changes, answers, time, kills and reloads take: nothing is asked too early or forgotten, or held for ever."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.engine.novelty import Novelty
from detector.core.incidents.lifecycle import Incidents
from detector.core.judgements.judgements import Judgements
from detector.core.pipeline import Pipeline
from detector.records import AlertAction, Checkpoint, JudgeRequest, Tick
from detector.settings import AlarmSettings, IncidentSettings, VerdictSettings
from tests.unit.core.flow import GONE, PAGER, engine
from tests.unit.core.judgements.course import LATE, MINUTE, ON, P99, POOL, T0, alarm, answer, change

WATCHED = AlarmSettings(enabled=True)
STATES = st.sampled_from([(a, b) for a in ("pass", "fail", "inconclusive") for b in ("pass", "fail", "inconclusive")])
STEPS = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 90)),
    st.tuples(st.just("change"), st.sampled_from(["shop", "cart"]), st.integers(-30, 60), st.booleans()),
    st.tuples(st.just("answer"), st.dictionaries(st.sampled_from([P99, POOL]), STATES), st.booleans()),
    st.tuples(st.just("fail to answer")),
    st.tuples(st.just("kill")),
    st.tuples(st.just("switch"), st.booleans()),
)


class Course:
    """A pipeline with its store and its judge. Checkpoints are written at every step; a kill loses nothing but the process."""

    def __init__(self) -> None:
        self.now_ms = T0
        self.is_on = True
        self.state: dict[str, bytes] = {}
        self.incidents: dict = {}
        self.waiting: dict[str, JudgeRequest] = {}
        self.open: set[str] = set()
        self.changes = 0
        self.begin()

    def begin(self) -> None:
        settings_of = (ON, WATCHED) if self.is_on else (VerdictSettings(), AlarmSettings())
        self.judgements = Judgements(*settings_of)
        self.pipeline = Pipeline(engine(GONE), Incidents(IncidentSettings(), [PAGER]), Novelty(), judgements=self.judgements)
        self.pipeline.tick(Tick(self.now_ms, self.now_ms))
        self.pipeline.restore(self.state, self.incidents.values())
        self.write()

    def write(self) -> None:
        made: Checkpoint = self.pipeline.checkpoint(self.now_ms)
        for key, body in made.state:
            self.state.pop(key, None) if body is None else self.state.update({key: body})
        self.incidents |= {each.dedup_key: each for each in made.incidents}
        for request in made.requests:
            assert request.until_ms + LATE <= self.now_ms
            assert request.begin_ms < request.until_ms
            assert request.before_ms <= request.begin_ms
            self.waiting[request.id] = request
        for alert in made.alerts:
            is_open = alert.incident.dedup_key in self.open
            assert is_open is (alert.action is not AlertAction.TRIGGER)
            (self.open.discard if alert.action is AlertAction.RESOLVE else self.open.add)(alert.incident.dedup_key)

    def step(self, what: str, *how) -> None:
        match what:
            case "wait":
                self.now_ms += how[0] * MINUTE
                self.pipeline.tick(Tick(0, self.now_ms))
                due = [each.due_ms(LATE) for each in self.judgements.known()]
                assert all(each is None or each > self.now_ms for each in due)
            case "change":
                service, minutes, is_rollback = how
                self.changes += 1
                made = change(service, self.now_ms + minutes * MINUTE, id=f"c{self.changes}", is_rollback=is_rollback)
                self.pipeline._say(self.judgements.begin(made, self.now_ms))
            case "answer":
                self.answer(*how)
            case "fail to answer" if self.waiting:
                _, request = self.waiting.popitem()
                self.pipeline.judged(answer(request, problem="killed"))
            case "kill":
                self.begin()
            case "switch":
                self.is_on = how[0]
                self.pipeline.judge_by(*((ON, WATCHED) if self.is_on else (VerdictSettings(), AlarmSettings())))
        self.write()

    def answer(self, states, is_gone: bool) -> None:
        if self.waiting:
            _, request = self.waiting.popitem()
            judged = answer(request, states, vanished=(P99,) if is_gone else ())
            alarms = (alarm(P99, request.until_ms - 1),) if not request.change else ()
            self.pipeline.judged(replace(judged, alarms=alarms) if alarms else judged)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_whatever_happens_everything_ends(steps) -> None:
    """In the end the judge answers and all is well: no incident is open, and none is told of that was not begun."""
    course = Course()
    for step in steps:
        course.step(*step)
        held = {key for key, life in course.pipeline._incidents._lives.items() if life.is_held}
        assert held <= course.judgements.held
    course.step("switch", True)
    for service in ("shop", "cart"):
        course.step("wait", 200)
        course.step("change", service, 0, False)
    for _ in range(8):
        course.step("wait", 16)
        while course.waiting:
            course.step("answer", {P99: ("pass", "pass"), POOL: ("pass", "pass")}, False)
    course.step("wait", 60)
    course.step("wait", 60)
    assert course.open == set()
