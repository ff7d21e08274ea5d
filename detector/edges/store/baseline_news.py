"""Baselines that mirrors are to be told of: what each holds, not its values. A trigger notes them, whoever adds them."""

from __future__ import annotations

from detector.core.signals.baseline import Baseline
from detector.edges.store.baselines import Baselines
from detector.edges.store.database import Database
from detector.edges.store.feed import BASELINE, Feed
from detector.errors import StoreDamaged
from detector.interface import Json, json_bytes, rfc3339

A_CALL = 20  # a large one is unpacked in tenths of a second


def tell_of_baselines(database: Database, feed: Feed, baselines: Baselines, now_ms: int) -> int:
    """Feeds those that nobody was told of; they wait while nobody takes any. Returns how many. May raise StoreUnavailable."""
    if not feed.takes(BASELINE):
        return 0
    digests = [digest for (digest,) in database.rows("SELECT digest FROM baseline_news LIMIT ?", (A_CALL,))]
    bodies: list[tuple[str, bytes]] = []
    for digest in digests:
        try:
            bodies.append((digest, json_bytes(baseline_document(digest, baselines.read(digest)))))
        except StoreDamaged:
            continue  # removed meanwhile, or garbled: `trimwatch baseline` says so to who asks for it
    if digests:
        with database.transaction() as connection:
            feed.put(connection, BASELINE, bodies, now_ms)
            connection.executemany("DELETE FROM baseline_news WHERE digest = ?", [(digest,) for digest in digests])
    return len(bodies)


def baseline_document(digest: str, baseline: Baseline) -> dict[str, Json]:
    """What people look for a baseline by."""
    signals: list[Json] = [
        {"name": each.name, "unit": each.unit, "source": each.source, "cells": len(each.values), "present": each.present}
        for each in baseline.signals
    ]
    return {
        "kind": "baseline",
        "service": baseline.service,
        "version": baseline.version,
        "digest": digest,
        "change": baseline.change or None,
        "made_by": baseline.made_by,
        "at": rfc3339(baseline.made_ms),
        "begin": rfc3339(baseline.begin_ms),
        "end": rfc3339(baseline.end_ms),
        "step_s": baseline.step_ms / 1000,
        "signals": signals,
    }
