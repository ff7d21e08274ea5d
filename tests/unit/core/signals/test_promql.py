"""The queries that ask for signals, to the letter; all of the shipped ones were accepted by Prometheus."""

import pytest

from detector.core.signals.promql import presence, query
from tests.unit.core.signals.shipped import shipped


def family(signal, name):
    return next(one for one in shipped(signal)[0].families if one.name == name)


@pytest.mark.parametrize(
    ("signal", "name", "expected"),
    [
        (
            "application/http-5xx-share",
            "micrometer",
            '(sum(rate(http_server_requests_seconds_count{status=~"5..", job="cart"}[1m]))'
            ' or 0 * sum(rate(http_server_requests_seconds_count{job="cart"}[1m])))'
            ' / sum(rate(http_server_requests_seconds_count{job="cart"}[1m]))',
        ),
        (
            "application/latency-p99",
            "go",
            'histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{job="cart"}[1m]))) * 1000',
        ),
        ("storage/redis-evicted-keys", "redis-exporter", 'sum(rate(redis_evicted_keys_total{job="cart"}[1m])) * 3600'),
        (
            "application/pool-idle-share",
            "hikaricp",
            'sum(hikaricp_idle_connections{job="cart"} and ignoring () (hikaricp_connections{job="cart"} > 0))'
            ' / sum(hikaricp_connections{job="cart"} > 0 and ignoring () (hikaricp_idle_connections{job="cart"}))',
        ),
        ("monitoring/scrape-failures", "prometheus", 'avg(up{job="cart"} == bool 0)'),
        ("storage/redis-clients", "redis-exporter", 'sum(redis_connected_clients{job="cart"})'),
        (
            "storage/kafka-lag",
            "kafka-exporter",
            'sum(kafka_consumergroup_lag{job="cart"} > -1)'
            ' / sum(rate(kafka_consumergroup_current_offset{job="cart"}[1m])) * 1000',
        ),
    ],
)
def test_a_family_is_a_query(signal, name, expected):
    """With a label of the service's own."""
    assert query(family(signal, name), {"job": "cart"}) == expected


def test_presence_is_asked_of_the_whole_not_of_the_part():
    """No 5xx yet is no reason to call the signal missing. Quotes in a label do not end it."""
    asked = presence(family("application/http-5xx-share", "micrometer"), {"job": 'a"b'})
    assert asked == 'count(last_over_time(http_server_requests_seconds_count{job="a\\"b"}[1h]))'
