"""Baselines in a real Elasticsearch: shared by one, found by another, checked by their hash."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from detector.analysis.baselines.places import share
from detector.analysis.baselines.places.asking import ask, places_of
from detector.analysis.baselines.places.shared import SharedPlace
from detector.cli import main
from detector.core.signals.baseline import digest_of
from detector.core.signals.baseline_file import write_file
from detector.errors import SinkError
from detector.settings import ElasticsearchSettings, Settings
from detector.settings.judging import VerdictSettings
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh
from tests.services.process import free_port
from tests.unit.analysis.baselines.places.made import CHANGE_MS, HOUR_MS, baseline, definitions, wanted

P99, CPU = "application/latency-p99", "container/cpu"


@pytest.fixture
def cluster(elasticsearch_node: Elasticsearch) -> ElasticsearchSettings:
    return ElasticsearchSettings(urls=(elasticsearch_node.address,), prefix=fresh("trimwatch"))


def refresh(node: Elasticsearch, cluster: ElasticsearchSettings) -> None:
    node.ask("POST", f"/{cluster.prefix}-baselines-shared/_refresh")


def test_the_one_of_the_change_is_found(elasticsearch_node: Elasticsearch, cluster: ElasticsearchSettings) -> None:
    """Pinned to it, however old; else the newest that begins before it; nobody else's. Shared twice, it is there once."""
    old = baseline([(P99, "ms", [1.0] * 40)], change="shop-1", end_ms=CHANGE_MS - 50 * HOUR_MS)
    assert share(old, cluster)
    assert not share(old, cluster)
    share(baseline([(P99, "ms", [2.0] * 40)], version=2, end_ms=CHANGE_MS - HOUR_MS), cluster)
    share(baseline([(P99, "ms", [3.0] * 40)], version=3), cluster)
    share(baseline([(P99, "ms", [4.0] * 40)], version=4, end_ms=CHANGE_MS + HOUR_MS), cluster)
    share(baseline([(P99, "ms", [5.0] * 40)], service="cart"), cluster)
    refresh(elasticsearch_node, cluster)
    place = SharedPlace(cluster)
    pinned = ask([place], wanted(), definitions(P99, CPU))
    assert set(pinned.tables[P99].columns[P99]) == {1.0}
    assert "shop@1 ends 2.1 days before the change" in pinned.notes
    assert pinned.missing[CPU] == "shop@1 (Elasticsearch) does not hold it"
    newest = ask([place], wanted(change="shop-9"), definitions(P99))
    assert set(newest.tables[P99].columns[P99]) == {3.0}
    assert newest.source == "the before of 1 signal from Elasticsearch"
    nobody = ask([place], wanted(service="pay"), definitions(P99))
    assert nobody.missing[P99] == "Elasticsearch holds no baseline of pay from before the change"


def test_the_places_stand_in_their_order(
    elasticsearch_node: Elasticsearch, cluster: ElasticsearchSettings, tmp_path: Path
) -> None:
    """Prometheus is away, Elasticsearch has one signal, the mounted file the other."""
    share(baseline([(P99, "ms", [1.0] * 40)]), cluster)
    refresh(elasticsearch_node, cluster)
    file = tmp_path / "shop.baseline.json"
    file.write_bytes(write_file(baseline([(P99, "ms", [9.0] * 40), (CPU, "s/min", [8.0] * 40)])))
    base = VerdictSettings()
    server = type(base.prometheus)(f"http://127.0.0.1:{free_port()}", timeout=timedelta(seconds=2))
    settings = Settings(elasticsearch=cluster, verdicts=VerdictSettings(prometheus=server, baseline_files=(str(file),)))
    found = ask(places_of(settings, None), wanted(), definitions(P99, CPU))
    assert set(found.tables[P99].columns[P99]) == {1.0}
    assert set(found.tables[CPU].columns[CPU]) == {8.0}
    assert found.source.startswith(f"the before of 1 signal from Elasticsearch, of 1 signal from the file {file}; Prom")


def test_a_document_that_somebody_changed_is_refused(elasticsearch_node: Elasticsearch, cluster: ElasticsearchSettings) -> None:
    """By its hash; the sound one beside it is taken."""
    share(baseline([(P99, "ms", [1.0] * 40)], end_ms=CHANGE_MS - HOUR_MS), cluster)
    forged = baseline([(P99, "ms", [2.0] * 40)], version=2)
    share(forged, cluster)
    index, id_ = f"{cluster.prefix}-baselines-shared", digest_of(forged)
    elasticsearch_node.ask(
        "POST", f"/{index}/_update/{id_}", {"doc": {"file": write_file(forged).decode().replace("2.0", "1.5")}}
    )
    refresh(elasticsearch_node, cluster)
    found = ask([SharedPlace(cluster)], wanted(), definitions(P99))
    assert set(found.tables[P99].columns[P99]) == {1.0}
    assert any("it was changed after it was made" in note for note in found.notes)


def test_a_cluster_that_is_away_or_empty(cluster: ElasticsearchSettings) -> None:
    """A note, and the next place is asked; sharing says that it failed."""
    empty = ask([SharedPlace(cluster)], wanted(), definitions(P99))
    assert empty.missing[P99] == "Elasticsearch holds no baseline of shop from before the change"
    away = ElasticsearchSettings(urls=(f"http://127.0.0.1:{free_port()}",), timeout=timedelta(seconds=2))
    nobody = ask([SharedPlace(away)], wanted(), definitions(P99))
    assert nobody.missing[P99].startswith("Elasticsearch could not be asked: ")
    with pytest.raises(SinkError):
        share(baseline([(P99, "ms", [1.0] * 40)]), away)


def test_what_a_command_keeps_is_shared(
    elasticsearch_node: Elasticsearch, cluster: ElasticsearchSettings, tmp_path: Path
) -> None:
    """`baseline import` with the settings of daemons that share one; without a cluster that answers it is kept all the same."""
    file, config = tmp_path / "shop.json", tmp_path / "settings.yaml"
    file.write_bytes(write_file(baseline([(P99, "ms", [6.0] * 40)])))
    section = {"urls": list(cluster.urls), "prefix": cluster.prefix}
    config.write_text(json.dumps({"store": {"path": str(tmp_path / "state")}, "elasticsearch": section}))
    done = CliRunner().invoke(main, ["baseline", "import", str(file), "--config", str(config)])
    assert done.exit_code == 0, done.output
    refresh(elasticsearch_node, cluster)
    found = ask([SharedPlace(cluster)], wanted(), definitions(P99))
    assert set(found.tables[P99].columns[P99]) == {6.0}
    section = {"urls": [f"http://127.0.0.1:{free_port()}"], "timeout": "2s"}
    config.write_text(json.dumps({"store": {"path": str(tmp_path / "other")}, "elasticsearch": section}))
    done = CliRunner().invoke(main, ["baseline", "import", str(file), "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert "is kept here, but not shared by Elasticsearch: " in done.output
