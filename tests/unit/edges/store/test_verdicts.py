"""Verdicts, recognised changes and news of baselines in the store."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from detector.core.judgements.announced import announced
from detector.core.signals.baseline import Baseline, BaselineSignal
from detector.edges.store import database
from detector.edges.store.rows import parsed
from detector.edges.store.store import Store
from detector.errors import StoreDamaged
from detector.records import Change, Checkpoint, Judged, JudgeRequest, Judging, Stage
from detector.settings import StoreSettings
from tests.unit.core.judgements.course import P99, POOL, T0, verdict

DAY_MS = 86_400_000
CHANGE = Change("shop-1", "shop", T0, Stage.DEPENDENCY, "1.0", "1.1", made_by="image flip", made_ms=T0)
BASELINE = Baseline(
    "shop",
    1,
    "shop-1",
    "judge",
    T0,
    T0 - 2 * DAY_MS,
    T0,
    DAY_MS,
    (BaselineSignal(P99, "ms", "history", (1.0, None), (9.0, 0.0)),),
)


def judged(window: int, states: dict[str, str], change: str = "shop-1", service: str = "shop", at_ms: int = T0) -> Judged:
    request = JudgeRequest(f"{change}/{window}", Judging.VERDICT, T0, T0 + window, change, service, window, 1)
    found = [verdict(signal, each, state) for signal, state in states.items() for each in (window, None)]
    return Judged(request, at_ms, tuple(found), required=(P99,), before="own history")


def write(store: Store, *found: Judged, **fields: Any) -> None:
    store.write(Checkpoint(T0, judged=found, **fields))


def test_of_each_signal_the_newest_window_and_all_of_them_are_the_latest(store: Store) -> None:
    """A signal that the newest window no longer has keeps its last; another service, and the change before, stay out."""
    write(
        store,
        judged(1, {P99: "pass"}, "shop-0"),
        judged(1, {P99: "fail", POOL: "pass"}),
        judged(1, {P99: "pass"}, "cart-1", "cart"),
    )
    write(store, judged(2, {P99: "pass"}))
    latest = [(each.verdict.signal, each.verdict.window, each.verdict.state.value) for each in store.verdicts.latest("shop")]
    assert latest == [(P99, 2, "pass"), (P99, None, "pass"), (POOL, 1, "pass"), (POOL, None, "pass")]
    (first, _) = store.verdicts.latest("shop", "shop-0")
    assert (first.change, first.is_required, first.before, first.until_ms) == ("shop-0", True, "own history", T0 + 1)
    assert store.verdicts.latest("nobody") == []
    assert store.verdicts.latest("shop", "cart-1") == []


def test_a_judgement_that_comes_again_doubles_nothing(store: Store) -> None:
    """A row a signal and window, and one for all windows that is always the last."""
    for window in (1, 2, 3, 3):
        write(store, judged(window, {P99: "pass"}))
    assert [each.record.verdict.window for each in store.verdicts.page("shop")] == [None, 3, 2, 1]
    newest, *rest = store.verdicts.page(limit=2)
    assert next(each.id for each in store.verdicts.page(before_id=newest.id)) == rest[0].id


def test_the_feed_is_told_of_each(store: Store) -> None:
    """In the stable JSON, with whose signal it is; the key says which verdict."""
    store.feed.use({"topic": frozenset({"verdict"})}, 1_000, 0, [])
    write(store, judged(1, {P99: "fail"}))
    window, whole = store.feed.after("topic", 10, 1 << 20).rows
    assert (window.key, whole.key) == (f"shop-1/{P99}/1", f"shop-1/{P99}/all")
    body = parsed(whole.body)
    assert (body["kind"], body["window"], body["verdict"], body["service"], body["change"]) == (
        "verdict",
        "all",
        "fail",
        "shop",
        "shop-1",
    )


def test_a_garbled_verdict_is_refused(store: Store) -> None:
    """A row that was moved to another signal is no verdict on it."""
    write(store, judged(1, {P99: "fail"}))
    with store._database.transaction() as connection:
        connection.execute("UPDATE verdict SET signal = ? WHERE in_window = 1", (POOL,))
    with pytest.raises(StoreDamaged):
        store.verdicts.page()


def test_verdicts_and_changes_go_with_the_rest_of_history(settings: StoreSettings) -> None:
    """After `keep`; the latest change of a service, and one that a baseline is pinned to, stay."""
    store = Store.open(settings, 1_000)
    store.write(Checkpoint(T0, judged=(judged(1, {P99: "pass"}),), changes=tuple(_changes(5))))
    store.baselines.add(BASELINE)
    store.prune(T0 + 365 * DAY_MS)
    assert store.verdicts.page() == []
    assert sorted(each.id for each in store.changes.latest()) == ["shop-1", "shop-5"]
    store.close()


def _changes(count: int) -> list[Change]:
    return [replace(CHANGE, id=f"shop-{number}", at_ms=T0 + number) for number in range(1, count + 1)]


def test_a_recognised_change_is_written_with_its_checkpoint_and_needs_no_command(store: Store) -> None:
    """One whose id is taken gets another; the first keeps its own."""
    write(store, changes=(CHANGE,))
    write(store, changes=(replace(CHANGE, note="again"),))
    assert [(each.id, each.note) for each in store.changes.latest("shop")] == [("shop-1-2", "again"), ("shop-1", "")]
    assert store.commands_after(0) == []


def test_the_command_of_a_change_says_all_that_the_pipeline_needs(store: Store) -> None:
    """What the pipeline reads out of it is the change that was written, without what it took away."""
    said = Change("", "shop", T0, Stage.CONFIG, "1.0", "1.1", "shop:1.0", "shop:1.1", None, "note", "ann", T0, is_rollback=True)
    kept = store.changes.add(said, "ann")
    (command,) = store.commands_after(0)
    assert announced(json.loads(command.arguments)) == kept


def test_mirrors_hear_of_baselines_whoever_added_them(store: Store) -> None:
    """Once; those that were there before somebody took them, too; what was removed meanwhile is passed over."""
    store.baselines.add(BASELINE)
    assert store.tell_of_baselines(T0) == 0
    store.feed.use({"mirror": frozenset({"baseline"})}, 1_000, 0, [])
    gone = replace(BASELINE, version=2)
    store.baselines.add(gone)
    store.baselines.remove(next(each.digest for each in store.baselines.kept() if each.version == 2))
    assert [store.tell_of_baselines(T0), store.tell_of_baselines(T0)] == [1, 0]
    (row,) = store.feed.after("mirror", 10, 1 << 20).rows
    body = parsed(row.body)
    assert (body["service"], body["change"], body["signals"][0]["present"]) == ("shop", "shop-1", 1)
    store.feed.use({"mirror": frozenset({"baseline"}), "second": frozenset({"baseline"})}, 1_000, 0, [])
    assert store.tell_of_baselines(T0) == 1


def test_a_store_of_the_release_before_gets_the_table(settings: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Schema 3 becomes ours in place; the baselines that were in it are told when somebody takes them."""
    schemas = database.SCHEMAS
    monkeypatch.setattr(database.Database.__init__, "__defaults__", (schemas[:3],))
    old = Store.open(settings, 1_000)
    old.baselines.add(BASELINE)
    old.close()
    monkeypatch.setattr(database.Database.__init__, "__defaults__", (schemas,))
    new = Store.open(settings, 2_000)
    assert new.loss is None
    write(new, judged(1, {P99: "pass"}))
    assert len(new.verdicts.latest("shop")) == 2
    new.feed.use({"mirror": frozenset({"baseline"})}, 1_000, 0, [])
    assert new.tell_of_baselines(T0) == 1
    new.close()
