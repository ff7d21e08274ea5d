"""The real servers that the tests run on: they come up, die by SIGKILL, and come back with their data."""

from __future__ import annotations

import ast
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context

from tests.services import installed
from tests.services.certificates import Certificates
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh
from tests.services.kafka import USERS, Kafka, KafkaPair, answers
from tests.services.nginx import Nginx, Refusal


async def write(address: str, topic: str, values: list[bytes], **more: object) -> None:
    async with AIOKafkaProducer(bootstrap_servers=address, **more) as producer:
        for value in values:
            await producer.send_and_wait(topic, value)


async def read(address: str, topic: str, count: int, **more: object) -> list[bytes]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest", **more)
    async with consumer, asyncio.timeout(30):
        return [(await consumer.getone()).value for _ in range(count)]


def test_a_broker_killed_comes_back_with_its_data(own_kafka: Kafka) -> None:
    """Same ports, same records."""
    own_kafka.create_topic("orders")
    asyncio.run(write(own_kafka.address, "orders", [b"one", b"two"]))
    own_kafka.kill()
    assert not own_kafka.answers()
    own_kafka.start()
    assert asyncio.run(read(own_kafka.address, "orders", 2)) == [b"one", b"two"]


def test_every_listener_lets_users_in(kafka_broker: Kafka) -> None:
    """Plain, TLS, and SASL by PLAIN and both SCRAMs, with and without TLS; a wrong password is refused."""
    topic = fresh("listeners")
    kafka_broker.create_topic(topic)
    assert kafka_broker.certificates is not None
    trust = create_ssl_context(cafile=str(kafka_broker.certificates.ca))
    asyncio.run(write(kafka_broker.address, topic, [b"one"]))
    assert asyncio.run(read(kafka_broker.tls, topic, 1, security_protocol="SSL", ssl_context=trust)) == [b"one"]
    login = {"sasl_plain_username": "reader", "sasl_plain_password": USERS["reader"]}
    for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        plain = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": mechanism, **login}
        assert asyncio.run(read(kafka_broker.sasl, topic, 1, **plain)) == [b"one"]
        secure = {"security_protocol": "SASL_SSL", "ssl_context": trust, "sasl_mechanism": mechanism, **login}
        assert asyncio.run(read(kafka_broker.sasl_tls, topic, 1, **secure)) == [b"one"]
        with pytest.raises(KafkaError):
            asyncio.run(read(kafka_broker.sasl, topic, 1, **{**plain, "sasl_plain_password": "wrong"}))


def test_a_topic_is_cut_deleted_and_made_again(kafka_broker: Kafka) -> None:
    """Records deleted from the front leave the offsets of the rest; a topic made again begins at 0."""
    topic = fresh("cut")
    kafka_broker.create_topic(topic, config={"retention.ms": "600000"})
    asyncio.run(write(kafka_broker.address, topic, [b"0", b"1", b"2"]))
    kafka_broker.delete_records(topic, 0, 2)
    assert asyncio.run(read(kafka_broker.address, topic, 1)) == [b"2"]
    kafka_broker.delete_topic(topic)
    kafka_broker.create_topic(topic, partitions=3)
    assert set(kafka_broker.leaders(topic)) == {0, 1, 2}
    asyncio.run(write(kafka_broker.address, topic, [b"again"]))
    assert asyncio.run(read(kafka_broker.address, topic, 1)) == [b"again"]


def test_a_leader_that_is_killed_has_a_successor(kafka_pair: KafkaPair) -> None:
    """Two nodes, both with every record: the other one leads, and the dead one comes back into the replicas."""
    first, second = kafka_pair.first, kafka_pair.second
    first.create_topic("pair", partitions=2, replicas=2)
    led = next(partition for partition, node in first.leaders("pair").items() if node == second.node)
    asyncio.run(write(first.address, "pair", [b"kept"] * 20, acks="all"))
    second.kill()
    end = time.monotonic() + 20
    while first.leaders("pair")[led] != first.node:
        assert time.monotonic() < end
    assert asyncio.run(read(first.address, "pair", 20)) == [b"kept"] * 20
    second.start()


def test_a_node_killed_comes_back_with_its_documents(own_elasticsearch: Elasticsearch) -> None:
    """What was acknowledged is there after SIGKILL, on the same port."""
    own_elasticsearch.ask("PUT", "/kept/_doc/1?refresh=true", {"message": "one"})
    own_elasticsearch.kill()
    assert not own_elasticsearch.answers()
    own_elasticsearch.start()
    assert own_elasticsearch.ask("GET", "/kept/_doc/1")["_source"] == {"message": "one"}


def test_the_front_asks_for_a_login_and_refuses_what_it_is_told(
    elasticsearch_node: Elasticsearch, nginx_front: Callable[..., Nginx], certificates: Certificates
) -> None:
    """TLS, basic authentication, 403 by method and path, 429 with Retry-After switched on and off while it runs."""
    front = nginx_front(elasticsearch_node.address, certificates, ("elastic", "pass:word"))
    index = fresh("front")

    def status(method: str, path: str, login: tuple[str, str] | None = ("elastic", "pass:word")) -> httpx.Response:
        with httpx.Client(verify=create_ssl_context(cafile=str(certificates.ca)), auth=login) as client:
            return client.request(method, front.address + path)

    assert status("GET", "/_cluster/health", None).status_code == 401
    assert status("GET", "/_cluster/health", ("elastic", "wrong")).status_code == 401
    assert status("PUT", f"/{index}").status_code == 200
    front.refuse([Refusal("DELETE", f"/{index}"), Refusal("", "/_bulk", 429, (("Retry-After", "7"),))])
    assert status("DELETE", f"/{index}").status_code == 403
    assert status("GET", f"/{index}").status_code == 200
    busy = status("POST", "/_bulk")
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "7")
    front.refuse()
    assert status("DELETE", f"/{index}").status_code == 200
    assert any("429" in line for line in front.requests())


def test_a_server_does_not_outlive_its_owner(tmp_path: Path) -> None:
    """A worker that is killed by SIGKILL leaves no server and no data behind."""
    (tmp_path / "data").mkdir()
    code = (
        "import os, signal, sys; from pathlib import Path; from tests.services.process import Process\n"
        "folder = Path(sys.argv[1]); server = Process(['sleep', '600'], folder / 'log', folder / 'data'); server.start()\n"
        "print(server._server.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    end = time.monotonic() + 10
    while Path(f"/proc/{done.stdout.strip()}").exists() or (tmp_path / "data").exists():
        assert time.monotonic() < end


CONTROLLER = """
import subprocess, sys
worker = '''
import sys; from pathlib import Path; from tests.services.kafka import Kafka; from tests.services.shared import shared_server
broker = shared_server(Path(sys.argv[1]), "kafka", Kafka)
print(broker.address, broker.answers(), flush=True)
'''
workers = [subprocess.Popen([sys.executable, "-c", worker, sys.argv[1]], stdout=subprocess.PIPE, text=True) for _ in range(2)]
print([each.communicate()[0].strip() for each in workers], flush=True)
sys.stdin.read()
"""


def test_workers_share_one_broker_that_ends_with_the_run(tmp_path: Path) -> None:
    """Two workers ask at once: one starts it, the other gets the same, it outlives both, and it dies with their controller."""
    installed.kafka_jars()
    command = [sys.executable, "-c", CONTROLLER, str(tmp_path)]
    environment = {**os.environ, "PYTEST_XDIST_WORKER": "gw0"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as controller:
        assert controller.stdout is not None
        first, second = ast.literal_eval(controller.stdout.readline())
        assert first == second
        address, is_up = first.split()
        assert is_up == "True"
        assert answers(address)
        controller.kill()
    end = time.monotonic() + 10
    while answers(address):
        assert time.monotonic() < end
