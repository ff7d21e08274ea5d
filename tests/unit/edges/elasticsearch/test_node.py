from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from detector.edges.elasticsearch import node as node_module
from detector.edges.elasticsearch.library import ConnectionError, ConnectionTimeout, HttpHeaders, NodeConfig, TransportError
from detector.edges.elasticsearch.node import ElasticsearchNode

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


class Server:
    """Writes the next of its answers for each request that it reads, and counts connections. An answer of b"" hangs up."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []

    async def __aenter__(self) -> Server:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def node(self, **changes: Any) -> ElasticsearchNode:
        port = self._server.sockets[0].getsockname()[1]
        return ElasticsearchNode(NodeConfig("http", "127.0.0.1", port, request_timeout=10, **changes))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(length))
                answer = self.answers.pop(0)
                writer.write(answer)
                if not answer or b"close" in answer:
                    break
        except asyncio.IncompleteReadError:
            pass
        writer.close()


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(limited())


def test_one_connection_serves_one_request_after_the_other() -> None:
    """Bodies and answers of any size, with a length, in chunks, without a body."""
    chunked = b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n'
    empty = b"HTTP/1.1 204 No Content\r\n\r\n"

    async def test() -> None:
        async with Server(OK, chunked, empty, OK) as server:
            node = server.node()
            bodies = [(await node.perform_request("POST", "/_bulk", b"x" * 3_000_000)).body]
            bodies += [(await node.perform_request("GET", "/")).body for _ in range(3)]
            assert bodies == [b"{}", b'{"a":1}', b"", b"{}"]
            assert server.connections == 1
            assert len(server.bodies[0]) == 3_000_000
            await node.close()

    run(test)


def test_an_answer_without_a_body_to_head() -> None:
    """HEAD has a length and nothing behind it; the connection is good for the next."""
    head = b"HTTP/1.1 404 Not Found\r\ncontent-length: 500\r\n\r\n"

    async def test() -> None:
        async with Server(head, OK) as server:
            node = server.node()
            answer = await node.perform_request("HEAD", "/index")
            assert (answer.meta.status, answer.body) == (404, b"")
            assert (await node.perform_request("GET", "/")).body == b"{}"
            assert server.connections == 1

    run(test)


def test_requests_at_once_have_connections_of_their_own() -> None:
    """Each gets its own answer; a few connections are kept."""
    answers = [b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % number for number in range(8)]

    async def test() -> None:
        async with Server(*answers) as server:
            node = server.node()
            found = await asyncio.gather(*(node.perform_request("GET", "/") for _ in range(8)))
            assert sorted(answer.body for answer in found) == [b"%d" % number for number in range(8)]
            assert len(node._idle) == node_module.MOST_IDLE
            await node.close()

    run(test)


def test_a_connection_that_the_server_closes_is_not_used_again() -> None:
    """Said in the answer, or done while it stood idle."""

    async def test() -> None:
        closing = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
        async with Server(closing, OK) as server:
            node = server.node()
            for _ in range(2):
                assert (await node.perform_request("POST", "/")).body == b"{}"
            assert server.connections == 2

    run(test)


@pytest.mark.parametrize(("method", "is_asked_again"), [("GET", True), ("HEAD", True), ("POST", False), ("PUT", False)])
def test_an_idle_connection_that_breaks_is_replaced_where_asking_twice_does_no_harm(method: str, is_asked_again: bool) -> None:
    """The server may close it at the very moment: a GET goes again on a new one, anything else is the caller's to decide."""

    async def test() -> None:
        async with Server(OK, b"", OK) as server:
            node = server.node()
            await node.perform_request("GET", "/")
            if is_asked_again:
                assert (await node.perform_request(method, "/")).meta.status == 200
            else:
                with pytest.raises(ConnectionError):
                    await node.perform_request(method, "/")
            assert server.connections == 1 + is_asked_again

    run(test)


def test_a_get_that_fails_on_a_new_connection_is_not_asked_again() -> None:
    """No hidden retries."""

    async def test() -> None:
        async with Server(b"", OK) as server:
            with pytest.raises(ConnectionError) as raised:
                await server.node().perform_request("GET", "/index/_doc/1?x=secret")
            assert raised.value.__notes__[0] == "GET /index/_doc/1"
            assert server.connections == 1

    run(test)


@pytest.mark.parametrize(
    "answer",
    [
        b"This is not HTTP close",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nx: close\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx: close\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 200_000 + b"close\r\n\r\n",
    ],
)
def test_rubbish_is_a_lost_connection(answer: bytes) -> None:
    """What is no whole answer in HTTP is none, and the connection is gone."""

    async def test() -> None:
        async with Server(answer) as server:
            node = server.node()
            with pytest.raises(ConnectionError):
                await node.perform_request("POST", "/")
            assert node._idle == []

    run(test)


def test_an_answer_of_a_gigabyte_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends at the bound, with or without a length."""
    monkeypatch.setattr(node_module, "MOST_BYTES", 1 << 20)

    async def test() -> None:
        endless = b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n" + b"x" * 3_000_000
        async with Server(endless) as server:
            with pytest.raises(ConnectionError, match="longer than 1 MiB"):
                await server.node().perform_request("GET", "/")

    run(test)


def test_a_request_that_is_given_up_leaves_no_connection() -> None:
    """Cancelled or timed out: what would come later is for nobody, and never for the next question."""

    async def test() -> None:
        silent = b"HTTP/1.1 200 OK\r\n"
        async with Server(silent, silent, OK) as server:
            node = server.node()
            with pytest.raises(ConnectionTimeout):
                await node.perform_request("POST", "/", request_timeout=0.05)
            task = asyncio.create_task(node.perform_request("POST", "/"))
            while len(server.heads) < 2:
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert node._idle == []

    run(test)


def test_a_header_that_http_has_no_room_for() -> None:
    """A line break or a letter beyond Latin-1 in an API key: an error that does not repeat it."""

    async def test() -> None:
        async with Server() as server:
            for value in ("ApiKey a\r\nx: y", "ApiKey ☃"):
                with pytest.raises(TransportError) as raised:
                    await server.node().perform_request("GET", "/", headers=HttpHeaders({"authorization": value}))
                assert "ApiKey" not in str(raised.value)

    run(test)


def test_a_path_in_the_address_comes_before_every_path() -> None:
    """For a cluster behind a proxy that shares its name."""

    async def test() -> None:
        async with Server(OK) as server:
            await server.node(path_prefix="/es").perform_request("GET", "/_search?q=1")
            assert server.heads[0].startswith(b"GET /es/_search?q=1 HTTP/1.1\r\nhost: 127.0.0.1:")

    run(test)
