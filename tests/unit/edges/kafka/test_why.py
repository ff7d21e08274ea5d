"""Words for what brokers and the network say, whatever they say."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl

import pytest
from aiokafka import errors

from detector.edges.kafka.connection import connection
from detector.edges.kafka.unwritten import unwritten
from detector.edges.kafka.why import field_of, why
from detector.errors import NoCredential
from detector.settings import KafkaSinkSettings, Secret

CANARY = "c4nary"


def every_kind(kind: type[BaseException]) -> list[type[BaseException]]:
    return [kind, *(one for child in kind.__subclasses__() for one in every_kind(child))]


KAFKAS = [kind for kind in every_kind(errors.KafkaError) if kind is not errors.BrokerResponseError]  # that one is abstract
KINDS = [*KAFKAS, *every_kind(OSError), TimeoutError, EOFError, AssertionError, ValueError, KeyError]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_there_are_words_for_every_error(kind: type[BaseException]) -> None:
    """Every one that aiokafka and Python know; none repeats what the other side may have put into it."""
    error = kind.__new__(kind)
    error.args = (CANARY,)
    assert why(error)
    assert CANARY not in why(error)
    made = unwritten(error, why(error))
    assert made.reason in ("clientError", "serverError", "authError", "contextDeadlineExceeded", "connectionError")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "nothing listens there"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1'), [Errno 111] x"), "nothing listens there"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route to that host"),
        (socket.gaierror(socket.EAI_NONAME, "x"), "the name is not known"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "the name does not resolve now"),
        (asyncio.IncompleteReadError(b"", 0x48545450), "what answers speaks HTTP: this is no Kafka broker"),
        (asyncio.IncompleteReadError(b"", 0x15030300), "what answers speaks TLS; set `tls: true`, or use the port without TLS"),
        (asyncio.IncompleteReadError(b"", 0x5353482D), "what answers does not speak Kafka's protocol"),
        (asyncio.IncompleteReadError(b"", None), "the broker closed the connection"),
        (ssl.SSLEOFError(8, "[SSL: UNEXPECTED_EOF_WHILE_READING] x"), "the broker closed the connection while TLS was agreed"),
        (errors.for_code(-1)(), "the broker answers UNKNOWN (-1)"),
        (NoCredential("ca_file: cannot be read"), "ca_file: cannot be read"),
    ],
)
def test_a_person_is_told_what_to_look_at(error: Exception, words: str) -> None:
    """Alone, and as the cause of aiokafka's own error."""
    assert why(error).startswith(words)
    wrapped = errors.KafkaConnectionError("x")
    wrapped.__cause__ = error
    assert why(wrapped).startswith(words)


def test_an_error_belongs_to_a_field() -> None:
    """The one whose line a person would look at."""
    settings = KafkaSinkSettings(type="kafka", servers=("a:1",), password=Secret("x"))
    assert field_of(errors.SaslAuthenticationFailed(), settings) == "password"
    assert field_of(errors.IllegalSaslStateError(), settings) == "sasl"
    assert field_of(NoCredential("cert_file, key_file: x"), settings) == "cert_file"
    assert field_of(asyncio.IncompleteReadError(b"", 0x15030300), settings) == "tls"
    assert field_of(ConnectionRefusedError(111, "x"), settings) == "servers"


@pytest.mark.parametrize(
    ("tls", "sasl", "protocol"), [(False, "none", "PLAINTEXT"), (True, "none", "SSL"), (True, "plain", "SASL_SSL")]
)
def test_clients_are_given_what_the_settings_say(tls: bool, sasl: str, protocol: str) -> None:
    """And nothing that the settings leave out."""
    made = KafkaSinkSettings(type="kafka", servers=("a:1", "[::1]:2"), tls=tls, sasl=sasl, username="u", password=Secret("p"))  # type: ignore[arg-type]
    arguments = connection(made)
    assert arguments["bootstrap_servers"] == ["a:1", "[::1]:2"]
    assert (arguments["security_protocol"], arguments["request_timeout_ms"]) == (protocol, 10_000)
    assert ("ssl_context" in arguments) is tls
    assert arguments.get("sasl_mechanism") == (None if sasl == "none" else "PLAIN")
    assert arguments.get("sasl_plain_password") == (None if sasl == "none" else "p")
