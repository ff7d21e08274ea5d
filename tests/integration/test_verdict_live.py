"""`trimwatch verdict --prometheus` as a user calls it, against a real Prometheus with hours of past."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detector.interface import rfc3339
from tests.integration.shop_past import ShopPast
from tests.services.process import free_port
from tests.services.prometheus import Prometheus

COMMAND = Path(sys.executable).with_name("trimwatch")
Made = Callable[..., Prometheus]


def trimwatch(*arguments: object, status: int) -> tuple[str, str]:
    """What it wrote to standard output and to standard error."""
    done = subprocess.run([str(COMMAND), *map(str, arguments)], capture_output=True, timeout=60, check=False)
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in err
    assert done.returncode == status, out + err
    return out, err


def whole(out: str) -> dict[str, dict[str, Any]]:
    """The verdicts on all windows, by signal."""
    objects = [json.loads(line) for line in out.splitlines()]
    return {each["signal"]: each for each in objects if each["window"] == "all"}


@pytest.fixture
def shop() -> ShopPast:
    return ShopPast(before_h=5)


def test_a_slow_release_is_failed_by_name(own_prometheus: Made, tmp_path: Path, shop: ShopPast) -> None:
    """Signals are found by themselves; the table says what was found and why the rest was not; JSON stays JSON."""
    shop.slower = 1.3
    shop.write(tmp_path / "prometheus-0")
    server = own_prometheus()
    at = rfc3339(shop.change_s * 1000)
    base = ("verdict", "--prometheus", server.address, "--at", at, "--service", "shop")
    out, err = trimwatch(*base, "--json", status=1)
    verdicts = whole(out)
    assert verdicts["application/latency-p99"]["verdict"] == "fail"
    assert verdicts["application/latency-p99"]["unit"] == "ms"
    assert verdicts["application/pool-idle-share"]["verdict"] == "pass"
    assert "found 11 of 27 signals; missing: " in err
    out, err = trimwatch(*base, status=1)
    assert "found 11 of 27 signals; missing: " in out
    assert err == ""
    page, _ = trimwatch(*base, "-o", "html", status=1)
    assert page.startswith("<!")
    assert "shop since" in page


def test_it_asks_which_service_is_meant(own_prometheus: Made, tmp_path: Path, shop: ShopPast) -> None:
    """Of many, with what there is of each; one that a label leaves alone is taken."""
    shop.write(tmp_path / "prometheus-0")
    server = own_prometheus()
    at = rfc3339(shop.change_s * 1000)
    _, err = trimwatch("verdict", "--prometheus", server.address, "--at", at, status=2)
    assert "name one by --service: " in err
    assert "shop (8 signals)" in err
    out, _ = trimwatch("verdict", "--prometheus", server.address, "--at", at, "--label", "application=cart", "--json", status=0)
    assert "application/request-rate" in whole(out)


def test_a_change_that_was_written_down(own_prometheus: Made, tmp_path: Path, shop: ShopPast) -> None:
    """Time and service are those of the change; an id that is not there names those that are."""
    shop.write(tmp_path / "prometheus-0")
    server = own_prometheus()
    state = tmp_path / "state"
    trimwatch("change", "add", "--store", state, "--service", "shop", "--at", rfc3339(shop.change_s * 1000), status=0)
    listed, _ = trimwatch("change", "list", "--store", state, "--json", status=0)
    id_ = json.loads(listed.splitlines()[0])["id"]
    base = ("verdict", "--prometheus", server.address, "--store", state, "--json")
    out, _ = trimwatch(*base, "--change", id_, status=3)
    assert whole(out)["container/working-set"]["verdict"] == "pass"
    _, err = trimwatch(*base, "--change", "shop-1", status=2)
    assert f"there is no change 'shop-1'; the latest are: {id_}" in err


def test_what_is_wrong_is_said_in_words(tmp_path: Path) -> None:
    """Nobody there, no time, both modes at once, a change of a moment ago."""
    address = f"http://127.0.0.1:{free_port()}"
    at = "2026-11-25T02:00:00Z"
    _, err = trimwatch("verdict", "--prometheus", address, "--at", at, "--until", "2026-11-25T04:00:00Z", status=2)
    assert "the Prometheus could not be asked: " in err
    _, err = trimwatch("verdict", "--prometheus", address, status=2)
    assert "say when it was, by --at TIME or by --change ID" in err
    _, err = trimwatch("verdict", "--prometheus", address, "--at", at, "--kind", "latency", status=2)
    assert "--kind is about files" in err
    _, err = trimwatch("verdict", "--prometheus", address, "--at", at, "--before", "x.csv", status=2)
    assert "does not go with files" in err
    _, err = trimwatch("verdict", "--prometheus", address, "--at", "1m", status=2)
    assert "no window of 900 s is over by " in err
    _, err = trimwatch("verdict", status=2)
    assert "Missing option '--before'; or --prometheus URL" in err
