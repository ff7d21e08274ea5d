from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from detector.edges.elasticsearch import node
from detector.edges.elasticsearch.client import client, secrets, sink_error
from detector.edges.elasticsearch.failures import why
from detector.errors import SinkError
from detector.settings import ElasticsearchSettings, Secret
from tests.services.meddler import Answer, Meddler, Request, instead

TLS = Path(__file__).parents[3] / "data" / "tls"
PASSWORD = "correct-horse-battery"


def settings(*urls: str, **changes: Any) -> ElasticsearchSettings:
    return ElasticsearchSettings(urls=urls, timeout=timedelta(seconds=changes.pop("timeout_s", 5)), **changes)


async def failure(used: ElasticsearchSettings) -> SinkError:
    """What a bulk request ends with."""
    cluster = client(used)
    try:
        await cluster.bulk(operations=[{"create": {"_index": "i"}}, {}])
    except Exception as error:
        return sink_error(error, 0, secrets(used))
    finally:
        await cluster.close()
    raise AssertionError("it was taken")


def answered(status: int, body: object = None, **headers: str) -> SinkError:
    """The same, when the cluster's answer is this one."""

    async def ask() -> SinkError:
        async with Meddler("http://127.0.0.1:9") as cluster:
            cluster.plan.append(instead(status, body, **headers))
            return await failure(settings(cluster.address))

    return asyncio.run(ask())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def reason(kind: str, words: str, **more: object) -> dict[str, object]:
    return {"error": {"type": kind, "reason": words, **more}}


def test_nobody_there() -> None:
    """The address, and that nothing listens: retryable."""
    error = asyncio.run(failure(settings(f"http://127.0.0.1:{free_port()}")))
    assert "connection refused" in str(error)
    assert "127.0.0.1" in str(error)
    assert (error.retryable, error.reason) == (True, "connectionError")


def test_no_such_name() -> None:
    """The name that does not resolve."""
    error = asyncio.run(failure(settings("http://cluster.invalid:9200")))
    assert str(error) == "cluster.invalid:9200: the name does not resolve"


async def _tls_server(answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> asyncio.Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
    return await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)


def _address_of(scheme: str, server: asyncio.Server) -> str:
    return f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _speak_http(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


def test_a_certificate_that_nobody_signed() -> None:
    """What is wrong with it, and the setting that would trust it."""

    async def ask() -> SinkError:
        async with await _tls_server(_hang_up) as server:
            return await failure(settings(_address_of("https", server)))

    error = asyncio.run(ask())
    assert "its certificate is not trusted" in str(error)
    assert "ca_file" in str(error)


def test_tls_where_none_is_spoken() -> None:
    """https:// to a port that speaks http is called by its name."""

    async def ask() -> SinkError:
        async with await asyncio.start_server(_speak_http, "127.0.0.1", 0) as server:
            return await failure(settings(_address_of("https", server)))

    assert "TLS failed" in str(asyncio.run(ask()))


def test_a_ca_file_that_is_not_there() -> None:
    """The setting's name; it may be back by then."""
    error = asyncio.run(_raised(settings("https://127.0.0.1:9", ca_file="/nowhere/ca.pem")))
    assert str(error).startswith("ca_file: ")
    assert error.retryable


async def _raised(used: ElasticsearchSettings) -> SinkError:
    with pytest.raises(SinkError) as raised:
        client(used)
    return raised.value


@pytest.mark.parametrize("url", ["127.0.0.1:9200", "cluster", "", "ftp://x:1", "http://"])
def test_an_address_that_is_none(url: str) -> None:
    """Told without a traceback, and without the address, which may hold a password."""
    with pytest.raises(SinkError, match="urls: an address begins with"):
        client(settings(url))


def test_no_answer() -> None:
    """A cluster that takes the request and says nothing: contextDeadlineExceeded, after our time-out and not another's."""

    async def hang(_request: Request, _forward: object) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    async def ask() -> SinkError:
        async with Meddler("http://127.0.0.1:9") as cluster:
            cluster.plan.append(hang)
            return await failure(settings(cluster.address, timeout_s=0.2))

    error = asyncio.run(ask())
    assert (error.reason, error.retryable) == ("contextDeadlineExceeded", True)
    assert "no answer in time" in str(error)


@pytest.mark.parametrize(
    ("status", "word", "retryable"),
    [
        (400, "clientError", False),
        (401, "authError", False),
        (403, "authError", False),
        (404, "clientError", False),
        (408, "clientError", True),
        (413, "clientError", False),
        (429, "rateLimited", True),
        (500, "serverError", True),
        (503, "serverError", True),
        (504, "serverError", True),
    ],
)
def test_each_status_has_a_meaning(status: int, word: str, retryable: bool) -> None:
    """The status, what was asked and the cluster's own words are in the text."""
    error = answered(status, reason("some_exception", "the words of the cluster"))
    assert (error.reason, error.retryable) == (word, retryable)
    for part in ("PUT /_bulk", str(status), "some_exception: the words of the cluster"):
        assert part in str(error)


@pytest.mark.parametrize(("status", "wait_s"), [(429, 7.0), (503, 7.0), (400, None)])
def test_retry_after_is_heard(status: int, wait_s: float | None) -> None:
    """Where trying again makes sense."""
    assert answered(status, retry_after="7").retry_after_s == wait_s


def test_the_innermost_cause_is_told() -> None:
    """It is the one that names the field."""
    error = answered(400, reason("outer", "failed to parse", caused_by={"type": "inner", "reason": "field [a] is a long"}))
    assert "outer: failed to parse; inner: field [a] is a long" in str(error)


def test_a_missing_right_is_named() -> None:
    """As Elasticsearch says it: the action, the user, the privilege that would grant it."""
    said = "action [indices:data/write/bulk] is unauthorized for user [shop] on indices [i], granted by [create_doc]"
    error = answered(403, reason("security_exception", said))
    assert "indices:data/write/bulk" in str(error)
    assert "the rights do not cover this" in str(error)


def test_an_older_cluster_is_recognised() -> None:
    """Release 8 refuses this client's media type."""
    error = answered(400, reason("media_type_header_exception", "Accept version must be either version 8 or 7, but found 9"))
    assert "release 9" in str(error)


def test_something_else_that_answers() -> None:
    """A page of a proxy is no answer of a cluster, and what it is taken for is said."""
    assert "not as Elasticsearch" in str(answered(200, {"welcome": "nginx"}))

    async def ask() -> SinkError:
        async def page(_request: Request, _forward: object) -> Answer:
            return Answer(200, b"<html>", {"content-type": "text/html; charset=utf-8"})

        async with Meddler("http://127.0.0.1:9") as cluster:
            cluster.plan.append(page)
            return await failure(settings(cluster.address))

    error = asyncio.run(ask())
    assert error.retryable
    assert "Elasticsearch" in str(error)


def test_an_endless_answer_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the bound is no answer, and is not read to its end."""
    monkeypatch.setattr(node, "MOST_BYTES", 1 << 20)
    error = answered(200, {"took": "x" * (2 << 20)}, x_elastic_product="Elasticsearch")
    assert "longer than 1 MiB" in str(error)


@pytest.mark.parametrize(
    ("used", "sent"),
    [
        (
            {"username": "elastic", "password": Secret(PASSWORD)},
            "Basic " + base64.b64encode(f"elastic:{PASSWORD}".encode()).decode(),
        ),
        ({"api_key": Secret(PASSWORD)}, f"ApiKey {PASSWORD}"),
        ({"api_key": Secret(f"VuaCfG:{PASSWORD}")}, "ApiKey " + base64.b64encode(f"VuaCfG:{PASSWORD}".encode()).decode()),
        ({"username": "elastic", "password": Secret("other"), "api_key": Secret(PASSWORD)}, f"ApiKey {PASSWORD}"),
        ({}, None),
    ],
)
def test_who_we_are_is_sent_and_never_said(used: dict[str, Any], sent: str | None) -> None:
    """A cluster, or what stands before it, that echoes our credentials in its error does not get them into ours."""

    async def echo(request: Request, _forward: object) -> Answer:
        said = str(reason("echo", f"bad {request.headers.get('authorization')} {PASSWORD}")).replace("'", '"').encode()
        return Answer(403, said)

    async def ask() -> tuple[SinkError, str | None]:
        async with Meddler("http://127.0.0.1:9") as cluster:
            cluster.plan.append(echo)
            error = await failure(settings(cluster.address, **used))
            return error, cluster.seen[0].headers.get("authorization")

    error, authorization = asyncio.run(ask())
    assert authorization == sent
    if used:
        assert PASSWORD not in str(error)
        assert base64.b64encode(f"elastic:{PASSWORD}".encode()).decode() not in str(error)


def test_a_password_in_the_address_is_used_and_hidden() -> None:
    """Some people write it there."""

    async def ask() -> tuple[SinkError, str | None]:
        async with Meddler("http://127.0.0.1:9") as cluster:
            cluster.plan.append(instead(401, reason("security_exception", f"unable to authenticate {PASSWORD}")))
            error = await failure(settings(cluster.address.replace("//", f"//elastic:{PASSWORD}@")))
            return error, cluster.seen[0].headers.get("authorization")

    error, authorization = asyncio.run(ask())
    assert authorization == "Basic " + base64.b64encode(f"elastic:{PASSWORD}".encode()).decode()
    assert PASSWORD not in str(error)


def test_a_secret_file_that_is_gone_or_empty(tmp_path: Path) -> None:
    """Told by the setting's name; it may be there at the next try."""
    empty = tmp_path / "empty"
    empty.write_text("\n")
    for file in (empty, tmp_path / "gone"):
        with pytest.raises(SinkError, match="api_key: ") as raised:
            client(settings("http://127.0.0.1:9", api_key=Secret(file=str(file))))
        assert (raised.value.retryable, raised.value.reason) == (True, "authError")


def test_it_never_tries_again_by_itself() -> None:
    """One call, one request, whatever the answer."""

    async def ask() -> int:
        async with Meddler("http://127.0.0.1:9") as cluster:
            cluster.plan.extend([instead(503), instead(200)])
            await failure(settings(cluster.address))
            return len(cluster.seen)

    assert asyncio.run(ask()) == 1


def test_another_node_is_asked_after_a_failure() -> None:
    """Of two addresses, one of them dead, the second request at the latest reaches the other."""

    async def ask() -> tuple[int, list[str]]:
        said = []
        async with Meddler("http://127.0.0.1:9") as cluster:
            cluster.plan.extend([instead(200, {"items": []}, x_elastic_product="Elasticsearch")] * 3)
            both = client(settings(f"http://127.0.0.1:{free_port()}", cluster.address))
            for _ in range(3):
                try:
                    await both.bulk(operations=[{"create": {"_index": "i"}}, {}])
                except Exception as error:
                    said.append(why(error))
            await both.close()
            return len(cluster.seen), said

    reached, said = asyncio.run(ask())
    assert reached >= 2
    assert all("connection refused" in each for each in said)


def test_opensearch_passes() -> None:
    """It is spoken to in plain JSON, and need not say that it is Elasticsearch; with the other flavor it is refused by name."""

    async def ask(flavor: str) -> tuple[Any, Request]:
        async with Meddler("http://127.0.0.1:9") as cluster:
            cluster.plan.append(instead(200, {"items": [], "errors": False}))
            there = client(settings(cluster.address, flavor=flavor))
            try:
                answer = (await there.bulk(operations=[{"create": {"_index": "i"}}, {}])).body
            except Exception as error:
                answer = why(error)
            await there.close()
            return answer, cluster.seen[0]

    answer, request = asyncio.run(ask("opensearch"))
    assert answer == {"items": [], "errors": False}
    assert (request.headers["accept"], request.headers["content-type"]) == ("application/json", "application/x-ndjson")
    refused, vendored = asyncio.run(ask("elasticsearch"))
    assert "flavor: opensearch" in refused
    assert vendored.headers["accept"] == "application/vnd.elasticsearch+json; compatible-with=9"
