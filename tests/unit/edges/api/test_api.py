from __future__ import annotations

import asyncio
import json

import pytest

from detector.core.judgements.judgement import Judgement
from detector.edges.api.server import CannotListen, bind
from detector.edges.api.views import judgement
from detector.edges.store.store import Store
from detector.records import Checkpoint, Evidence
from detector.settings import ApiSettings, ListenSettings, Secret
from tests.unit.core.judgements.course import P99
from tests.unit.edges.api.daemon import live
from tests.unit.edges.records import checkpoint, incident
from tests.unit.edges.store.test_verdicts import CHANGE, judged


def test_what_the_store_knows_is_shown(store: Store) -> None:
    """Incidents, deliveries, dead letters, lost ranges and status come as JSON, times spelled out."""
    store.write(checkpoint())
    store.outbox.delivered(store.outbox.due("pager", 5_000, 1)[0], "", 5_000, None)

    async def ask() -> None:
        async with live(store) as daemon:
            (shown,) = (await daemon.get("/api/v1/incidents?state=open,acknowledged&limit=5")).json["incidents"]
            assert (shown["dedup_key"], shown["first_seen"], shown["entity"]) == ("key", "1970-01-01T00:00:01.000Z", "a.b.C")
            assert (await daemon.get("/api/v1/incidents?state=resolved")).json["incidents"] == []
            one = (await daemon.get("/api/v1/incidents/key")).json
            assert (one["count"], one["deliveries"][0]["result"]) == (17, "delivered")
            assert (await daemon.get("/api/v1/deliveries?incident=key")).json["deliveries"][0]["sink"] == "pager"
            assert (await daemon.get("/api/v1/deliveries?incident=other")).json["deliveries"] == []
            assert (await daemon.get("/api/v1/dead-letters")).json["dead_letters"][0]["sample"] == "\x00\ufffd"
            assert (await daemon.get("/api/v1/lost-ranges")).json["lost_ranges"][0]["end"] is None
            status = (await daemon.get("/api/v1/status")).json
            assert status["rules"] == 3
            assert status["incidents"]["open"] == 1
            assert status["health"]["state"] == "ok"

    asyncio.run(ask())


def test_what_a_person_asks_for_becomes_a_command(store: Store) -> None:
    """Acknowledging and silencing write a command and ring; the answer names it; an unknown incident is none."""
    store.write(checkpoint())

    async def ask() -> None:
        async with live(store) as daemon:
            answer = await daemon.post("/api/v1/incidents/key/acknowledge")
            assert (answer.status, answer.json) == (202, {"command": 1})
            assert (await daemon.post("/api/v1/incidents/key/silence", {"for_s": 60})).json == {"command": 2}
            assert daemon.process.rings == 2
            assert (await daemon.post("/api/v1/incidents/nobody/acknowledge")).status == 404
            for wrong in ({}, {"for_s": 0}, {"for_s": -1}, {"for_s": "60"}, {"for_s": True}, {"for_s": 1e12}, [1]):
                assert (await daemon.post("/api/v1/incidents/key/silence", wrong)).status == 400

    asyncio.run(ask())
    acknowledged, silenced = store.commands_after(0)
    assert (acknowledged.what, json.loads(acknowledged.arguments)) == ("acknowledge", {"key": "key"})
    assert silenced.what == "silence"
    assert set(json.loads(silenced.arguments)) == {"key", "until_ms"}


def test_reload_says_what_is_wrong(store: Store) -> None:
    """A reload that is taken is 200, one that is refused 422 with every fault."""

    async def ask() -> None:
        async with live(store) as daemon:
            assert (await daemon.post("/-/reload")).json == {"reloaded": True}
            daemon.process.faults = ["rules/a.yaml:3: patterns: look-around"]
            answer = await daemon.post("/-/reload")
            assert (answer.status, answer.json["faults"]) == (422, ["rules/a.yaml:3: patterns: look-around"])

    asyncio.run(ask())


def test_secrets_in_log_lines_are_masked(store: Store) -> None:
    """What an incident quotes from a log is masked before it is shown."""
    canary = "c4n4ry-9f8e7d6c5b4a"
    quoted = (Evidence("o", "1", 1, f"password={canary} Authorization: Bearer {canary}"),)
    store.write(Checkpoint(1, incidents=(incident(evidence=quoted),)))

    async def ask() -> bytes:
        async with live(store) as daemon:
            return (await daemon.get("/api/v1/incidents/key")).body + (await daemon.get("/api/v1/incidents")).body

    assert canary.encode() not in asyncio.run(ask())


@pytest.mark.parametrize("path", ["/", "/api/v1/incidents/", "/api/v1/incidents/a/b/c", "/api/v1/incidents/nobody", "/-/quit"])
def test_unknown_paths_are_404(store: Store, path: str) -> None:
    """What is not there is not there, and the answer is JSON."""

    async def ask() -> None:
        async with live(store) as daemon:
            answer = await daemon.get(path)
            assert answer.status == 404
            assert "error" in answer.json

    asyncio.run(ask())


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "before=1e3", "limit=" + "9" * 30])
def test_wrong_numbers_are_400(store: Store, query: str) -> None:
    """A page size or id that is no whole number is refused with the reason."""

    async def ask() -> None:
        async with live(store) as daemon:
            assert (await daemon.get(f"/api/v1/deliveries?{query}")).status == 400
            assert (await daemon.get(f"/api/v1/dead-letters?{query}")).status == 400

    asyncio.run(ask())


def test_a_token_file_is_read_again(store: Store, tmp_path: object) -> None:
    """A token that was changed in its file counts at once; a file that is gone or empty lets nobody in."""
    path = f"{tmp_path}/token"
    with open(path, "w", encoding="utf-8") as file:
        file.write("first\n")

    async def ask() -> None:
        async with live(store, token=Secret(file=path)) as daemon:
            assert (await daemon.post("/-/reload", token="first")).status == 200
            with open(path, "w", encoding="utf-8") as file:
                file.write("second\n")
            assert (await daemon.post("/-/reload", token="first")).status == 401
            assert (await daemon.post("/-/reload", token="second")).status == 200
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n")
            assert (await daemon.post("/-/reload", token="")).status == 403

    asyncio.run(ask())


def test_a_port_in_use_is_said_before_the_start(store: Store) -> None:
    """Both addresses are bound before anything runs; one that is taken is an error that names it."""
    first = bind(ListenSettings("127.0.0.1:0"), ApiSettings(listen=""))
    assert first.api is None
    assert first.telemetry is not None
    first.telemetry.listen()
    taken = f"127.0.0.1:{first.telemetry.getsockname()[1]}"
    with pytest.raises(CannotListen, match=taken):
        bind(ListenSettings(""), ApiSettings(listen=taken))
    for wrong in ("nowhere", "127.0.0.1:99999"):
        with pytest.raises(CannotListen, match=wrong):
            bind(ListenSettings(wrong), ApiSettings(listen=""))
    first.telemetry.close()


def test_verdicts_and_changes_are_shown(store: Store) -> None:
    """The newest of a service's latest change; by change, and all of them in pages."""
    store.write(Checkpoint(1_000, judged=(judged(1, {P99: "fail"}),), changes=(CHANGE,)))
    store.write(Checkpoint(2_000, judged=(judged(2, {P99: "pass"}),)))

    async def ask() -> None:
        async with live(store) as daemon:
            newest, whole = (await daemon.get("/api/v1/verdicts?service=shop")).json["verdicts"]
            assert (newest["window"], newest["verdict"], newest["service"], newest["change"]) == (2, "pass", "shop", "shop-1")
            assert (whole["window"], whole["is_required"], whole["before"]) == ("all", True, "own history")
            assert (await daemon.get("/api/v1/verdicts?service=shop&change=other")).json["verdicts"] == []
            page = (await daemon.get("/api/v1/verdicts?change=shop-1&limit=2")).json["verdicts"]
            rest = (await daemon.get(f"/api/v1/verdicts?before={page[-1]['id']}")).json["verdicts"]
            assert [each["window"] for each in (*page, *rest)] == ["all", 2, 1]
            (change,) = (await daemon.get("/api/v1/changes?service=shop")).json["changes"]
            assert (change["id"], change["stage"], change["manifest"]) == ("shop-1", "dependency", None)
            assert (await daemon.get("/api/v1/changes?service=nobody")).json["changes"] == []
            assert (await daemon.get("/api/v1/verdicts?limit=0")).status == 400

    asyncio.run(ask())


def test_an_incident_may_be_resolved_by_hand(store: Store) -> None:
    """What a verdict holds open no quiet time ends."""
    store.write(checkpoint())

    async def ask() -> None:
        async with live(store) as daemon:
            assert (await daemon.post("/api/v1/incidents/key/resolve")).status == 202
            assert (await daemon.post("/api/v1/incidents/nobody/resolve")).status == 404

    asyncio.run(ask())
    (command,) = store.commands_after(0)
    assert (command.what, json.loads(command.arguments)) == ("resolve", {"key": "key"})


def test_the_status_says_how_far_a_judgement_is() -> None:
    """Which window was judged last, whether one is asked for, and how many incidents it holds open."""
    one = Judgement(CHANGE, 900_000, 12, CHANGE.at_ms, CHANGE.id, window=2, asked=3, held={"k": P99})
    shown = judgement(one)
    assert (shown["change"], shown["window"], shown["windows"], shown["is_asked"], shown["held"]) == ("shop-1", 2, 12, True, 1)
