"""The real servers for every test that asks for one, and their logs beside a failure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.fixtures import (
    certificates,
    elasticsearch_node,
    kafka_broker,
    kafka_pair,
    logs_of,
    mark_service,
    nginx_front,
    own_elasticsearch,
    own_kafka,
    own_prometheus,
    run_folder,
)

__all__ = [
    "certificates",
    "elasticsearch_node",
    "kafka_broker",
    "kafka_pair",
    "nginx_front",
    "own_elasticsearch",
    "own_kafka",
    "own_prometheus",
    "run_folder",
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        mark_service(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.failed:
        report.sections.extend((f"log of {name}", said) for name, said in logs_of(item))
    return report
