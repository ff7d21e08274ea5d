"""`check --connect` for Kafka: what a real broker lets us know, and what is said of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from click.testing import CliRunner

from detector.cli import main
from detector.edges.inspected import Inspected
from detector.edges.kafka.inspection import inspect_sink
from detector.edges.sources.kafka.inspection import inspect_source
from detector.settings import KafkaSinkSettings, KafkaSourceSettings, Secret, Size
from tests.contract.topic_receiver import records_in
from tests.integration.strict_kafka import grant, strict_kafka
from tests.services.fixtures import fresh
from tests.services.kafka import USERS, Kafka

__all__ = ["strict_kafka"]

pytestmark = pytest.mark.service

TIMEOUT = timedelta(seconds=10)


def source(broker: Kafka, **more: Any) -> KafkaSourceSettings:
    """As the user reader, on the plain SASL listener."""
    made = KafkaSourceSettings(
        type="kafka",
        servers=(broker.sasl,),
        sasl="plain",
        username="reader",
        password=Secret(USERS["reader"]),
        group=fresh("group"),
        timeout=TIMEOUT,
    )
    return replace(made, **more)


def sink(broker: Kafka, **more: Any) -> KafkaSinkSettings:
    """As the user writer."""
    made = KafkaSinkSettings(
        type="kafka",
        servers=(broker.sasl,),
        sasl="plain",
        username="writer",
        password=Secret(USERS["writer"]),
        timeout=TIMEOUT,
    )
    return replace(made, **more)


def asked(settings: KafkaSourceSettings | KafkaSinkSettings) -> Inspected:
    if isinstance(settings, KafkaSourceSettings):
        return asyncio.run(inspect_source(settings))
    return asyncio.run(inspect_sink(settings))


def topic_of(broker: Kafka, **config: str) -> str:
    name = fresh("orders-logs")
    broker.create_topic(name, config={key.replace("_", "."): value for key, value in config.items()})
    return name


def test_a_source_with_all_its_rights_is_well(strict_kafka: Kafka) -> None:
    """READ on topic and group is enough; what it may not see it does not need."""
    topic = topic_of(strict_kafka)
    made = source(strict_kafka, topics=(topic,))
    grant(strict_kafka, "User:reader", "READ", "topic", topic)
    grant(strict_kafka, "User:reader", "READ", "group", made.group)
    seen = f"1 broker, {topic} (1 partition); the password goes in the clear"
    assert asked(made) == Inspected(seen, (), "the topics' own limits, which takes DESCRIBE_CONFIGS")
    grant(strict_kafka, "User:reader", "DESCRIBE_CONFIGS", "topic", topic)
    assert asked(made) == Inspected(seen)
    assert strict_kafka.committed(made.group) == {}


def test_each_right_a_source_lacks_is_named(strict_kafka: Kafka) -> None:
    """To know of the topic, to read it, to be in the group; with whom to grant it to."""
    topic = topic_of(strict_kafka)
    made = source(strict_kafka, topics=(topic,))
    group = ("group", f"group {made.group}: User:reader may not be in it; grant READ on the group")
    refusal = f"topic {topic}: User:reader may not read it; grant READ on the topic"
    assert asked(made).problems == (("topics.0", f"{refusal} (or make it: we may not know whether it is there)"), group)
    grant(strict_kafka, "User:reader", "DESCRIBE", "topic", topic)
    assert asked(made).problems == (("topics.0", refusal), group)
    grant(strict_kafka, "User:reader", "READ", "topic", topic)
    assert asked(made).problems == (group,)
    grant(strict_kafka, "User:reader", "DESCRIBE", "group", made.group)
    assert asked(made).problems == (group,)


def test_each_right_a_sink_lacks_is_named(strict_kafka: Kafka) -> None:
    """To know of the topic, to write to it, to be an idempotent producer; and nothing is written by asking."""
    topic = topic_of(strict_kafka)
    made = sink(strict_kafka, topic=topic, username="reader", password=Secret(USERS["reader"]))
    refusal = f"topic {topic}: User:reader may not write to it; grant WRITE on the topic"
    producer = (
        "User:reader may not write as an idempotent producer: we have no right to write (WRITE on a topic, or IDEMPOTENT_WRITE"
    )
    first, second = asked(made).problems
    assert first == ("topic", f"{refusal} (or make it: we may not know whether it is there)")
    assert second == ("topic", f"{producer} at the cluster)")
    grant(strict_kafka, "User:reader", "DESCRIBE", "topic", topic)
    assert asked(made).problems[0] == ("topic", refusal)
    grant(strict_kafka, "User:reader", "WRITE", "topic", topic)
    assert asked(made) == Inspected(
        f"1 broker, {topic} (1 partition); the password goes in the clear",
        (),
        "that a record is written; the topics' own limits, which takes DESCRIBE_CONFIGS",
    )
    assert asyncio.run(records_in(strict_kafka.address, topic)) == []


def superuser(kind: type[Any], broker: Kafka, **more: Any) -> Any:
    """On the plain listener, where nobody asks."""
    return kind(type="kafka", servers=(broker.address,), timeout=TIMEOUT, **more)


def test_a_topic_that_is_missing_is_named_and_not_made(kafka_broker: Kafka) -> None:
    """Beside one that is there, for a source and for each topic of a sink."""
    topic, missing = topic_of(kafka_broker), fresh("missing")
    said = f"topic {missing}: the topic is not there"
    assert asked(superuser(KafkaSourceSettings, kafka_broker, topics=(topic, missing))) == Inspected(
        f"1 broker, {topic} (1 partition)", (("topics.1", said),)
    )
    made = superuser(KafkaSinkSettings, kafka_broker, topic=topic, findings_topic=missing, verdicts_topic=missing)
    assert asked(made).problems == (("findings_topic", said), ("verdicts_topic", said))


def test_a_pattern_that_matches_nothing_is_said(kafka_broker: Kafka) -> None:
    """It must match whole names; what it does match is counted."""
    topic = topic_of(kafka_broker)
    kafka_broker.create_topic(f"{topic}-more", 3)
    made = superuser(KafkaSourceSettings, kafka_broker, topic_pattern=f"{topic}.*")
    assert asked(made) == Inspected(f"1 broker, {topic} (1 partition), {topic}-more (3 partitions)")
    ((field, problem),) = asked(replace(made, topic_pattern=topic[:-1])).problems
    assert field == "topic_pattern"
    assert problem.startswith("matches no topic (of the ")


def test_limits_that_would_cost_records_are_said(kafka_broker: Kafka) -> None:
    """A topic whose batches may be larger than we take; one that takes no whole incident; one that lacks replicas."""
    large, small = topic_of(kafka_broker, max_message_bytes="2000000"), topic_of(kafka_broker, max_message_bytes="1000")
    short = topic_of(kafka_broker, min_insync_replicas="2")
    made = superuser(KafkaSourceSettings, kafka_broker, topics=(large,), max_batch=Size(1 << 20))
    assert asked(made).problems == (
        (
            "max_batch",
            f"topic {large} takes batches of 2000000 bytes (max.message.bytes); those above 1048576 would be refused",
        ),
    )
    assert asked(replace(made, max_batch=Size(4 << 20))).problems == ()
    assert asked(superuser(KafkaSinkSettings, kafka_broker, topic=small)).problems == (
        ("topic", f"topic {small} takes 1000 bytes at most (max.message.bytes); make it 131072"),
    )
    assert asked(superuser(KafkaSinkSettings, kafka_broker, topic=short)).problems == (
        ("topic", f"topic {short}: partition 0 has fewer than 2 replicas in step, and takes nothing"),
    )


async def written(broker: Kafka, topic: str, *values: bytes | None, codec: str | None = None) -> None:
    """In one record batch."""
    sizes = {"max_batch_size": 4 << 20, "max_request_size": 4 << 20}
    producer = AIOKafkaProducer(bootstrap_servers=broker.address, compression_type=codec, linger_ms=50, **sizes)
    await producer.start()
    futures = [await producer.send(topic, value, key=b"k") for value in values]
    await asyncio.gather(*futures)
    await producer.stop()


@pytest.mark.parametrize(
    ("form", "values", "said"),
    [
        ("logs", (b"ERROR it failed", b"{}", None), None),
        ("logs", (b"\x00\x00\x00\x00\x07\x0aERROR",), "it is binary (Avro, Protobuf?), no line of text"),
        ("telegraf", (b'{"fields":{"x":1},"name":"cpu","tags":{},"timestamp":1764026600}',), None),
        ("telegraf", (b"ERROR it failed",), ""),
        ("otlp_logs", (b"ERROR it failed",), ""),
        ("metricbeat", (b"[1]",), ""),
    ],
)
@pytest.mark.parametrize("codec", [None, "lz4"])
def test_the_newest_records_are_what_the_topic_promised(
    kafka_broker: Kafka, form: Any, values: tuple[bytes | None, ...], said: str | None, codec: str | None
) -> None:
    """Else every record would be a dead letter, which is found out late."""
    topic = topic_of(kafka_broker)
    asyncio.run(written(kafka_broker, topic, *values, codec=codec))
    problems = asked(superuser(KafkaSourceSettings, kafka_broker, topics=(topic,), format=form)).problems
    if said is None:
        assert problems == ()
        return
    ((field, problem),) = problems
    assert field == "format"
    assert problem.startswith(f"topic {topic}: of its newest records one is not usable as {form}: ")
    assert problem.endswith(said)


def test_a_batch_that_unpacks_to_too_much_is_said(kafka_broker: Kafka) -> None:
    """And is not unpacked here either."""
    topic = topic_of(kafka_broker, max_message_bytes="1000000")
    asyncio.run(written(kafka_broker, topic, *[b"x" * 900_000] * 3, codec="gzip"))
    made = superuser(KafkaSourceSettings, kafka_broker, topics=(topic,), max_batch=Size(1 << 20))
    ((field, problem),) = asked(made).problems
    assert field == "max_batch"
    assert "unpacks to more than 1048576 bytes" in problem


def test_every_server_is_asked(kafka_broker: Kafka) -> None:
    """One that is away is said though another answers."""
    topic = topic_of(kafka_broker)
    made = superuser(KafkaSourceSettings, kafka_broker, topics=(topic,))
    servers = ("127.0.0.1:1", kafka_broker.address, "kafka.invalid:9092")
    one, other = asked(replace(made, servers=servers)).problems
    assert one == ("servers.0", "127.0.0.1:1: nothing listens there")
    assert other[0] == "servers.2"
    assert other[1].startswith("kafka.invalid:9092: the name ")


def test_a_server_that_says_nothing_leaves_time_for_the_rest(kafka_broker: Kafka) -> None:
    """Half the time is for asking everybody."""
    topic = topic_of(kafka_broker)

    async def test() -> None:
        async with await asyncio.start_server(lambda *_: asyncio.Event().wait(), "127.0.0.1", 0) as silent:
            server = f"127.0.0.1:{silent.sockets[0].getsockname()[1]}"
            made = superuser(KafkaSourceSettings, kafka_broker, topics=(topic,))
            made = replace(made, servers=(server, kafka_broker.address), timeout=timedelta(seconds=2))
            async with asyncio.timeout(2):
                assert await inspect_source(made) == Inspected(
                    f"1 broker, {topic} (1 partition)", (("servers.0", f"{server}: no answer in time"),)
                )

    asyncio.run(test())


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"password": Secret("wrong")}, "password"),
        ({"sasl": "scram-sha-512"}, "sasl"),
        ({"tls": True}, "tls"),
        ({"sasl": "none", "username": None, "password": None}, "servers.0"),
        ({"tls": True, "ca_file": "/nowhere"}, "ca_file"),
        ({"password": Secret(file="/nowhere")}, "password_file"),
    ],
)
def test_what_keeps_us_out_is_said_by_its_field(strict_kafka: Kafka, changed: dict[str, Any], field: str) -> None:
    """So that the line of the file can be shown."""
    ((named, _),) = asked(replace(sink(strict_kafka), **changed)).problems
    assert named == field


def test_a_broker_that_wants_to_be_called_elsewhere_is_found_out(certificates: Any, tmp_path: Path) -> None:
    """advertised.listeners names a host that we do not know: everything answers but nothing would work."""
    broker = Kafka(tmp_path / "elsewhere", certificates)
    config = broker._config.read_text()
    elsewhere = f"SASL://{broker.sasl}".replace("127.0.0.1", "kafka.invalid")
    listeners, advertised = (line for line in config.splitlines() if "listeners=" in line and "SASL" in line)
    broker._config.write_text(config.replace(advertised, advertised.replace(f"SASL://{broker.sasl}", elsewhere)))
    assert listeners in broker._config.read_text()
    broker.start()
    try:
        topic = topic_of(broker)
        ((field, problem),) = asked(sink(broker, topic=topic)).problems
    finally:
        broker.kill()
    assert field == "servers"
    assert problem.startswith("broker 1 wants to be called at kafka.invalid:")
    assert "(its advertised.listeners): the name " in problem


def test_the_command_says_it_with_the_line(strict_kafka: Kafka, tmp_path: Path) -> None:
    """`trimwatch check --connect`, from the file to the words; no password in them, and nothing beside them."""
    file = tmp_path / "settings.yaml"
    file.write_text(
        "sinks:\n  - type: kafka\n"
        f"    servers: ['{strict_kafka.sasl}']\n    sasl: scram-sha-256\n    username: writer\n    password: c4nary\n"
    )
    done = CliRunner().invoke(main, ["check", "--config", str(file), "--connect"])
    assert done.exit_code == 2
    assert f"{file}:6: sinks.0.password: {strict_kafka.sasl}: user or password is wrong" in done.output
    assert "c4nary" not in done.output
