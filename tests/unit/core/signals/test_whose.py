"""Whose series are, on a server that holds those of many services."""

from __future__ import annotations

from detector.core.signals.definition import Family
from detector.core.signals.promql import query
from detector.core.signals.whose import Row, labels_for, names_of_all, services
from tests.unit.core.signals.shipped import shipped

COUNT = "http_server_requests_seconds_count"


def family(signal: str, name: str) -> Family:
    found: Family = next(one for one in shipped(signal)[0].families if one.name == name)
    return found


def test_services_are_told_by_folding_s_rule() -> None:
    """The first label that a series has; the service with most signals stands first; nobody's series are nobody's."""
    rows = [
        Row(COUNT, {"application": "cart", "job": "pods"}, 2),
        Row("redis_connected_clients", {"job": "redis"}, 1),
        Row("process_cpu_seconds_total", {"application": "cart", "job": "pods"}, 1),
        Row("up", {}, 1),
    ]
    found = services(rows, shipped())
    assert list(found) == ["cart", "redis"]
    assert "application/request-rate" in found["cart"]
    assert found["redis"] == {"storage/redis-clients"}


def test_the_label_of_most_series_is_asked_for() -> None:
    rows = [Row(COUNT, {"app": "shop", "job": "pods"}, 9), Row(COUNT, {"job": "shop"}, 1)]
    assert labels_for(family("application/request-rate", "micrometer"), "shop", rows) == {"app": "shop"}


def test_series_of_others_under_the_same_label_are_left_out() -> None:
    """`job="shop"` is also on series that say that they are the cart's."""
    rows = [Row(COUNT, {"job": "shop"}, 9), Row(COUNT, {"application": "cart", "job": "shop"}, 1)]
    made = family("application/request-rate", "micrometer")
    only = labels_for(made, "shop", rows)
    assert only == {"job": "shop", "application": ""}
    assert query(made, only) == f'sum(rate({COUNT}{{application="", job="shop"}}[1m]))'


def test_any_label_may_name_it_where_none_does_by_the_rule() -> None:
    rows = [Row(COUNT, {"application": "storefront", "job": "shop"}, 3)]
    made = family("application/request-rate", "micrometer")
    assert labels_for(made, "shop", rows) == {"job": "shop"}
    assert labels_for(made, "pay", rows) is None


def test_a_job_is_known_by_the_company_it_keeps() -> None:
    """`up` has a job alone; that of the shop is the one that only the shop's other series have."""
    up = family("monitoring/scrape-failures", "prometheus")
    rows = [Row(COUNT, {"application": "shop", "job": "shop-pods"}, 3), Row("up", {"job": "shop-pods"}, 1)]
    assert labels_for(up, "shop", rows) == {"job": "shop-pods"}
    shared = [*rows, Row(COUNT, {"application": "cart", "job": "shop-pods"}, 3)]
    assert labels_for(up, "shop", shared) is None


def test_the_names_of_quantiles_are_those_of_their_buckets() -> None:
    names = names_of_all(shipped("application/latency-p99"))
    assert "http_server_requests_seconds_bucket" in names
    assert "http_server_requests_seconds" not in names
