"""The flow as the pipeline drives it: cells in checkpoints, changes that nobody announced, floods that are told once."""

from __future__ import annotations

from detector.core.engine.novelty import Novelty
from detector.core.incidents.lifecycle import Incidents
from detector.core.pipeline import Pipeline
from detector.core.signals.flow import MOST_FLOODS, SignalFlow
from detector.records import MetricKind, MetricPoint, Points, Remembered, Stream, Tick
from detector.settings import IncidentSettings
from tests.unit.core.engine.parts import T0
from tests.unit.core.flow import GONE, engine
from tests.unit.core.signals.shipped import point, shipped

HTTP = "http_server_requests_seconds_count"
BEGIN_S = T0 // 1000 // 900 * 900
PUSH = Stream("push", "push")


def pipeline(max_series: int = 1000) -> Pipeline:
    made = Pipeline(engine(GONE), Incidents(IncidentSettings()), Novelty(), signals=SignalFlow(shipped(), max_series))
    made.tick(Tick(BEGIN_S * 1000, 1000))
    made.restore({}, [])
    return made


def pushed(points: list[MetricPoint], number: int = 0) -> Points:
    return Points(PUSH, tuple(points), number, number + 1, BEGIN_S * 1000)


def test_cells_and_their_journal_are_in_one_checkpoint_with_the_position():
    """A step is closed by what comes after it, or, when nothing does, by our own clock; then there is nothing more to write."""
    one = pipeline()
    one.points(pushed([point(HTTP, 100.0 * at, BEGIN_S + 15 * at) for at in range(5)]))
    made = one.checkpoint(0)
    assert not made.cells
    assert made.journal.body is not None
    assert [position.offset for position in made.positions] == [1]
    one.tick(Tick(BEGIN_S * 1000, 12_000))
    assert one.checkpoint(0).cells == ()
    one.tick(Tick(BEGIN_S * 1000, 61_000))
    assert one.checkpoint(0).is_empty
    one.tick(Tick(BEGIN_S * 1000, 91_000))
    made = one.checkpoint(0)
    assert {cell.signal for cell in made.cells} == {"application/request-rate", "application/http-5xx-share"}
    assert [cell.time_ms for cell in made.cells if cell.signal == "application/request-rate"] == [
        (BEGIN_S + 15 * at) * 1000 for at in range(4)
    ]
    assert one.checkpoint(0).is_empty


def test_who_comes_back_with_what_it_kept_is_not_late():
    """A Prometheus that was cut off for an hour, during which ticks closed what had come: the hour is there afterwards."""
    one = pipeline()
    one.points(pushed([point(HTTP, 15.0 * at, BEGIN_S + 15 * at) for at in range(8)]))
    for minute in range(60):
        one.tick(Tick(0, 61_000 + 60_000 * minute))
    cells = [*one.checkpoint(0).cells]
    for at in range(8, 240):
        one.points(pushed([point(HTTP, 15.0 * at, BEGIN_S + 15 * at)], at))
        cells += one.checkpoint(0).cells
    one.tick(Tick(0, 61_000 + 60_000 * 60))
    cells += one.checkpoint(0).cells
    rates = {cell.time_ms: cell.value for cell in cells if cell.signal == "application/request-rate"}
    assert len(rates) >= 230
    assert set(rates.values()) == {1.0}
    assert one.signals.figures().unused_points["late"] == 0


def test_after_a_start_nobody_is_late_who_sends_what_it_kept_meanwhile():
    """We were away for ten minutes. One sender goes on with now, the other begins with then."""
    one = pipeline()
    one.points(pushed([point(HTTP, 15.0 * at, BEGIN_S + 15 * at, instance=who) for who in "ab" for at in range(8)]))
    made = one.checkpoint(0)
    rows = Remembered(((1, made.journal.body()),), made.journal.series)
    two = Pipeline(engine(GONE), Incidents(IncidentSettings()), Novelty(), signals=SignalFlow(shipped()))
    two.tick(Tick(BEGIN_S * 1000 + 720_000, 1000))
    two.restore({}, [], rows)
    two.points(pushed([point(HTTP, 15.0 * 48, BEGIN_S + 720, instance="a")], 1))
    two.tick(Tick(0, 2_000))
    for at in range(8, 49):
        two.points(pushed([point(HTTP, 15.0 * at, BEGIN_S + 15 * at, instance="b")], at))
    assert two.checkpoint(0).cells == ()
    two.tick(Tick(0, 40_000))
    cells = two.checkpoint(0).cells
    assert two.signals.figures().unused_points["late"] == 0
    rates = {cell.time_ms: cell.value for cell in cells if cell.signal == "application/request-rate"}
    assert len(rates) >= 40
    assert min(rates.values()) >= 1.0
    two.points(pushed([point(HTTP, 15.0 * 60, BEGIN_S + 900, instance="b")], 99))
    two.tick(Tick(0, 51_000))
    assert len(two.checkpoint(0).cells) > 0


def info(image: str, at_s: float, pod: str) -> MetricPoint:
    labels = {"namespace": "shop", "pod": pod, "container": "cart", "image": f"cart:{image}", "image_id": "sha256:" + image * 64}
    return MetricPoint("kube_pod_container_info", tuple(sorted(labels.items())), MetricKind.GAUGE, 1.0, round(at_s * 1000))


def test_an_image_flip_is_a_change_in_the_checkpoint_once():
    """Also when we were killed after it: the images are remembered."""
    one = pipeline()
    for at in range(3):
        one.points(pushed([info("a", BEGIN_S + 15 * at, "cart-7d9f8b6c5-x2x4z")], at))
    one.points(pushed([info("b", BEGIN_S + 45, "cart-5c9f8b6c5-b2b4z")], 3))
    made = one.checkpoint(0)
    (change,) = made.changes
    assert (change.service, change.release_before, change.release_after, change.made_by) == (
        "cart",
        "cart:a",
        "cart:b",
        "image flip",
    )
    two = pipeline()
    two.restore({key: body for key, body in made.state if body is not None}, [])
    two.points(pushed([info("b", BEGIN_S + 60, "cart-5c9f8b6c5-b2b4z")], 4))
    assert two.checkpoint(0).changes == ()


def test_a_flood_is_one_incident_a_metric_and_a_flood_of_names_is_not_one_of_incidents():
    """Told by name, a few of them, at most once a minute; the rest is counted."""
    one = pipeline(max_series=100)
    for round_ in range(4):
        labels = [{"instance": f"{round_}-{at}"} for at in range(300)]
        one.points(pushed([point(HTTP, 1.0, BEGIN_S + round_, **each) for each in labels], round_))
        one.checkpoint(0)
    (incident,) = [each for each in one.incidents() if each.rule == "trimwatch/series-flood"]
    assert (incident.entity, incident.count, incident.service) == (HTTP, 1, "trimwatch")
    one.tick(Tick(0, 70_000))
    one.checkpoint(0)
    assert [each.count for each in one.incidents()] == [2]
    names = ["redis_connected_clients", "kafka_consumergroup_lag", "up", "jvm_memory_used_bytes", "hikaricp_connections_active"]
    names += ["hikaricp_connections_idle", "container_memory_working_set_bytes", "redis_evicted_keys_total"]
    for name in names:
        one.points(pushed([point(name, 1.0, BEGIN_S + 10, container="c", namespace="n", instance="new")], 9))
        one.checkpoint(0)
    assert len(one.incidents()) <= MOST_FLOODS
    assert one.signals.figures().unused_points["flood"] >= 1100 + len(names)
    assert one.signals.figures().series <= 100


def of(source: str, points: list[MetricPoint], number: int) -> Points:
    return Points(Stream(source, source), tuple(points), number, number + 1, BEGIN_S * 1000)


def requests(source: str, rounds: range, ahead_s: int = 0) -> list[MetricPoint]:
    return [point(HTTP, 15.0 * at, BEGIN_S + 15 * at + ahead_s, instance=source, service=source) for at in rounds]


def test_topics_are_caught_up_with_side_by_side_when_the_broker_was_away():
    """Half an hour of each, which one partition brings at once and the other in pieces."""
    one, cells = pipeline(), []
    for at in range(12):
        one.tick(Tick(0, 15_000 * at))
        for source in "ab":
            one.points(of(source, requests(source, range(at, at + 1)), at))
    for seconds in range(180, 1800, 60):
        one.tick(Tick(0, seconds * 1000))
        cells += one.checkpoint(0).cells
    one.tick(Tick(0, 1_800_000))
    one.points(of("a", requests("a", range(12, 120)), 12))
    for turn, begin in enumerate(range(12, 120, 12)):
        one.tick(Tick(0, 1_800_000 + 9_000 * (turn + 1)))
        one.points(of("b", requests("b", range(begin, begin + 12)), begin))
        cells += one.checkpoint(0).cells
    one.tick(Tick(0, 2_000_000))
    cells += one.checkpoint(0).cells
    assert one.signals.figures().unused_points["late"] == 0
    assert {cell.value for cell in cells if cell.signal == "application/request-rate"} == {1.0}
    closed_without_an_end = 1  # the step that the last sample before the outage lies in
    rates = [cell for cell in cells if cell.signal == "application/request-rate"]
    assert len(rates) == 2 * (119 - closed_without_an_end)


def test_a_clock_that_is_ahead_does_not_close_the_steps_of_others():
    """Four minutes, which is believed; both are scraped every half minute. What the first seconds cost is all it costs."""
    one, cells = pipeline(), []
    for at in range(0, 120, 2):
        one.tick(Tick(0, 15_000 * at + 1))
        one.points(of("ahead", requests("ahead", range(at, at + 1), ahead_s=240), at))
        one.points(of("b", requests("b", range(at, at + 1)), at))
        cells += one.checkpoint(0).cells
    late = one.signals.figures().unused_points["late"]
    assert late <= 10
    one.tick(Tick(0, 15_000 * 120 + 100_000))
    cells += one.checkpoint(0).cells
    found = [cell.value for cell in cells if (cell.service, cell.signal) == ("b", "application/request-rate")]
    assert len(found) >= 100
    assert set(found) == {1.0}


def test_who_is_over_holds_nobody():
    """Ten seconds after its last push."""
    one = pipeline()
    for at in range(12):
        one.tick(Tick(0, 15_000 * at + 1))
        for source in "ab" if at < 6 else "a":
            one.points(of(source, requests(source, range(at, at + 1)), at))
    assert one.signals.figures().held_ms == 0
    assert max(cell.time_ms for cell in one.checkpoint(0).cells) == (BEGIN_S + 75) * 1000
