from __future__ import annotations

import pytest

from detector.core.signals import image_flip
from detector.core.signals.image_flip import ImageFlip, ImageFlips, image_id, workload_of
from detector.records import MetricKind, MetricPoint

A, B, C = ("sha256:" + letter * 64 for letter in "abc")
NAMES = {A: "shop:1.1", B: "shop:1.2", C: "shop:1.3"}


def point(pod: str, id_: str, at: int, value: float | None = 1.0, **labels: str) -> MetricPoint:
    fields = {"namespace": "prod", "pod": pod, "container": "shop", "image_id": f"docker-pullable://shop@{id_}"}
    fields |= {"image_spec": NAMES.get(id_, id_), **labels}
    return MetricPoint(image_flip.METRIC, tuple(sorted(fields.items())), MetricKind.GAUGE, value, at * 30_000)


def look(at: int, *ids: str) -> list[MetricPoint]:
    """One scrape: a pod of the same Deployment for each image."""
    return [point(f"shop-7d9f8b6c5-x2x4{'bcdfg'[n]}", id_, at) for n, id_ in enumerate(ids)]


def flips(*looks: tuple[str, ...]) -> list[tuple[str, str, int, bool]]:
    watched, found = ImageFlips(), list[ImageFlip]()
    for at, ids in enumerate(looks):
        found += watched.add(look(at, *ids))
    return [(each.image_before, each.image_after, each.at_ms // 30_000, each.is_rollback) for each in found]


def test_a_rollout_is_one_flip_however_many_pods() -> None:
    """Three pods one after the other, both images side by side for a while."""
    assert flips((A, A, A), (A, A, B), (A, B, A), (B, B, A), (B, B, B), (B, B, B)) == [("shop:1.1", "shop:1.2", 1, False)]


def test_nothing_changes_when_pods_come_and_go() -> None:
    assert flips((A, A), (A,), (A, A, A), (), (), (), (), (), (A,)) == []


def test_a_rollback_is_a_flip_back() -> None:
    """Of a rollout that was through: the old image was gone, and shows up again."""
    looks = [(A,), (B,), *[(B,)] * 4, (B, A), (A,)]
    assert flips(*looks) == [("shop:1.1", "shop:1.2", 1, False), ("shop:1.2", "shop:1.1", 6, True)]


def test_a_rollback_of_half_a_rollout_is_told_when_the_new_image_is_gone() -> None:
    """The old image never went away, so only the new one's going shows it."""
    looks = [(A, A), (A, B), (A, B), *[(A, A)] * 6]
    assert flips(*looks) == [("shop:1.1", "shop:1.2", 1, False), ("shop:1.2", "shop:1.1", 6, True)]


def test_an_old_pod_made_anew_amid_a_rollout_is_no_rollback() -> None:
    looks = [(A, A, A), (A, A, B), (A, B), (A, A, B), (A, B, B), (B, B, B)]
    assert len(flips(*looks)) == 1


def test_an_outage_of_the_scrape_makes_no_flip() -> None:
    """Nothing was seen for an hour amid a rollout; then the pods come one by one, in any order."""
    watched = ImageFlips()
    assert len(watched.add([*look(0, A, A), *look(1, A, B)])) == 1
    assert watched.add(look(120, A)) == []
    assert watched.add(look(120, A, B)) == []
    assert watched.add(look(121, B)) == []


def test_two_changes_in_a_row_are_two_flips() -> None:
    assert [each[1] for each in flips((A,), (A, B), (B,), (B, C), (C,))] == ["shop:1.2", "shop:1.3"]


def test_beginning_amid_a_rollout_makes_no_flip_up() -> None:
    """Which of the two came first cannot be known."""
    assert flips((A, B, A), (A, B, B), (B, A, B)) == []


def test_a_container_that_waits_or_an_older_scrape_says_nothing() -> None:
    watched = ImageFlips()
    watched.add(look(5, A))
    assert watched.add([point("shop-7d9f8b6c5-x2x4z", "", 6, image_id=""), *look(1, B), point("shop-0", C, 7, value=None)]) == []


def test_containers_and_namespaces_are_apart() -> None:
    watched = ImageFlips()
    watched.add([point("shop-0", A, 0), point("shop-0", A, 0, container="proxy"), point("shop-0", A, 0, namespace="test")])
    found = watched.add(
        [point("shop-0", A, 1), point("shop-0", B, 1, container="proxy"), point("shop-0", A, 1, namespace="test")]
    )
    assert [(each.namespace, each.container) for each in found] == [("prod", "proxy")]


def test_memory_survives_a_restart() -> None:
    """A flip that was told before is not told again, one that came meanwhile is."""
    watched = ImageFlips()
    watched.add([*look(0, A), *look(1, B)])
    again = ImageFlips()
    again.restore(watched.snapshot())
    assert again.add(look(2, B)) == []
    assert [each.id_after for each in again.add(look(3, C))] == [C]


@pytest.mark.parametrize("state", [b"", b"[]", b'{"v":2}', b'{"v":1,"workloads":[1]}', b'{"v":1,"workloads":[["a"]]}', b"\xff"])
def test_a_memory_that_is_not_ours_is_begun_anew(state: bytes) -> None:
    watched = ImageFlips()
    watched.restore(state)
    assert watched.add([*look(0, A), *look(1, B)])[0].id_before == A


def test_a_flood_of_workloads_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The known ones go on; the others are counted; who was not seen for a day makes room."""
    monkeypatch.setattr(image_flip, "MOST_WORKLOADS", 2)
    watched = ImageFlips()
    watched.add([point("one", A, 0), point("two", A, 0), point("three", A, 0)])
    assert watched.refused == 1
    assert len(watched.add([point("one", B, 1), point("three", B, 1)])) == 1
    watched.add([point("three", A, 10_000)])
    assert len(watched.add([point("three", B, 10_001)])) == 1


@pytest.mark.parametrize(
    ("pod", "workload"),
    [
        ("shop-7d9f8b6c5-x2x4z", "shop"),
        ("shop-api-5f6b7c8d9f-bcdfg", "shop-api"),
        ("node-exporter-x2x4z", "node-exporter"),
        ("redis-0", "redis"),
        ("redis-ha-12", "redis-ha"),
        ("backup-28999999-x2x4z", "backup"),
        ("shop", "shop"),
        ("my-world", "my-world"),
        ("", ""),
    ],
)
def test_a_pod_belongs_to_its_workload(pod: str, workload: str) -> None:
    assert workload_of(pod) == workload


def test_runtimes_write_one_image_in_several_ways() -> None:
    assert {image_id(text) for text in (A, f"docker-pullable://r/shop@{A}", f"r/shop@{A}", f"docker://{A}")} == {A}
    assert image_id("something") == "something"


def test_a_flip_is_a_change_to_go_back_from() -> None:
    """With an id that can be said, the release before as the one to go back to, and images pinned by digest."""
    watched = ImageFlips()
    (flip,) = watched.add([*look(0, A), *look(1, B)])
    change = flip.change(taken=["shop-19700101-0000"])
    assert (change.id, change.service, change.release_before) == ("shop-19700101-0000-2", "shop", "shop:1.1")
    assert (change.image_before, change.image_after) == (f"shop:1.1@{A}", f"shop:1.2@{B}")
