from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from detector.edges.store import database
from detector.edges.store.feed import Feed, FeedRow
from detector.edges.store.rows import parsed
from detector.edges.store.store import Store
from detector.errors import StoreDamaged, StoreTooNew
from detector.records import AlertAction, Checkpoint, DeadLetter, IncidentState
from detector.settings import Size, StoreSettings
from tests.unit.edges.records import alerts, checkpoint, finding, incident

ALL = frozenset({"finding", "incident", "delivery"})


@pytest.fixture
def feed(store: Store) -> Feed:
    """Of a store with one consumer, "mirror", that takes everything."""
    store.feed.use({"mirror": ALL}, 1_000, 0, [])
    return store.feed


def waiting(feed: Feed, consumer: str = "mirror", limit: int = 1_000) -> list[FeedRow]:
    return list(feed.after(consumer, limit, 1 << 30).rows)


def kinds(feed: Feed, consumer: str = "mirror") -> list[str]:
    return [row.kind for row in waiting(feed, consumer)]


def take_all(feed: Feed, consumer: str = "mirror") -> None:
    feed.taken(consumer, feed.after(consumer, 10_000, 1 << 30).until, [], 0)


def all_rows(store: Store) -> int:
    return int(store._database.rows("SELECT count(*) FROM feed")[0][0])


def test_nothing_is_written_while_nobody_takes_it(store: Store) -> None:
    """Without a consumer the store holds not a row more than before there was a feed."""
    store.write(checkpoint())
    assert all_rows(store) == 0


def test_a_checkpoint_feeds_what_it_found_in_the_same_transaction(store: Store, feed: Feed) -> None:
    """Findings and incidents wait for the mirror with the bodies that the store itself keeps; a broken checkpoint leaves none."""
    with pytest.raises(AttributeError):
        store.write(replace(checkpoint(), alerts=(None,)))  # type: ignore[arg-type]
    assert waiting(feed) == []
    store.write(checkpoint())
    rows = waiting(feed)
    assert [(row.kind, row.key, row.at_ms) for row in rows] == [("finding", "key", 1_000), ("incident", "key", 1_000)]
    assert parsed(rows[0].body)["evidence"]["text"] == "text"


def test_a_delivery_is_fed_when_it_is_noted(store: Store, feed: Feed) -> None:
    """Each attempt that the outbox writes down waits for the mirror, with its result and its problem."""
    store.write(alerts(AlertAction.TRIGGER))
    (row,) = store.outbox.due("pager", 1_000, 1)
    store.outbox.retry_later(row, 2_000, 1_500, "rateLimited", "too many")
    store.outbox.delivered(row, "", 2_000, None)
    bodies = [parsed(each.body) for each in waiting(feed)]
    assert [(body["result"], body["reason"], body["problem"]) for body in bodies] == [
        ("failed", "rateLimited", "too many"),
        ("delivered", "", ""),
    ]


def test_the_newest_of_an_incident_is_what_waits(store: Store, feed: Feed) -> None:
    """An incident that changes ten times while the mirror is away is one row; one that was taken comes again when it changes."""
    for count in range(10):
        store.write(Checkpoint(count, incidents=(incident(count=count), incident("other"))))
    rows = waiting(feed)
    assert [(row.key, parsed(row.body)["count"]) for row in rows] == [("key", 9), ("other", 17)]
    take_all(feed)
    store.write(Checkpoint(99, incidents=(incident(count=11),)))
    assert [parsed(row.body)["count"] for row in waiting(feed)] == [11]


def test_each_consumer_reads_at_its_own_pace_and_only_its_kinds(store: Store) -> None:
    """A row stays until the slowest consumer is past it; a consumer is never shown what it does not take."""
    feed = store.feed
    feed.use({"mirror": ALL, "topic": frozenset({"finding"})}, 1_000, 0, [])
    store.write(checkpoint())
    assert kinds(feed, "topic") == ["finding"]
    take_all(feed)
    assert kinds(feed) == []
    assert all_rows(store) == 2
    take_all(feed, "topic")
    assert all_rows(store) == 0


def test_a_consumer_that_wants_nothing_of_it_holds_nothing_back(store: Store) -> None:
    """A topic of verdicts moves past findings that it does not want."""
    feed = store.feed
    feed.use({"mirror": ALL, "topic": frozenset({"verdict"})}, 1_000, 0, [])
    store.write(checkpoint())
    take_all(feed, "topic")
    take_all(feed)
    assert all_rows(store) == 0


def test_what_waits_is_known(store: Store) -> None:
    """Of each consumer: how much of what it takes, and since when; nothing of what it does not take."""
    feed = store.feed
    feed.use({"mirror": ALL, "topic": frozenset({"finding"}), "other": frozenset({"verdict"})}, 1_000, 0, [])
    store.write(Checkpoint(5, incidents=(incident(),)))
    store.write(Checkpoint(7, findings=(finding("a"), finding("b"))))
    found = {each.consumer: (each.pending, each.oldest_ms) for each in feed.backlog()}
    assert found == {"mirror": (3, 5), "topic": (2, 7), "other": (0, 0)}


def test_a_page_is_bounded_by_rows_and_bytes(store: Store, feed: Feed) -> None:
    """At most so many rows, and none beyond so many bytes, but always one; what follows comes with the next page."""
    store.write(Checkpoint(1, findings=tuple(finding(f"k{n}", n) for n in range(10))))
    assert len(feed.after("mirror", 3, 1 << 20).rows) == 3
    page = feed.after("mirror", 10, 1)
    assert len(page.rows) == 1
    feed.taken("mirror", page.until, [], 0)
    assert waiting(feed)[0].key == "k1"


def test_what_was_refused_becomes_a_dead_letter(store: Store, feed: Feed) -> None:
    """With the consumer's name, the row and the reason, in the transaction that moves its cursor."""
    store.write(checkpoint())
    page = feed.after("mirror", 10, 1 << 20)
    refused = [DeadLetter("mirror", f"feed {page.rows[0].id}", "mapper_parsing_exception", page.rows[0].body)]
    feed.taken("mirror", page.until, refused, 5)
    assert ("mirror", "mapper_parsing_exception") in [
        (kept.record.stream_name, kept.record.reason) for kept in store.history.dead_letters()
    ]
    assert waiting(feed) == []


def test_positions_survive_a_restart_and_are_forgotten_with_the_consumer(store: Store, settings: StoreSettings) -> None:
    """A restart goes on where the mirror was; one that the settings no longer name leaves nothing behind."""
    store.feed.use({"mirror": ALL}, 1_000, 0, [])
    store.write(Checkpoint(1, findings=(finding("a"), finding("b"))))
    store.feed.taken("mirror", store.feed.after("mirror", 1, 1 << 20).until, [], 0)
    store.close()
    again = Store.open(settings, 2_000)
    again.feed.use({"mirror": ALL}, 1_000, 0, [])
    assert [row.key for row in waiting(again.feed)] == ["b"]
    again.feed.use({}, 1_000, 0, [])
    assert all_rows(again) == 0
    again.close()


def test_a_new_consumer_is_told_of_what_is_open(store: Store) -> None:
    """A mirror that is configured later begins with the open incidents; its cursor begins behind what came before it."""
    store.write(Checkpoint(1, incidents=(incident("open"), incident("over", IncidentState.RESOLVED)), findings=(finding(),)))
    store.feed.use({"mirror": ALL}, 1_000, 7, store.open_incidents())
    assert [(row.kind, row.key, row.at_ms) for row in waiting(store.feed)] == [("incident", "open", 7)]


def test_ids_are_never_used_twice(store: Store, feed: Feed, settings: StoreSettings) -> None:
    """Not even when the table was emptied and the process started anew: no cursor stands above a row to come."""
    store.write(Checkpoint(1, findings=(finding("a"),)))
    last = waiting(feed)[-1].id
    take_all(feed)
    store.close()
    again = Store.open(settings, 2_000)
    again.feed.use({"mirror": ALL}, 1_000, 0, [])
    again.write(Checkpoint(1, findings=(finding("b"),)))
    assert [row.id for row in waiting(again.feed)] == [last + 1]
    again.close()


@pytest.fixture
def away(store: Store) -> Feed:
    """A feed of at most 100 rows, looked at all the time, whose mirror is away."""
    store.feed.use({"mirror": ALL}, 100, 0, [])
    return store.feed


def test_a_mirror_that_is_away_costs_the_oldest_findings_then_deliveries_never_incidents(store: Store, away: Feed) -> None:
    """At the limit the oldest findings go, each of them counted; when there are none left deliveries do; incidents stay."""
    for number in range(30):
        store.write(Checkpoint(number, incidents=(incident(f"i{number}"),)))
    for number in range(300):
        store.write(Checkpoint(number, findings=(finding(f"f{number}", number),)))
    rows = waiting(away)
    findings = [row.key for row in rows if row.kind == "finding"]
    assert 100 <= len(rows) <= 105
    assert len(rows) - len(findings) == 30
    assert findings[-1] == "f299"
    assert away.dropped() == {"finding": 300 - len(findings)}
    for seq in range(1, 301):
        store.write(Checkpoint(seq, alerts=alerts(AlertAction.TRIGGER, key=f"d{seq}").alerts))
        (row,) = store.outbox.due("pager", 1_000, 1)
        store.outbox.delivered(row, "", 2_000, None)
    rows = waiting(away)
    assert {row.kind for row in rows} == {"incident", "delivery"}
    assert 100 <= len(rows) <= 105
    assert sum(away.dropped().values()) + len(rows) == 30 + 300 + 300


def test_what_was_dropped_is_remembered_until_it_was_told(store: Store, away: Feed, settings: StoreSettings) -> None:
    """The count survives a restart; telling of it takes off what was told, not what was dropped since."""
    for number in range(200):
        store.write(Checkpoint(number, findings=(finding(f"f{number}", number),)))
    dropped = away.dropped()
    store.close()
    again = Store.open(settings, 2_000)
    assert again.feed.dropped() == dropped
    again.feed.told_of({"finding": dropped["finding"] - 3})
    assert again.feed.dropped() == {"finding": 3}
    again.feed.told_of({"finding": 3})
    assert again.feed.dropped() == {}
    again.close()


def test_a_file_that_is_too_large_lets_go_of_what_waits(tmp_path: Path) -> None:
    """A small `max_size` bounds the feed too, while its mirror is away for weeks."""
    settings = StoreSettings(path=str(tmp_path / "small"), max_size=Size(1 << 20))
    store = Store.open(settings, 1_000)
    store.feed.use({"mirror": ALL}, 1_000_000, 0, [])
    for number in range(200):
        store.write(Checkpoint(10**12, findings=tuple(finding(f"f{number}-{n}", n) for n in range(20))))
    for _ in range(40):
        store.prune(10**12)
    assert store.size_bytes() < 2 << 20
    assert store.feed.dropped()["finding"] > 0
    store.close()


def test_an_incident_waits_as_long_as_the_store_holds_it(store: Store, feed: Feed) -> None:
    """One that was resolved and forgotten while the mirror was away is let go, and counted; what is open stays."""
    old, recent = incident("old", IncidentState.RESOLVED, last_seen_ms=1), incident("open", last_seen_ms=1)
    store.write(Checkpoint(1, incidents=(old, recent)))
    store.prune(10**12)
    assert [row.key for row in waiting(feed)] == ["open"]
    assert feed.dropped() == {"incident": 1}


def test_a_store_of_the_release_before_is_brought_up_to_date(settings: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of schema 1 gets the feed's tables, keeps everything it holds, and is refused by the release before from then on."""
    both = database.SCHEMAS
    monkeypatch.setattr(database, "SCHEMAS", both[:1])
    monkeypatch.setattr(database.Database.__init__, "__defaults__", (both[:1],))
    old = Store.open(settings, 1_000)
    with old._database.transaction() as connection:
        connection.execute("INSERT INTO state VALUES ('kept', x'00', 0)")
    assert not old._database.rows("SELECT 1 FROM sqlite_master WHERE name = 'feed'")
    with old._database.transaction() as connection:
        connection.execute("DELETE FROM state")
    instance = old.instance
    old.close()
    monkeypatch.setattr(database.Database.__init__, "__defaults__", (both,))
    new = Store.open(settings, 2_000)
    assert new.loss is None
    assert new.instance == instance
    new.feed.use({"mirror": ALL}, 1_000, 0, [])
    new.write(checkpoint())
    assert kinds(new.feed) == ["finding", "incident"]
    new.close()
    monkeypatch.setattr(database.Database.__init__, "__defaults__", (both[:1],))
    with pytest.raises(StoreTooNew):
        Store.open(settings, 3_000)


def test_a_garbled_row_is_damage(store: Store, feed: Feed) -> None:
    """A row whose bytes changed on the disk is told as damage, never mirrored."""
    store.write(checkpoint())
    with store._database.transaction() as connection:
        connection.execute("UPDATE feed SET body = x'7b7d' WHERE kind = 'finding'")
    with pytest.raises(StoreDamaged):
        waiting(feed)
