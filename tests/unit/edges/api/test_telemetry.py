from __future__ import annotations

import asyncio
import re

from prometheus_client.parser import text_string_to_metric_families

from detector.edges.store.store import Store
from detector.telemetry import Trouble
from tests.unit.edges.api.daemon import live
from tests.unit.edges.records import checkpoint


def test_health_stays_200_and_says_what_is_wrong(store: Store) -> None:
    """/healthz is 200 whatever is wrong; /readyz is 503 while work is not being done, and 200 for lesser troubles."""

    async def ask() -> None:
        async with live(store) as daemon:
            port = daemon.telemetry_port
            assert (await daemon.get("/readyz", port)).status == 200
            assert (await daemon.get("/healthz", port)).json == {"state": "ok", "is_ready": True, "troubles": []}
            daemon.health.set(Trouble.RELOAD_FAILED, "", "a.yaml:3: x: y", 1_000)
            assert (await daemon.get("/readyz", port)).status == 200
            daemon.health.set(Trouble.STORE_UNAVAILABLE, "", "disk full", 2_000)
            daemon.health.set(Trouble.STORE_UNAVAILABLE, "", "disk full", 9_000)
            assert (await daemon.get("/readyz", port)).status == 503
            healthy = await daemon.get("/healthz", port)
            assert healthy.status == 200
            assert healthy.json["state"] == "unready"
            assert healthy.json["troubles"][1] == {
                "trouble": "store_unavailable",
                "subject": "",
                "text": "disk full",
                "since": "1970-01-01T00:00:02.000Z",
            }
            daemon.health.clear(Trouble.STORE_UNAVAILABLE)
            assert (await daemon.get("/readyz", port)).status == 200

    asyncio.run(ask())


def test_metrics_have_the_names_that_are_relied_on(store: Store) -> None:
    """/metrics parses, has only our prefix and the process's, and holds the names of the conventions."""
    store.write(checkpoint())

    async def ask() -> str:
        async with live(store) as daemon:
            daemon.metrics.outbox(store.outbox.backlog(), 5_000)
            daemon.metrics.notification_failed("pager", "rateLimited")
            daemon.health.set(Trouble.SINK_FAILING, "pager", "429", 1)
            answer = await daemon.get("/metrics", daemon.telemetry_port)
            assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
            return answer.body.decode()

    families = {family.name: family for family in text_string_to_metric_families(asyncio.run(ask()))}
    assert all(re.match("trimwatch_|process_", name) for name in families)
    for name in (
        "build_info",
        "config_hash",
        "config_last_reload_successful",
        "config_last_reload_success_timestamp_seconds",
        "source_bytes",
        "source_lines",
        "source_lost_bytes",
        "source_lag_seconds",
        "source_late",
        "rule_hits",
        "rule_seconds",
        "incidents",
        "outbox_pending",
        "outbox_oldest_seconds",
        "notifications",
        "notifications_failed",
        "notification_latency_seconds",
        "store_bytes",
        "store_errors",
    ):
        assert f"trimwatch_{name}" in families
    samples = {(sample.name, *sample.labels.values()): sample.value for family in families.values() for sample in family.samples}
    assert samples["trimwatch_incidents", "open"] == 1
    assert samples["trimwatch_outbox_pending", "pager"] == 1
    assert samples["trimwatch_outbox_oldest_seconds", "pager"] == 4
    assert samples["trimwatch_notifications_failed_total", "pager", "rateLimited"] == 1
    assert samples["trimwatch_trouble", "sink_failing"] == 1
    assert samples["trimwatch_store_bytes",] > 0


def test_a_store_that_is_gone_stops_no_scrape(store: Store) -> None:
    """When the store cannot be read, metrics and health are still answered."""

    async def ask() -> None:
        async with live(store) as daemon:
            store.close()
            store._folder.database.unlink()
            store._folder.database.mkdir()
            assert (await daemon.get("/metrics", daemon.telemetry_port)).status == 200
            assert (await daemon.get("/healthz", daemon.telemetry_port)).status == 200
            answer = await daemon.get("/api/v1/incidents")
            assert answer.status == 503
            store._folder.database.rmdir()

    asyncio.run(ask())


def test_nothing_else_is_there(store: Store) -> None:
    """The open listener has no data and takes nothing."""

    async def ask() -> None:
        async with live(store) as daemon:
            assert (await daemon.get("/api/v1/incidents", daemon.telemetry_port)).status == 404
            assert (await daemon.get("/", daemon.telemetry_port)).status == 404
            posted = await daemon.ask("POST", "/metrics", daemon.telemetry_port, {}, b"{}")
            assert posted.status == 405
            head = await daemon.ask("HEAD", "/healthz", daemon.telemetry_port, {})
            assert (head.status, head.body) == (200, b"")

    asyncio.run(ask())
