"""`trimwatch check --connect` asks the places of the before: a real Prometheus, and mounted files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from detector.cli import main
from detector.core.signals.baseline_file import write_file
from tests.integration.shop_past import ShopPast
from tests.services.certificates import Certificates
from tests.services.nginx import Nginx
from tests.services.process import free_port
from tests.services.prometheus import Prometheus
from tests.unit.analysis.baselines.places.made import baseline

Made = Callable[..., Prometheus]
Checked = Callable[[dict[str, object]], tuple[int, list[dict[str, str]]]]


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    def check(verdicts: dict[str, object]) -> tuple[int, list[dict[str, str]]]:
        path = tmp_path / "settings.yaml"
        path.write_text(json.dumps({"rules": {"builtin": False}, "verdicts": verdicts}))
        done = CliRunner().invoke(main, ["check", "--connect", "--json", "--config", str(path)])
        return done.exit_code, [json.loads(line) for line in done.output.splitlines()]

    return check


def test_a_server_says_whose_signals_it_has(own_prometheus: Made, tmp_path: Path, checked: Checked) -> None:
    """And which of those that are required cannot be held to what is accepted: the shop's collections are too few and noisy."""
    ShopPast(before_h=4).write(tmp_path / "prometheus-0")
    server = own_prometheus()
    status, said = checked({"prometheus": {"url": server.address}, "windows": 3})
    assert status == 0, said
    (part,) = [each for each in said if each["kind"] == "part" and each["part"] == "verdicts.prometheus"]
    assert part["seen"].startswith("series for ")
    assert "shop (8)" in part["seen"]
    evidence = [each for each in said if each["kind"] == "evidence" and each["service"] == "shop"]
    assert any(each["problem"].startswith("application/gc-pauses: ") for each in evidence), said


def test_what_is_wrong_names_the_field(
    own_prometheus: Made, nginx_front: Callable[..., Nginx], certificates: Certificates, checked: Checked
) -> None:
    """Nobody there; a password that is asked for; labels that no series has."""
    server = own_prometheus()
    status, said = checked({"prometheus": {"url": f"http://127.0.0.1:{free_port()}", "timeout": "2s"}})
    assert (status, said[0]["field"]) == (2, "verdicts.prometheus.url")
    front = nginx_front(server.address, certificates, ("reader", "secret-9"))
    status, said = checked({"prometheus": {"url": front.address, "ca_file": str(certificates.ca)}})
    assert (status, said[0]["field"]) == (2, "verdicts.prometheus.token")
    status, said = checked({"prometheus": {"url": server.address, "labels": {"namespace": "nowhere"}}})
    assert (status, said[0]["field"]) == (2, "verdicts.prometheus.labels")


def test_mounted_files_are_read(tmp_path: Path, checked: Checked) -> None:
    """What they hold; a file that was changed, or is not there, is a fault."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes(write_file(baseline([("application/latency-p99", "ms", [1.0] * 40)])))
    bad.write_bytes(good.read_bytes().replace(b"1.0", b"2.0", 1))
    status, said = checked({"baseline_files": [str(good)]})
    assert (status, said[0]["seen"]) == (0, "shop@1 (signals: 1)")
    status, said = checked({"baseline_files": [str(good), str(bad), str(tmp_path / "gone.json")]})
    faults = {each["field"]: each["problem"] for each in said if each["kind"] == "fault"}
    assert status == 2
    assert "it was changed after it was made" in faults["verdicts.baseline_files.1"]
    assert "No such file" in faults["verdicts.baseline_files.2"]
