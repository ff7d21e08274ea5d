"""The fixtures of the real servers. What asks for one is marked `service`; what ends its own runs on one worker, in a row."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.services.certificates import Certificates, make_certificates
from tests.services.elasticsearch import Elasticsearch
from tests.services.kafka import Kafka, KafkaPair
from tests.services.nginx import Nginx
from tests.services.prometheus import Prometheus
from tests.services.shared import locked, shared_server

SHARED = ("kafka_broker", "elasticsearch_node", "nginx_front", "own_prometheus")
OWN = ("own_kafka", "own_elasticsearch", "kafka_pair")


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One folder for all workers of this run."""
    own = tmp_path_factory.getbasetemp()
    return (own if worker_id == "master" else own.parent) / "services"


@pytest.fixture(scope="session")
def certificates(run_folder: Path) -> Certificates:
    """An authority, a server's certificate for loopback and a client's."""
    with locked(run_folder / "certificates.lock"):
        folder = run_folder / "certificates"
        if not (folder / "server.store.pem").exists():
            return make_certificates(folder)
        return Certificates.at(folder)


@pytest.fixture(scope="session")
def kafka_broker(run_folder: Path, certificates: Certificates) -> Kafka:
    """One broker for all tests, with every listener. Use topics of your own: `fresh("orders")`."""
    return shared_server(run_folder, "kafka", lambda folder: Kafka(folder, certificates))


@pytest.fixture(scope="session")
def elasticsearch_node(run_folder: Path) -> Elasticsearch:
    """One node for all tests. Use indices of your own: `fresh("logs")`."""
    return shared_server(run_folder, "elasticsearch", Elasticsearch)


@pytest.fixture
def own_kafka(tmp_path: Path, certificates: Certificates) -> Iterator[Kafka]:
    """A broker that the test may end."""
    broker = Kafka(tmp_path / "kafka", certificates)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def kafka_pair(tmp_path: Path) -> Iterator[KafkaPair]:
    """Two nodes, every topic on both."""
    pair = KafkaPair(tmp_path / "pair")
    pair.start()
    yield pair
    pair.kill()


@pytest.fixture
def own_elasticsearch(tmp_path: Path) -> Iterator[Elasticsearch]:
    """A node that the test may end."""
    node = Elasticsearch(tmp_path / "elasticsearch")
    node.start()
    yield node
    node.kill()


@pytest.fixture
def own_prometheus(tmp_path: Path) -> Iterator[Callable[..., Prometheus]]:
    """Makes and starts one: `own_prometheus(targets={"shop": [address]}, more=<YAML>)`. Without targets it scrapes itself."""
    servers: list[Prometheus] = []

    def make(
        targets: Mapping[str, Sequence[str]] | None = None, more: str = "", flags: Sequence[str] = (), version: int = 2
    ) -> Prometheus:
        server = Prometheus(tmp_path / f"prometheus-{len(servers)}", targets, more, flags, version)
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def nginx_front(tmp_path: Path) -> Iterator[Callable[..., Nginx]]:
    """Makes and starts one in front of an upstream: `nginx_front(node.address, certificates, ("user", "password"))`."""
    fronts: list[Nginx] = []

    def make(upstream: str, certificates: Certificates | None = None, user: tuple[str, str] | None = None) -> Nginx:
        front = Nginx(tmp_path / f"nginx-{len(fronts)}", upstream, certificates, user)
        fronts.append(front)
        front.start()
        return front

    yield make
    for front in fronts:
        front.kill()


def fresh(name: str) -> str:
    """A name that no other test uses."""
    return f"{name}-{uuid.uuid4().hex[:10]}"


def mark_service(item: pytest.Item) -> None:
    """Marks a test by the servers that it asks for."""
    wanted = set(getattr(item, "fixturenames", ()))
    if wanted & {*SHARED, *OWN}:
        item.add_marker(pytest.mark.service)
    if wanted & set(OWN):
        item.add_marker(pytest.mark.xdist_group("own-servers"))


def logs_of(item: pytest.Item) -> list[tuple[str, str]]:
    """What the servers of a test have said last, by name."""
    used = getattr(item, "funcargs", {})
    return [(name, used[name].tail()) for name in (*SHARED, *OWN) if hasattr(used.get(name), "tail")]
