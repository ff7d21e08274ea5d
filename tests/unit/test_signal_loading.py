"""Signals of one's own, and what is wrong with them: every fault at once, with path and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.errors import BadRules
from detector.settings import Settings, SignalSettings, load_settings
from detector.setup_check import check_setup
from detector.signal_loading import are_signals_wanted, read_signals, ready_signals

OWN = """\
title: Requests that the shop refuses
kind: share
unit: ratio
direction: up
acceptable: "+1pp"
origin: ours
from:
  - family: shop
    seen: live
    make: share
    of: 'shop_requests_total{code="429"}'
    over: 'shop_requests_total'
"""


def own(folder: Path, name: str = "application/refused", text: str = OWN) -> str:
    path = folder / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(folder)


def test_own_signals_come_on_top_and_replace(tmp_path: Path) -> None:
    """The same id is the same signal; one that is not wanted is gone."""
    folder = own(tmp_path)
    own(tmp_path, "application/latency-p99")
    signals = {each.id: each for each in read_signals(SignalSettings(paths=(folder,), without=("container/cpu",)))}
    assert signals["application/refused"].title == signals["application/latency-p99"].title == "Requests that the shop refuses"
    assert "container/cpu" not in signals
    assert "container/working-set" in signals
    only = read_signals(SignalSettings(paths=(folder,), builtin=False))
    assert [each.id for each in only] == ["application/latency-p99", "application/refused"]


def test_check_lists_every_fault(tmp_path: Path) -> None:
    """Of files by path and line, of settings by the line in theirs; also where something else in the settings is wrong."""
    folder = own(tmp_path / "own", text=OWN.replace("kind: share", "kind: sharp").replace("make: share", "make: up"))
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        f"signals:\n  paths:\n    - {folder}\n    - {tmp_path}/nowhere\n  without: [application/latency-p98]\nservice: [1]\n"
    )
    faults = [str(fault) for fault in check_setup(str(settings), {}).faults]
    assert any(fault.startswith(f"{folder}/application/refused.yaml:2: kind: ") for fault in faults)
    assert any(fault.startswith(f"{folder}/application/refused.yaml:10: from.0.make: ") for fault in faults)
    assert any(fault.startswith(f"{settings}:4: signals.paths.1: ") and "holds no signals" in fault for fault in faults)
    assert any(fault.startswith(f"{settings}:5: signals.without.0: ") and "application/latency-p99" in fault for fault in faults)
    assert any(fault.startswith(f"{settings}:6: service: ") for fault in faults)
    with pytest.raises(BadRules):
        read_signals(SignalSettings(paths=(folder,)))


@pytest.mark.parametrize(
    ("text", "are_wanted"),
    [
        ("", False),
        ("sources: [{type: file, paths: [/var/log/x.log]}]", False),
        ("sources: [{type: kafka, servers: ['k:9092'], topics: [t], group: g}]", False),
        ("sources: [{type: kafka, servers: ['k:9092'], topics: [t], group: g, format: telegraf}]", True),
        ("sources: [{type: statsd}]", True),
        ("sources: [{type: k6, paths: [/tmp/k6.json]}]", True),
        ("ingest: {listen: '127.0.0.1:9482'}", True),
        ("alarms: {enabled: true}", True),
        ("verdicts: {enabled: true, own_history: true}", True),
    ],
)
def test_signals_are_made_where_somebody_needs_them(text: str, are_wanted: bool) -> None:
    """A daemon that reads logs for rules alone loads none."""
    settings: Settings = load_settings("settings", text.encode(), {})
    assert are_signals_wanted(settings) is are_wanted
    assert bool(ready_signals(settings)) is are_wanted
