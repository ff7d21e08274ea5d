"""Past metrics make the same signals as the daemon makes of the same file while it grows."""

from __future__ import annotations

import gzip
import json
import random
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from detector.cli.replay import replay
from detector.edges.store.store import Store
from detector.records import Cell
from detector.settings import StoreSettings
from tests.integration.test_signals_run import Watched
from tests.unit.core.decode.metrics.test_k6 import line

BEGIN = 1_795_597_200


def load_test(seconds: int) -> bytes:
    """Ten requests a second, some of which fail."""
    dice = random.Random(3)
    lines = []
    for request in range(10 * seconds):
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(BEGIN + request // 10)) + f".{request % 10}Z"
        tags = {"status": "503" if dice.random() < 0.05 else "200", "method": "GET"}
        lines += [line("http_reqs", 1, at, tags), line("http_req_duration", dice.lognormvariate(4, 0.5), at, tags)]
    return b"".join(lines)


def kept(state: Path) -> dict[tuple[str, str, int], Cell]:
    store = Store.open(StoreSettings(path=str(state)), 0)
    try:
        names = {each.name for each in store.signals.signals()}
        return {(cell.service, cell.signal, cell.time_ms): cell for cell in store.signals.cells(names, 0, 1 << 62)}
    finally:
        store.close()


def test_replay_equals_live(tmp_path: Path) -> None:
    """A load test of six minutes: packed and read afterwards, or followed by the daemon. Live, the last steps are not over."""
    text = load_test(360)
    past = tmp_path / "past.json.gz"
    past.write_bytes(gzip.compress(text))
    state = tmp_path / "replayed"
    arguments = ["--metrics", "k6", "--service", "shop", "--json", "--store", str(state), str(past)]
    ran = CliRunner().invoke(replay, arguments)
    assert ran.exit_code == 0, ran.output
    *signals, summary = map(json.loads, ran.output.splitlines())
    assert {"application/latency-p99", "application/http-5xx-share", "application/request-rate"} <= set(summary["found"])
    assert {signal["service"] for signal in signals} == {"shop"}

    grown = tmp_path / "k6.json"
    sources = [{"type": "k6", "paths": [str(grown)], "service": "shop", "poll": "20ms"}]
    place = Watched(tmp_path / "live", sources=sources, ingest={})
    place.daemon.start()
    place.daemon.wait_for_log("started")
    step = len(text) // 20
    with grown.open("ab") as out:
        for begin in range(0, len(text) + step, step):
            out.write(text[begin : begin + step])
            out.flush()
    end = time.monotonic() + 20
    while place.figure('trimwatch_source_bytes_total{source="k6"}') + place.figure("trimwatch_signal_cells_total ") < 40:
        assert time.monotonic() < end
    assert place.daemon.stop() == 0
    live, replayed = kept(place.state), kept(state)
    assert len(live) >= 40
    assert live.keys() <= replayed.keys()
    for key, cell in live.items():
        assert cell.value == pytest.approx(replayed[key].value, nan_ok=True), key
        # The evidence of a rate is how many samples told: live, a second that is read in two parts is two.
        assert cell.evidence == pytest.approx(replayed[key].evidence, abs=4 if key[1] == "application/request-rate" else 1e-6), (
            key
        )


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    """In one line."""
    for arguments in (["--metrics", "k6"], ["--metrics", "k6", "--pod", "x"], ["--metrics", "k6", str(tmp_path / "none")]):
        ran = CliRunner().invoke(replay, arguments)
        assert ran.exit_code != 0
