"""What the Kafka sink makes of servers that are no brokers: the contract of every sink, in Kafka's protocol."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from detector.edges.sinks import sink_for
from detector.errors import SinkError
from detector.settings import KafkaSinkSettings, Secret
from tests.contract.scripted_receiver import CA_FILE, Play, ScriptedReceiver
from tests.contract.sink_cases import ALERT, NOW_MS, SECRET


@dataclass
class Stranger:
    """Answers whatever it is told with `says`; with None it says nothing until the caller leaves."""

    says: bytes | None
    server: str = ""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(65_536)
            self.asked.set()
            if self.says is None:
                await reader.read()
            else:
                writer.write(self.says)
                await writer.drain()
        except OSError:
            pass
        finally:
            self.left.set()
            writer.close()


@asynccontextmanager
async def stranger(says: bytes | None) -> AsyncIterator[Stranger]:
    made = Stranger(says)
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        made.server = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield made


async def refusal(server: str, timeout_s: float = 2, **more: Any) -> SinkError:
    sink = sink_for(KafkaSinkSettings(type="kafka", servers=(server,), timeout=timedelta(seconds=timeout_s), **more))
    await sink.open()
    try:
        with pytest.raises(SinkError) as caught:
            await sink.send(ALERT, "", NOW_MS)
    finally:
        await sink.close()
    assert [task for task in asyncio.all_tasks() if "aiokafka" in repr(task)] == []
    return caught.value


def test_nobody_listens_and_nobody_is_called_so() -> None:
    """Both are tried again, and both are said."""

    async def test() -> None:
        for server, words in (("127.0.0.1:1", "nothing listens there"), ("kafka.invalid:9092", "the name ")):
            error = await refusal(server)
            assert (error.retryable, error.reason) == (True, "connectionError")
            assert str(error).startswith(f"{server}: {words}")

    asyncio.run(test())


def answer(body: bytes, correlation: int = 1) -> bytes:
    return struct.pack(">ii", len(body) + 4, correlation) + body


GARBAGE = {
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "zeros": b"\x00" * 100_000,
    "nothing": b"",
    "negative length": b"\xff\xff\xff\xff" + b"x" * 100,
    "cut short": answer(b"\x00\x00")[:7],
    "another's answer": answer(b"\x00\x00\x00\x00\x00\x01\x00\x12\x00\x00\x00\x02", correlation=77),
    "no versions": answer(b"\x00\x00\x00\x00\x00\x00"),
    "backwards versions": answer(b"\x00\x00\x00\x00\x00\x01\x00\x12\x00\x09\x00\x00"),
    "a thousand million versions": answer(b"\x00\x00\x3b\x9a\xca\x00"),
    "versions of the future": answer(b"\x00\x00\x00\x00\x00\x01\x00\x03\x00\x63\x00\x70"),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_instead_of_an_answer_is_no_delivery(name: str) -> None:
    """Something that is no broker listens there: tried again, in bounded time, nothing left behind."""

    async def test() -> None:
        async with stranger(GARBAGE[name]) as there:
            error = await refusal(there.server)
        assert error.retryable
        assert error.reason in ("connectionError", "contextDeadlineExceeded", "serverError")
        assert len(str(error)) < 500

    asyncio.run(test())


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\n\r\n", b"\x7f\xff\xff\xff", b"\x20\x00\x00\x00", b"\x80\x00\x00\x00"])
def test_a_stream_without_end_is_not_taken_in(begin: bytes) -> None:
    """Whatever length the first four bytes announce: the connection is closed at once, and memory stays where it was."""

    async def test() -> None:
        sent = 0

        async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            with contextlib.suppress(OSError):
                await reader.read(65_536)
                writer.write(begin)
                while not writer.is_closing():
                    writer.write(b"x" * 65_536)
                    await writer.drain()
                    sent += 65_536
            writer.close()

        async with await asyncio.start_server(stream, "127.0.0.1", 0) as server:
            error = await refusal(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", 5)
        assert (error.retryable, error.reason) == (True, "connectionError")
        assert sent < 50 << 20

    asyncio.run(test())


def test_silence_is_timed_out() -> None:
    """The wait is the settings', and the connection is gone afterwards."""

    async def test() -> None:
        async with stranger(None) as there:
            async with asyncio.timeout(8):  # below the settings' default
                error = await refusal(there.server, 0.3)
            assert (error.retryable, error.reason) == (True, "contextDeadlineExceeded")
            await asyncio.wait_for(there.left.wait(), 5)

    asyncio.run(test())


def test_cancelled_in_mid_send_nothing_is_left_open() -> None:
    """The cancellation passes through, and the connection is closed."""

    async def test() -> None:
        async with stranger(None) as there:
            sink = sink_for(KafkaSinkSettings(type="kafka", servers=(there.server,)))
            sending = asyncio.ensure_future(sink.send(ALERT, "", NOW_MS))
            await there.asked.wait()
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            await sink.close()
            await asyncio.wait_for(there.left.wait(), 5)
            assert [task for task in asyncio.all_tasks() if "Stranger" not in repr(task)] == [asyncio.current_task()]

    asyncio.run(test())


def _untrusted(url: str) -> KafkaSinkSettings:
    return _to(url, tls=True)


def _to(url: str, **more: Any) -> KafkaSinkSettings:
    server = url.partition("://")[2]
    secret = {"sasl": "plain", "username": "writer", "password": Secret(SECRET)}
    return KafkaSinkSettings(type="kafka", servers=(server,), timeout=timedelta(seconds=2), **secret | more)


@pytest.mark.parametrize(
    ("is_tls", "make", "words"),
    [
        (True, _untrusted, "the broker's certificate is not trusted"),
        (True, lambda url: _to(url.replace("127.0.0.1", "127.1"), tls=True, ca_file=CA_FILE), "certificate is for another name"),
        (True, _to, "does this port ask for SASL or TLS"),
        (False, _untrusted, "`tls`"),
        (False, _to, "the broker closed the connection"),
    ],
)
def test_nobody_gets_the_password_who_has_not_proved_who_they_are(
    is_tls: bool, make: Callable[[str], KafkaSinkSettings], words: str
) -> None:
    """TLS fails closed; and what is said does not hold the password either."""

    async def test() -> None:
        async with ScriptedReceiver(ever_after=Play(400), is_tls=is_tls) as receiver:
            settings = make(receiver.url)
            sink = sink_for(settings)
            with pytest.raises(SinkError) as caught:
                await sink.send(ALERT, "", NOW_MS)
            await sink.close()
            assert (caught.value.retryable, caught.value.reason) == (True, "connectionError")
            assert words in str(caught.value)
            assert SECRET not in str(caught.value)
            assert not any(SECRET.encode() in request.body for request in receiver.requests)

    asyncio.run(test())
