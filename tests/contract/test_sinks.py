"""What every sink keeps to, held against real servers that answer as the worst receivers do."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest

from detector.edges.sinks import SINKS, receiver_for, sink_for
from detector.edges.sinks.base import Delivered, Sink
from detector.errors import SinkError
from detector.records import Alert
from tests.contract.scripted_receiver import CA_FILE, Play, ScriptedReceiver, retry_at
from tests.contract.sink_cases import ALERT, CASES, HTTP_CASES, NOW_MS, RESOLVE, SECRET, TIMEOUT, UPDATE, SinkCase
from tests.contract.topic_receiver import TopicReceiver

every_sink = pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.service] if case.is_kafka else [], id=name) for name, case in CASES.items()]
)
every_http_sink = pytest.mark.parametrize("case", HTTP_CASES.values(), ids=HTTP_CASES)


@pytest.fixture
def receiver(request: pytest.FixtureRequest, case: SinkCase) -> ScriptedReceiver | TopicReceiver:
    """Where all is well; to be entered by the test. Kafka's is a topic of a real broker."""
    return TopicReceiver(request.getfixturevalue("kafka_broker")) if case.is_kafka else ScriptedReceiver(ever_after=case.ok)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


async def send(
    case: SinkCase, url: str, alert: Alert = ALERT, ca_file: str | None = None, timeout: timedelta = TIMEOUT
) -> Delivered:
    sink = sink_for(case.make(url, ca_file, timeout))
    await sink.open()
    try:
        return await sink.send(alert, "", NOW_MS)
    finally:
        await sink.close()


async def refusal(case: SinkCase, play: Play, timeout: timedelta = TIMEOUT) -> SinkError:
    async with ScriptedReceiver(ever_after=play) as receiver:
        with pytest.raises(SinkError) as caught:
            await send(case, receiver.url, timeout=timeout)
    return caught.value


def test_every_registered_sink_has_a_case() -> None:
    """A new entry in SINKS without one fails here."""
    assert {case.type for case in CASES.values()} == set(SINKS)


@every_sink
@pytest.mark.parametrize("alert", [ALERT, UPDATE, RESOLVE], ids=["trigger", "update", "resolve"])
def test_an_alert_that_is_taken_is_delivered(case: SinkCase, alert: Alert, receiver: ScriptedReceiver | TopicReceiver) -> None:
    """Each action, one request each, and a note that fits the outbox."""

    async def test() -> None:
        async with receiver:
            delivered = await send(case, receiver.url, alert)
            assert len(delivered.note.encode()) <= 1024
            assert len(await receiver.received()) == (0 if case.type == "stdout" else 1)

    run(test())


@every_sink
def test_close_is_safe_at_any_time(case: SinkCase, receiver: ScriptedReceiver | TopicReceiver) -> None:
    """Before open, twice, and after a send."""

    async def test() -> None:
        async with receiver:
            sink = sink_for(case.make(receiver.url, None, TIMEOUT))
            await sink.close()
            await sink.open()
            await sink.send(ALERT, "", NOW_MS)
            await sink.close()
            await sink.close()

    run(test())


@every_sink
@pytest.mark.parametrize("note", ["x", "{}", "[]", '{"channel":1,"ts":[]}', "\x00" * 1024, '{"dedup_key":"another"}', "null"])
def test_a_note_that_makes_no_sense_is_no_note(case: SinkCase, note: str, receiver: ScriptedReceiver | TopicReceiver) -> None:
    """A note from an older release, or from another sink of the same name."""

    async def test() -> None:
        async with receiver:
            sink = sink_for(case.make(receiver.url, None, TIMEOUT))
            await sink.send(UPDATE, note, NOW_MS)
            await sink.close()

    run(test())


@every_sink
def test_the_name_is_the_settings_own(case: SinkCase) -> None:
    """And what the sink wants to hear goes by the same name."""
    settings = case.make("http://127.0.0.1:1", None, TIMEOUT)
    assert sink_for(settings).name == settings.name == receiver_for(settings).name


@every_http_sink
def test_retry_after_in_seconds_is_honoured(case: SinkCase) -> None:
    """429 with a number."""

    async def test() -> None:
        error = await refusal(case, Play(429, headers=(("Retry-After", "17"),)))
        assert (error.retryable, error.reason, error.retry_after_s) == (True, "rateLimited", 17.0)

    run(test())


@every_http_sink
def test_retry_after_as_a_date_is_honoured_to_the_second(case: SinkCase) -> None:
    """429 with an HTTP date, and 503 with one."""

    async def test() -> None:
        for status, reason in ((429, "rateLimited"), (503, "serverError")):
            error = await refusal(case, Play(status, headers=(retry_at(NOW_MS / 1000 + 42),)))
            assert (error.retryable, error.reason, error.retry_after_s) == (True, reason, 42.0)

    run(test())


@every_http_sink
@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 408])
def test_a_receiver_in_trouble_is_tried_again(case: SinkCase, status: int) -> None:
    """5xx and 408 say nothing about the alert."""

    async def test() -> None:
        assert (await refusal(case, Play(status))).retryable

    run(test())


@every_http_sink
@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, "clientError"), (404, "clientError"), (413, "clientError"), (401, "authError"), (403, "authError")],
)
def test_what_will_not_change_is_given_up(case: SinkCase, status: int, reason: str) -> None:
    """400, 401, 403, 404 and 413: the same request would fail again, and the fallback has to hear of it now."""

    async def test() -> None:
        error = await refusal(case, Play(status, b'{"message":"no"}'))
        assert (error.retryable, error.reason, error.retry_after_s) == (False, reason, None)

    run(test())


@every_http_sink
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(case: SinkCase, status: int) -> None:
    """Where a receiver sends us is not where the settings do: one request, no second connection."""

    async def test() -> None:
        async with ScriptedReceiver() as elsewhere:
            play = Play(status, headers=(("Location", f"{elsewhere.url}/x"),))
            error = await refusal(case, play)
            assert not error.retryable
            assert elsewhere.connections == 0

    run(test())


@every_http_sink
def test_a_connection_that_closes_without_an_answer_is_tried_again(case: SinkCase) -> None:
    """Whether it took the alert is unknown: the dedup key makes a second one harmless."""

    async def test() -> None:
        for play in (Play(None), Play(None, then_reset=True)):
            error = await refusal(case, play)
            assert (error.retryable, error.reason) == (True, "connectionError")

    run(test())


@every_http_sink
def test_a_reset_after_the_whole_answer_changes_nothing(case: SinkCase) -> None:
    """What was said was said."""

    async def test() -> None:
        async with ScriptedReceiver(ever_after=Play(case.ok.status, case.ok.body, then_reset=True)) as receiver:
            await send(case, receiver.url)

    run(test())


@pytest.mark.parametrize("name", ["webhook", "pagerduty", "alertmanager"])
def test_a_reset_after_202_is_a_delivery(name: str) -> None:
    """The status has said it; the rest of the body would have added nothing."""

    async def test() -> None:
        async with ScriptedReceiver(ever_after=Play(202, b'{"sta', promised=100, then_reset=True)) as receiver:
            await send(CASES[name], receiver.url)

    run(test())


@pytest.mark.parametrize("name", ["slack", "slack bot"])
def test_a_chat_whose_answer_breaks_off_has_not_been_told(name: str) -> None:
    """Its body is what counts: tried again, and a chat may show one message twice."""

    async def test() -> None:
        error = await refusal(CASES[name], Play(200, b'{"o', promised=100, then_reset=True))
        assert error.retryable

    run(test())


@every_http_sink
def test_200_with_an_error_in_the_body_is_no_delivery(case: SinkCase) -> None:
    """For every receiver that has a word of its own."""

    async def test() -> None:
        if case.says_error is not None:
            error = await refusal(case, case.says_error)
            assert (error.retryable, error.reason) == (False, "clientError")

    run(test())


@pytest.mark.parametrize(
    ("body", "retryable", "reason"),
    [
        (b'{"ok":false,"error":"ratelimited"}', True, "rateLimited"),
        (b'{"ok":false,"error":"internal_error"}', True, "serverError"),
        (b'{"ok":false,"error":"invalid_auth"}', False, "authError"),
        (b'{"ok":false,"error":"token_revoked"}', False, "authError"),
        (b'{"ok":false,"error":"msg_too_long"}', False, "clientError"),
        (b'{"ok":false}', True, "serverError"),
        (b'{"code":19021,"msg":"sign match fail"}', True, "serverError"),
        (b"<html>Sign in to the proxy</html>", True, "serverError"),
        (b"", True, "serverError"),
        (b"[1]", True, "serverError"),
    ],
)
@pytest.mark.parametrize("name", ["slack", "slack bot"])
def test_a_chat_is_told_only_when_it_says_so(name: str, body: bytes, retryable: bool, reason: str) -> None:
    """200 alone means nothing."""

    async def test() -> None:
        error = await refusal(CASES[name], Play(200, body))
        assert (error.retryable, error.reason) == (retryable, reason)

    run(test())


@every_http_sink
def test_a_huge_answer_is_not_read_to_its_end(case: SinkCase) -> None:
    """A body without end is cut off at 64 KiB and the connection closed."""

    async def test() -> None:
        async with ScriptedReceiver(ever_after=Play(400, endless=True)) as receiver:
            with pytest.raises(SinkError) as caught:
                await send(case, receiver.url)
            await asyncio.wait_for(receiver.left.wait(), 5)
            assert caught.value.reason == "clientError"
            assert len(str(caught.value)) < 500

    run(test())


@every_http_sink
def test_a_slow_answer_is_timed_out(case: SinkCase) -> None:
    """The wait is the settings', the reason Alertmanager's word for it, and the connection is gone afterwards."""

    async def test() -> None:
        async with ScriptedReceiver(ever_after=Play(hangs=True)) as receiver:
            with pytest.raises(SinkError) as caught:
                await send(case, receiver.url, timeout=timedelta(milliseconds=100))
            assert (caught.value.retryable, caught.value.reason) == (True, "contextDeadlineExceeded")
            await asyncio.wait_for(receiver.left.wait(), 5)

    run(test())


@every_http_sink
def test_cancelled_in_mid_send_nothing_is_left_open(case: SinkCase) -> None:
    """The cancellation passes through, the connection is closed, and the sink sends again."""

    async def test() -> None:
        async with ScriptedReceiver([Play(hangs=True)], ever_after=case.ok) as receiver:
            sink = sink_for(case.make(receiver.url, None, TIMEOUT))
            await sink.open()
            sending = asyncio.ensure_future(sink.send(ALERT, "", NOW_MS))
            await receiver.asked.wait()
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            await asyncio.wait_for(receiver.left.wait(), 5)
            await sink.send(ALERT, "", NOW_MS)
            await sink.close()

    run(test())


@every_http_sink
def test_a_name_that_does_not_resolve_is_tried_again(case: SinkCase) -> None:
    """`.invalid` never resolves (RFC 2606)."""

    async def test() -> None:
        with pytest.raises(SinkError) as caught:
            await send(case, "http://receiver.invalid:8080")
        assert (caught.value.retryable, caught.value.reason) == (True, "connectionError")

    run(test())


@every_http_sink
def test_nobody_listening_is_tried_again(case: SinkCase) -> None:
    """Connection refused."""

    async def test() -> None:
        async with ScriptedReceiver() as gone:
            pass
        with pytest.raises(SinkError) as caught:
            await send(case, gone.url)
        assert (caught.value.retryable, caught.value.reason) == (True, "connectionError")

    run(test())


@every_http_sink
def test_a_certificate_nobody_vouches_for_is_refused(case: SinkCase) -> None:
    """TLS fails closed, is tried again (certificates are renewed), and nothing of the request was sent."""

    async def test() -> None:
        async with ScriptedReceiver(ever_after=case.ok, is_tls=True) as receiver:
            with pytest.raises(SinkError, match="certificate") as caught:
                await send(case, receiver.url)
            assert (caught.value.retryable, caught.value.reason) == (True, "connectionError")
            assert receiver.requests == []

    run(test())


@every_http_sink
def test_a_server_that_speaks_no_tls_is_tried_again(case: SinkCase) -> None:
    """https:// against plain HTTP."""

    async def test() -> None:
        async with ScriptedReceiver(ever_after=Play(400)) as receiver:
            with pytest.raises(SinkError) as caught:
                await send(case, receiver.url.replace("http:", "https:"))
            assert (caught.value.retryable, caught.value.reason) == (True, "connectionError")

    run(test())


@pytest.mark.parametrize("name", ["webhook", "alertmanager"])
def test_an_authority_of_ones_own_is_trusted(name: str) -> None:
    """`ca_file` of the settings; one that cannot be read is the send's trouble, not the start's."""

    async def test() -> None:
        async with ScriptedReceiver(is_tls=True) as receiver:
            await send(CASES[name], receiver.url, ca_file=CA_FILE)
            assert len(receiver.requests) == 1
            with pytest.raises(SinkError, match="ca_file"):
                await send(CASES[name], receiver.url, ca_file="/nowhere/ca.pem")

    run(test())


@every_http_sink
def test_the_systems_authorities_are_trusted(case: SinkCase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that OpenSSL is told of, and for the name that was asked for alone."""
    monkeypatch.setenv("SSL_CERT_FILE", CA_FILE)

    async def test() -> None:
        async with ScriptedReceiver(ever_after=case.ok, is_tls=True) as receiver:
            await send(case, receiver.url.replace("127.0.0.1", "localhost"))
            assert len(receiver.requests) == 1
            loop = asyncio.get_running_loop()
            here = await loop.getaddrinfo("127.0.0.1", receiver.port, type=socket.SOCK_STREAM)

            async def impostor(*_: object, **__: object) -> object:
                return here

            monkeypatch.setattr(loop, "getaddrinfo", impostor)
            with pytest.raises(SinkError, match="certificate is not trusted: Hostname mismatch"):
                await send(case, receiver.url.replace("127.0.0.1", "pager.test"))
            assert len(receiver.requests) == 1

    run(test())


@every_http_sink
@pytest.mark.parametrize(
    "garbage", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00" * 100_000, b"HTTP/1.1 2000 X\r\n\r\n", b"HTTP/1.1 200 X\r\n"]
)
def test_garbage_instead_of_an_answer_is_no_delivery(case: SinkCase, garbage: bytes) -> None:
    """Something that is no HTTP listens there."""

    async def test() -> None:
        async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(65_536)
            writer.write(garbage)
            writer.close()

        async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
            with pytest.raises(SinkError) as caught:
                await send(case, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        assert (caught.value.retryable, caught.value.reason) == (True, "connectionError")

    run(test())


@every_http_sink
def test_an_error_never_repeats_a_secret(case: SinkCase) -> None:
    """Also when the receiver echoes it in its answer."""

    async def test() -> None:
        error = await refusal(case, Play(400, f"bad key {SECRET} for you".encode()))
        assert SECRET not in str(error)
        assert "bad key" in str(error) or "***" in str(error)

    run(test())


def test_apprise_tells_what_it_can() -> None:
    """A refusal is a refusal, but nothing more is known: always tried again."""

    async def test() -> None:
        for play in (Play(400), Play(500), Play(None)):
            error = await refusal(CASES["apprise"], play)
            assert (error.retryable, error.reason) == (True, "serverError")
        with pytest.raises(SinkError, match="does not know") as caught:
            await send(CASES["apprise"], "nosuchscheme://x")
        assert not caught.value.retryable

    run(test())


def test_apprise_lets_go_when_cancelled() -> None:
    """The worker thread ends with its own socket's time-out; nobody waits for it meanwhile."""

    async def test() -> None:
        async with ScriptedReceiver(ever_after=Play(hangs=True)) as receiver:
            sending = asyncio.ensure_future(send(CASES["apprise"], receiver.url))
            await receiver.asked.wait()
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(sending, 0.5)
            with pytest.raises(SinkError) as caught:
                await send(CASES["apprise"], receiver.url, timeout=timedelta(milliseconds=50))
            assert caught.value.reason == "contextDeadlineExceeded"

    run(test())


def test_standard_output_that_is_not_read_times_out_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines stay whole: what was left of one goes out before the next."""
    from detector.edges.sinks import stdout
    from detector.settings import StdoutSinkSettings

    monkeypatch.setattr(stdout, "_TIMEOUT_S", 0.05)

    async def test() -> None:
        reading, writing = os.pipe()
        sink = stdout.StdoutSink(StdoutSinkSettings(type="stdout"), writing)
        sent, refused = await _until_refused(sink)
        assert (refused.retryable, refused.reason) == (True, "contextDeadlineExceeded")
        first = os.read(reading, 1 << 20)
        await sink.send(RESOLVE, "", NOW_MS)
        os.close(writing)
        lines = (first + os.read(reading, 1 << 20)).splitlines()
        os.close(reading)
        assert sent > 10
        assert len(lines) in (sent + 1, sent + 2)
        assert all(line.startswith(b'{"kind":"incident"') and line.endswith(b"}") for line in lines)

    run(test())


async def _until_refused(sink: Sink) -> tuple[int, SinkError]:
    for sent in range(1_000_000):
        try:
            await sink.send(ALERT, "", NOW_MS)
        except SinkError as error:
            return sent, error
    raise AssertionError("a pipe that nobody reads took everything")


def test_standard_output_that_is_gone_is_tried_again() -> None:
    """A closed pipe is an error of the delivery, not of the process."""
    from detector.edges.sinks.stdout import StdoutSink
    from detector.settings import StdoutSinkSettings

    async def test() -> None:
        reading, writing = os.pipe()
        os.close(reading)
        sink = StdoutSink(StdoutSinkSettings(type="stdout"), writing)
        with pytest.raises(SinkError) as caught:
            await sink.send(ALERT, "", NOW_MS)
        os.close(writing)
        assert (caught.value.retryable, caught.value.reason) == (True, "connectionError")

    run(test())
