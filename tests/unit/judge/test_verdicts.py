"""The judge as a process, on a store with a past: what it says of signals that hold, move, vanish, or are new."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from detector.edges.judge.process import NoAnswer
from detector.edges.store.baselines import Baselines
from detector.edges.store.beside import Beside
from detector.judge.learning import MADE_BY
from detector.records import Judged, Verdict, VerdictState
from tests.unit.judge.case import (
    CHANGE_MS,
    HOUR_MS,
    MEMORY,
    WINDOW_MS,
    ask,
    cells,
    keep,
    noisy,
    settings,
    verdict_request,
)

BEGIN, END = CHANGE_MS - 24 * HOUR_MS, CHANGE_MS + 3 * WINDOW_MS
LATENCY, ERRORS, CPU, CLIENTS = (
    "application/latency-p99",
    "application/http-5xx-share",
    "container/cpu",
    "storage/redis-clients",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Latency rises by 30 %, errors stay, the processor's time vanishes after one window, clients of Redis are new."""
    folder = tmp_path_factory.mktemp("judge") / "state"
    latency, errors = noisy(420, 20, 1), noisy(0.001, 0.0001, 2)
    made = [
        *cells(LATENCY, "ms", latency, BEGIN, CHANGE_MS),
        *cells(LATENCY, "ms", lambda at: 1.3 * latency(at), CHANGE_MS, END),
        *cells(ERRORS, "ratio", errors, BEGIN, END),
        *cells(CPU, "s/min", noisy(3, 0.2, 3), BEGIN, CHANGE_MS + WINDOW_MS),
        *cells(CLIENTS, "clients", noisy(40, 1, 4), CHANGE_MS, END),
        *cells("application/spikes:container/cpu", "1/h", lambda at: 4.0, BEGIN, END),
        *cells(ERRORS, "ratio", errors, BEGIN, CHANGE_MS, service="cart"),
    ]
    keep(folder, made)
    return folder


@pytest.fixture(scope="module")
def judged(folder: Path) -> Judged:
    return ask(verdict_request(), settings(folder))


def of(judged: Judged, signal: str) -> list[Verdict]:
    return [verdict for verdict in judged.verdicts if verdict.signal == signal]


def test_what_moved_fails(judged: Judged) -> None:
    """In its newest window and in all of them, in the unit of its file, with the reason in a sentence."""
    newest, whole = of(judged, LATENCY)
    assert (newest.window, whole.window, newest.state, whole.state) == (3, None, VerdictState.FAIL, VerdictState.FAIL)
    assert whole.observed == pytest.approx(30, abs=2)
    assert "accepted +15%" in whole.reason
    assert whole.unit == "ms"


def test_what_holds_passes(judged: Judged) -> None:
    """And one that is made of another signal is judged under its own name."""
    assert [each.state for each in of(judged, ERRORS)] == [VerdictState.PASS, VerdictState.PASS]
    assert of(judged, "application/spikes:container/cpu")


def test_what_vanished_is_no_pass(judged: Judged) -> None:
    """It is named, and inconclusive."""
    assert judged.vanished == (CPU,)
    assert {each.state for each in of(judged, CPU)} == {VerdictState.INCONCLUSIVE}
    assert "it vanished" in of(judged, CPU)[-1].reason


def test_what_is_new_has_no_baseline(judged: Judged) -> None:
    """Nobody can say that it got worse, or that it did not."""
    assert {each.state for each in of(judged, CLIENTS)} == {VerdictState.INCONCLUSIVE}
    assert "no baseline" in of(judged, CLIENTS)[-1].reason


def test_it_says_what_it_judged_on(judged: Judged) -> None:
    """Where the before came from, and what a rollout waits for."""
    assert "own history" in judged.before
    assert {LATENCY, ERRORS} <= set(judged.required)
    assert not judged.problem


def test_the_before_is_pinned(folder: Path, judged: Judged) -> None:
    """Once: the next window is judged on it, and says the same."""
    again = ask(verdict_request(), settings(folder))
    assert "shop@1" in again.before
    assert [(v.signal, v.window, v.state) for v in again.verdicts] == [(v.signal, v.window, v.state) for v in judged.verdicts]
    beside = Beside.open(settings(folder).store, CHANGE_MS, is_made=False)
    try:
        (kept,) = Baselines(beside).kept("shop")
        assert kept.change == "shop-1"
        assert Baselines(beside).read(kept.digest).made_by == MADE_BY
    finally:
        beside.close()


def test_without_a_before_there_is_no_verdict(folder: Path) -> None:
    """A problem, which says which services are known."""
    nothing = ask(verdict_request(service="nobody"), settings(folder))
    assert "nothing is known of nobody" in nothing.problem
    assert not nothing.verdicts


def test_what_can_not_be_read_is_told(tmp_path: Path) -> None:
    """A store that is not there, signals that are wrong."""
    assert "no store here" in ask(verdict_request(), settings(tmp_path / "none")).problem
    (tmp_path / "own" / "application").mkdir(parents=True)
    (tmp_path / "own" / "application" / "odd.yaml").write_text("title: 1")
    own = ask(verdict_request(), settings(tmp_path, f"signals: {{paths: [{tmp_path / 'own'}]}}"))
    assert "odd.yaml" in own.problem


def test_it_stays_within_its_memory(folder: Path) -> None:
    """Half of what it may take is enough for a service; with hardly any it ends, and says why it could not."""
    assert not ask(verdict_request(), settings(folder), MEMORY // 2).problem
    with pytest.raises(NoAnswer, match=r"needed more than 60 MiB \(verdicts.memory\)|Memory|status 1"):
        ask(verdict_request(), settings(folder), 60 << 20)


def test_a_rollback_is_compared_with_the_time_before_the_change(tmp_path: Path) -> None:
    """Not with the worse time that it ends: what is still slow after going back fails, though it was as slow just before."""
    latency = noisy(420, 20, 1)
    keep(
        tmp_path,
        [
            *cells(LATENCY, "ms", latency, BEGIN, CHANGE_MS - 12 * HOUR_MS),
            *cells(LATENCY, "ms", lambda at: 1.5 * latency(at), CHANGE_MS - 12 * HOUR_MS, END),
        ],
    )
    first_ms = CHANGE_MS - 12 * HOUR_MS
    request = replace(verdict_request(), before_ms=first_ms, before_change="shop-0")
    assert of(ask(request, settings(tmp_path)), LATENCY)[-1].state is VerdictState.FAIL
