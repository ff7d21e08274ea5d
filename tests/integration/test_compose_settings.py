"""What deploy/compose gives Kafka as its environment is a configuration that Kafka takes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.services.kafka import java_command
from tests.unit.deploy.test_compose import SERVICES

pytestmark = pytest.mark.service


def test_kafka_formats_its_storage_with_it(tmp_path: Path) -> None:
    """The image makes properties of KAFKA_ names; its storage tool reads and checks all of them, and the cluster's id."""
    given = SERVICES["kafka"]["environment"]
    mine = {**given, "KAFKA_LOG_DIRS": str(tmp_path / "data")}
    lines = [
        f"{name.removeprefix('KAFKA_').lower().replace('_', '.')}={value}"
        for name, value in mine.items()
        if name.startswith("KAFKA_") and name != "KAFKA_HEAP_OPTS"
    ]
    config = tmp_path / "server.properties"
    config.write_text("\n".join(lines))
    command = java_command("kafka.tools.StorageTool", "format", "-t", given["CLUSTER_ID"], "-c", str(config))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"cluster.id={given['CLUSTER_ID']}" in (tmp_path / "data" / "meta.properties").read_text()
