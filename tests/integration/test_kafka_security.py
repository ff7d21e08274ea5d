"""TLS, certificates, SASL PLAIN and SCRAM against a real broker, as the source's consumer and the sink use them; and what is said
when it does not come about."""

from __future__ import annotations

import asyncio
import io
import logging
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from detector.edges.kafka.connection import connection, why
from detector.edges.kafka.reaching import refusals
from detector.edges.sinks import sink_for
from detector.errors import NoCredential, SinkError
from detector.settings import KafkaSinkSettings, KafkaSourceSettings, LogSettings, Secret
from detector.telemetry.log import set_up_log
from tests.contract.sink_cases import ALERT, NOW_MS
from tests.contract.topic_receiver import KEPT
from tests.integration.strict_kafka import grant, strict_kafka
from tests.services.certificates import Certificates, make_certificates
from tests.services.fixtures import fresh
from tests.services.kafka import USERS, Kafka

__all__ = ["strict_kafka"]

pytestmark = pytest.mark.service

TIMEOUT = timedelta(seconds=8)
CANARY = "c4nary-passw0rd-77"


@pytest.fixture(scope="module")
def topic(strict_kafka: Kafka) -> str:
    """One that the writer and the client's certificate may read and write. The reader has no right to write anywhere."""
    name = fresh("incidents")
    strict_kafka.create_topic(name, config=KEPT)
    for principal in ("User:writer", "User:CN=client"):
        for operation in ("READ", "WRITE"):
            grant(strict_kafka, principal, operation, "topic", name)
    return name


def settings(broker: Kafka, certificates: Certificates, listener: str, sasl: str = "none", **more: Any) -> KafkaSinkSettings:
    """For the sink; the source's has the same fields."""
    made = KafkaSinkSettings(type="kafka", servers=(getattr(broker, listener),), timeout=TIMEOUT)
    if listener in ("tls", "sasl_tls"):
        made = replace(made, tls=True, ca_file=str(certificates.ca))
    if listener == "tls":
        made = replace(made, cert_file=str(certificates.client), key_file=str(certificates.client_key))
    if sasl != "none":
        made = replace(made, sasl=sasl, username="writer", password=Secret(USERS["writer"]))
    return replace(made, **more)


def as_source(sink: KafkaSinkSettings, topic: str) -> KafkaSourceSettings:
    fields = ("servers", "tls", "ca_file", "cert_file", "key_file", "sasl", "username", "password", "timeout")
    return KafkaSourceSettings(type="kafka", topics=(topic,), **{field: getattr(sink, field) for field in fields})


async def sent(made: KafkaSinkSettings) -> None:
    sink = sink_for(made)
    await sink.open()
    try:
        await sink.send(ALERT, "", NOW_MS)
    finally:
        await sink.close()


async def read(made: KafkaSourceSettings) -> int:
    """How many records a consumer finds that is made of the source's settings."""
    consumer = AIOKafkaConsumer(**connection(made))
    await consumer.start()
    place = TopicPartition(made.topics[0], 0)
    consumer.assign([place])
    await consumer.seek_to_beginning(place)
    found = await consumer.getmany(place, timeout_ms=5000)
    await consumer.stop()
    return len(found.get(place, []))


WAYS = [
    ("address", "none"),
    ("tls", "none"),
    ("sasl", "plain"),
    ("sasl", "scram-sha-256"),
    ("sasl_tls", "plain"),
    ("sasl_tls", "scram-sha-256"),
    ("sasl_tls", "scram-sha-512"),
]


@pytest.mark.parametrize(("listener", "sasl"), WAYS)
def test_sink_and_source_get_through(
    strict_kafka: Kafka, certificates: Certificates, topic: str, listener: str, sasl: str
) -> None:
    """What the sink writes in every way there is, a consumer reads in the same way; the broker knows each by name."""
    made = settings(strict_kafka, certificates, listener, sasl, topic=topic)
    asyncio.run(sent(made))
    assert asyncio.run(read(as_source(made, topic))) >= 1


def refused(made: KafkaSinkSettings) -> SinkError:
    with pytest.raises(SinkError) as caught:
        asyncio.run(sent(made))
    return caught.value


@pytest.fixture
def heard() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], root.level = before
    structlog.reset_defaults()


@pytest.mark.parametrize(("listener", "sasl"), [way for way in WAYS if way[1] != "none"])
@pytest.mark.parametrize("user", ["writer", "nobody"])
def test_a_wrong_password_is_said_and_given_up(
    strict_kafka: Kafka, certificates: Certificates, heard: io.StringIO, listener: str, sasl: str, user: str
) -> None:
    """For every mechanism, and for a user that is none; neither the text nor our own log, wide open, shows the password."""
    set_up_log(LogSettings(level="debug", format="json"), heard)
    made = settings(strict_kafka, certificates, listener, sasl, username=user, password=Secret(CANARY))
    error = refused(made)
    assert (error.retryable, error.reason) == (False, "authError")
    assert str(error) == f"{made.servers[0]}: user or password is wrong"
    assert "SaslAuthenticationFailed" in heard.getvalue()
    assert CANARY not in heard.getvalue()
    assert CANARY not in repr(made)


def reason(made: KafkaSinkSettings) -> str:
    """What the one server says when it is asked as `check --connect` asks."""
    (error,) = asyncio.run(refusals(made)).values()
    return why(error)


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Another authority that the broker does not know."""
    return make_certificates(tmp_path_factory.mktemp("strangers"))


def test_what_keeps_us_out_is_said_in_words(strict_kafka: Kafka, certificates: Certificates, strangers: Certificates) -> None:
    """Each mistake that people make with listeners, certificates and mechanisms, as a real broker answers it."""
    at = strict_kafka

    def of(listener: str, sasl: str = "none", **more: Any) -> str:
        return reason(settings(at, certificates, listener, sasl, **more))

    assert of("tls", tls=False) == "what answers speaks TLS; set `tls: true`, or use the port without TLS"
    assert of("sasl_tls", "plain", tls=False) == "what answers speaks TLS; set `tls: true`, or use the port without TLS"
    assert "is this a port for Kafka, and for TLS if `tls` is true?" in of("address", tls=True)
    assert "name whom to trust in `ca_file`" in of("tls", ca_file=str(strangers.ca))
    assert "name whom to trust in `ca_file`" in of("tls", ca_file=None)
    assert "the broker asks for a certificate of ours" in of("tls", cert_file=None, key_file=None)
    unknown = of("tls", cert_file=str(strangers.client), key_file=str(strangers.client_key))
    assert unknown == "the broker does not trust our certificate (`cert_file`)"
    assert "does this port ask for SASL" in of("sasl")
    assert "this port does not ask who we are" in of("address", "plain")
    assert of("sasl", "scram-sha-512") == "the broker does not offer this `sasl` mechanism on this port"
    assert of("address", servers=("127.0.0.1:1",)) == "nothing listens there"
    assert of("address", servers=("kafka.invalid:9092",)).startswith("the name ")


def test_a_certificate_for_another_name_is_refused(strict_kafka: Kafka, certificates: Certificates) -> None:
    """127.1 is the same place, but not the name the certificate is for."""
    server = strict_kafka.sasl_tls.replace("127.0.0.1", "127.1")
    error = refused(settings(strict_kafka, certificates, "sasl_tls", "plain", servers=(server,)))
    assert "the broker's certificate is for another name" in str(error)
    assert (error.retryable, error.reason) == (True, "connectionError")


def test_a_right_that_is_missing_is_said_and_given_up(strict_kafka: Kafka, certificates: Certificates, topic: str) -> None:
    """The writer may write to one topic, and no other."""
    other = fresh("other")
    strict_kafka.create_topic(other)
    error = refused(settings(strict_kafka, certificates, "sasl", "plain", topic=other))
    assert (error.retryable, error.reason) == (False, "authError")
    assert str(error) == f"topic {other}: we have no right to the topic"


def test_a_password_that_was_rotated_counts_from_the_next_alert_on(
    strict_kafka: Kafka, certificates: Certificates, topic: str, tmp_path: Path
) -> None:
    """Its file is read anew for every connection; one that is missing for a moment is tried again."""
    file = tmp_path / "password"
    made = settings(strict_kafka, certificates, "sasl", "scram-sha-256", topic=topic, password=Secret(file=str(file)))

    async def test() -> None:
        sink = sink_for(made)
        with pytest.raises(SinkError, match="password_file") as missing:
            await sink.send(ALERT, "", NOW_MS)
        assert (missing.value.retryable, missing.value.reason) == (True, "authError")
        file.write_text("old")
        with pytest.raises(SinkError, match="user or password is wrong"):
            await sink.send(ALERT, "", NOW_MS)
        file.write_text(USERS["writer"] + "\n")
        await sink.send(ALERT, "", NOW_MS)
        await sink.close()

    asyncio.run(test())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ca_file": "/nowhere/ca.pem"}, "ca_file: cannot be read: No such file or directory"),
        ({"ca_file": "empty"}, "ca_file: holds no usable certificate in PEM"),
        ({"cert_file": "empty"}, "cert_file, key_file: holds no usable certificate with its key in PEM"),
        ({"key_file": "other"}, "cert_file, key_file: holds no usable certificate with its key in PEM (KEY_VALUES_MISMATCH)"),
        ({"key_file": "encrypted"}, "cert_file, key_file: the key is encrypted; give it without a passphrase"),
    ],
)
def test_certificates_that_cannot_be_used_are_named(
    certificates: Certificates, strangers: Certificates, tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    """By the field that names them, and nobody is asked for a passphrase."""
    (tmp_path / "empty").write_text("")
    (tmp_path / "other").write_bytes(strangers.client_key.read_bytes())
    (tmp_path / "encrypted").write_text(_ENCRYPTED_KEY)
    made = KafkaSinkSettings(
        type="kafka",
        servers=("127.0.0.1:1",),
        tls=True,
        ca_file=str(certificates.ca),
        cert_file=str(certificates.client),
        key_file=str(certificates.client_key),
    )
    with pytest.raises(NoCredential) as caught:
        connection(replace(made, **{field: str(tmp_path / name) for field, name in changed.items()}))
    assert str(caught.value).startswith(said)


def test_tls_checks_names_and_authorities(certificates: Certificates) -> None:
    """The context that aiokafka gets is no looser than Python's default."""
    made = KafkaSinkSettings(type="kafka", servers=("a:1",), tls=True, ca_file=str(certificates.ca))
    context: ssl.SSLContext = connection(made)["ssl_context"]
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


_ENCRYPTED_KEY = """-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,00000000000000000000000000000000

AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
-----END EC PRIVATE KEY-----
"""
