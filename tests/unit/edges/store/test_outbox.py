from __future__ import annotations

from detector.edges.store.outbox import OutboxRow
from detector.edges.store.store import Store
from detector.records import AlertAction, Checkpoint, IncidentState
from tests.unit.edges.records import alert, alerts, incident

TRIGGER, UPDATE, RESOLVE = AlertAction.TRIGGER, AlertAction.UPDATE, AlertAction.RESOLVE


def head(store: Store, now_ms: int = 10_000, receiver: str = "pager") -> OutboxRow:
    (row,) = store.outbox.due(receiver, now_ms, 10)
    return row


def drain(store: Store, receiver: str = "pager") -> list[tuple[str, int]]:
    """Delivers everything that is owed; returns actions and sequence numbers in the order of delivery."""
    sent = []
    while rows := store.outbox.due(receiver, 1 << 60, 1):
        sent.append((rows[0].alert.action.value, rows[0].alert.seq))
        store.outbox.delivered(rows[0], "", 20_000, None)
    return sent


def test_a_key_goes_out_in_order(store: Store) -> None:
    """A resolve never overtakes its trigger, not even when the trigger was put off."""
    store.write(alerts(TRIGGER, RESOLVE))
    store.outbox.retry_later(head(store), 50_000, 10_000, "serverError", "503")
    assert store.outbox.due("pager", 49_999, 10) == []
    assert drain(store) == [("trigger", 1), ("resolve", 2)]


def test_a_trigger_that_never_went_out_is_still_told(store: Store) -> None:
    """An incident that opened and closed while its receiver was away is told as opened and closed: a try that we saw fail may
    have arrived."""
    store.write(alerts(TRIGGER, UPDATE, RESOLVE, TRIGGER, RESOLVE))
    assert drain(store) == [("trigger", 1), ("resolve", 3), ("trigger", 4), ("resolve", 5)]


def test_only_the_newest_update_is_sent(store: Store) -> None:
    """Updates that wait are replaced by what is said later, and that is written down."""
    store.write(alerts(TRIGGER, UPDATE, UPDATE, UPDATE))
    assert drain(store) == [("trigger", 1), ("update", 4)]
    superseded = [each.seq for each in store.history.deliveries() if each.result == "superseded"]
    assert sorted(superseded) == [2, 3]


def test_one_key_does_not_wait_for_another(store: Store) -> None:
    """The queues of two incidents and of two receivers are apart."""
    store.write(alerts(TRIGGER, key="a"))
    store.write(alerts(TRIGGER, key="b"))
    store.write(alerts(TRIGGER, key="a", receiver="chat"))
    first = store.outbox.due("pager", 10_000, 1)[0]
    store.outbox.retry_later(first, 99_000, 10_000, "serverError", "503")
    assert [row.alert.incident.dedup_key for row in store.outbox.due("pager", 10_000, 10)] == ["b"]
    assert head(store, receiver="chat").attempts == 0


def test_what_failed_starves_nobody(store: Store) -> None:
    """An alert that is refused again and again is tried after those that were not tried yet, updates included."""
    store.write(alerts(TRIGGER, key="poison"))
    store.outbox.retry_later(head(store), 11_000, 10_000, "serverError", "500")
    store.write(alerts(UPDATE, key="late"))
    order = [row.alert.incident.dedup_key for row in store.outbox.due("pager", 12_000, 10)]
    assert order == ["late", "poison"]


def test_notes_come_back_until_the_end(store: Store) -> None:
    """A sink's note is given with the next alert of the key, an empty one keeps it, and it goes with the resolve."""
    store.write(alerts(TRIGGER, UPDATE))
    store.outbox.delivered(head(store), "ts=1", 10_000, None)
    row = head(store)
    assert row.note == "ts=1"
    store.outbox.delivered(row, "", 10_000, None)
    store.write(alerts(RESOLVE))
    row = head(store)
    assert row.note == "ts=1"
    store.outbox.delivered(row, "ts=1", 10_000, None)
    store.write(alerts(TRIGGER))
    assert head(store).note == ""


def test_a_standing_alert_is_repeated_until_there_is_news(store: Store) -> None:
    """A sink that asks for it gets the same alert again and again; what is newer takes its place."""
    store.write(alerts(TRIGGER))
    store.outbox.delivered(head(store), "", 10_000, 70_000)
    assert store.outbox.due("pager", 69_999, 10) == []
    assert store.outbox.next_ms("pager") == 70_000
    assert store.outbox.backlog() == []
    row = head(store, 70_000)
    assert row.is_standing
    store.outbox.delivered(row, "", 70_000, 130_000)
    store.write(alerts(RESOLVE))
    assert head(store, 80_000).alert.action is RESOLVE
    assert [each.result for each in store.history.deliveries()] == ["delivered"]


def test_a_repeat_in_flight_does_not_come_back(store: Store) -> None:
    """An alert that was being sent when its incident's resolve was queued is not repeated after it."""
    store.write(alerts(TRIGGER))
    in_flight = head(store)
    store.write(alerts(RESOLVE))
    store.outbox.delivered(in_flight, "", 10_000, 70_000)
    assert [row.alert.action for row in store.outbox.due("pager", 1 << 60, 10)] == [RESOLVE]


def test_a_resolve_that_stays_here_ends_the_repeats(store: Store) -> None:
    """With `resolve: never` the receiver is not told, and nothing is repeated about the incident either; a resolve that is
    being repeated goes on."""
    store.write(alerts(TRIGGER))
    store.outbox.delivered(head(store), "", 10_000, 70_000)
    store.write(alerts(RESOLVE, key="other"))
    store.outbox.delivered(head(store), "", 10_000, 70_000)
    over = (incident("key", IncidentState.RESOLVED), incident("other", IncidentState.RESOLVED))
    store.write(Checkpoint(20_000, incidents=over))
    assert [row.alert.incident.dedup_key for row in store.outbox.due("pager", 1 << 60, 10)] == ["other"]


def test_the_fallback_hears_what_was_given_up_and_how_it_ended(store: Store) -> None:
    """A given-up trigger goes to the fallback with the reason; when its receiver takes the resolve, so does the fallback."""
    store.write(alerts(TRIGGER, RESOLVE))
    store.outbox.give_up(head(store), 10_000, "clientError", "400 bad key", "chat")
    told = head(store, receiver="chat")
    assert told.alert.action is TRIGGER
    assert told.alert.incident.explanation == "pager could not be told (clientError). why"
    store.outbox.delivered(told, "", 10_000, None, "chat")
    store.outbox.delivered(head(store), "", 10_000, None, "chat")
    assert head(store, receiver="chat").alert.action is RESOLVE
    store.outbox.delivered(head(store, receiver="chat"), "", 10_000, None, "chat")
    store.write(alerts(TRIGGER, RESOLVE))
    drain(store)
    assert store.outbox.due("chat", 1 << 60, 10) == []


def test_failures_mark_all_that_waits(store: Store) -> None:
    """A failure is noted for everything the receiver is owed, so that all of it can be given up in time."""
    for key in ("a", "b", "c"):
        store.write(alerts(TRIGGER, key=key))
    store.outbox.retry_later(store.outbox.due("pager", 10_000, 1)[0], 20_000, 10_000, "connectionError", "refused")
    assert len(store.outbox.failing_before("pager", 10_000, 10)) == 3
    assert store.outbox.failing_before("pager", 9_999, 10) == []
    assert store.outbox.failing_before("chat", 10_000, 10) == []


def test_the_backlog_is_counted(store: Store) -> None:
    """What each receiver is owed, and since when."""
    store.write(alerts(TRIGGER, RESOLVE))
    store.write(Checkpoint(5_000, alerts=(alert(TRIGGER, 1, receiver="chat"),)))
    assert {(each.receiver, each.pending, each.oldest_ms) for each in store.outbox.backlog()} == {
        ("pager", 2, 1_000),
        ("chat", 1, 5_000),
    }
    assert sorted(store.outbox.receivers()) == ["chat", "pager"]


def test_an_alert_is_due_at_once_whatever_the_clocks_say(store: Store) -> None:
    """The host's clock was set a day ahead when it was queued, the courier's own clock was not: it goes out now."""
    store.write(Checkpoint(at_ms=10_000 + 86_400_000, alerts=alerts(TRIGGER).alerts))
    assert head(store).alert.action is TRIGGER
    assert store.outbox.next_ms("pager") == 0


def test_what_another_daemon_tells_is_settled_and_says_by_whom(store: Store) -> None:
    """It is owed no more, and what comes behind it is due; the history names the other one."""
    store.write(alerts(TRIGGER, RESOLVE))
    store.outbox.told_elsewhere(head(store), "car-7", 10_000, None)
    assert head(store).alert.action is RESOLVE
    store.outbox.told_elsewhere(head(store), "", 11_000, None)
    assert store.outbox.owed() == []
    said = [(each.action, each.result, each.problem) for each in store.history.deliveries()]
    assert said == [
        ("resolve", "elsewhere", "nobody need be told"),
        ("trigger", "elsewhere", "told by car-7"),
    ]


def test_what_another_daemon_repeats_stands_ready(store: Store) -> None:
    """It holds no offset back, is looked at again when the repeat is due, and goes with the incident."""
    store.write(alerts(TRIGGER))
    store.outbox.told_elsewhere(head(store), "car-7", 10_000, 70_000)
    assert store.outbox.owed() == []
    assert store.outbox.due("pager", 69_999, 10) == []
    row = head(store, 70_000)
    assert row.is_standing
    store.outbox.told_elsewhere(row, "car-7", 70_000, 130_000)
    assert len(store.history.deliveries()) == 1, "a repeat is no news"
    store.write(Checkpoint(80_000, incidents=(incident(state=IncidentState.RESOLVED),)))
    assert store.outbox.due("pager", 1 << 60, 10) == []


def test_an_alert_may_wait_without_having_failed(store: Store) -> None:
    """No attempt, no failure in the history."""
    store.write(alerts(TRIGGER))
    store.outbox.wait(head(store), 12_000)
    assert store.outbox.due("pager", 11_999, 10) == []
    row = head(store, 12_000)
    assert (row.attempts, row.failing_since_ms) == (0, None)
    assert store.history.deliveries() == []


def test_what_we_told_is_remembered_until_its_end(store: Store) -> None:
    """By receiver, from the history; and which incidents are owed an alert."""
    store.write(alerts(TRIGGER))
    assert store.outbox.keys_owed() == {"key"}
    assert store.outbox.told_of("key") == []
    store.outbox.delivered(head(store), "", 10_000, None)
    assert (store.outbox.keys_owed(), store.outbox.told_of("key")) == (set(), ["pager"])
    store.outbox.adopt([alert(RESOLVE, 9)], 11_000)
    assert drain(store) == [("resolve", 9)]
    assert store.outbox.told_of("key") == []
    store.write(alerts(TRIGGER))
    drain(store)
    assert store.outbox.told_of("key") == ["pager"]
    store.write(alerts(RESOLVE))
    store.outbox.told_elsewhere(head(store), "car-7", 12_000, None)
    assert store.outbox.told_of("key") == []


def test_a_stand_in_says_for_whom(store: Store) -> None:
    """The fallback's alert names the receiver that could not be told, and so does that of the end."""
    store.write(alerts(TRIGGER, RESOLVE))
    store.outbox.give_up(head(store), 10_000, "clientError", "400", "chat")
    assert head(store, receiver="chat").alert.instead_of == "pager"
    store.outbox.delivered(head(store), "", 11_000, None, "chat")
    assert [row.alert.instead_of for row in store.outbox.due("chat", 1 << 60, 1)] == ["pager"]
