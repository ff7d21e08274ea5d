"""Real Kafka (KRaft) on loopback: plain, TLS, SASL and SASL over TLS listeners on ports that survive a restart."""

from __future__ import annotations

import asyncio
import socket
import struct
import subprocess
import time
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError, NotControllerError, StaleMetadata

from tests.services import installed
from tests.services.certificates import Certificates
from tests.services.process import NotReady, Process, free_port

T = TypeVar("T")
USERS = {"reader": "reader-secret", "writer": "writer-secret"}
READY_S = 90
_JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
_CLUSTER_ID = "dHJpbXdhdGNoLXRlc3RzLQ"
_SETTINGS = """\
process.roles={roles}
node.id={node}
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
listeners={listeners}
advertised.listeners={advertised}
listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,SASL:SASL_PLAINTEXT,SASL_TLS:SASL_SSL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
log.dirs={data}
num.partitions=1
default.replication.factor={replicas}
offsets.topic.num.partitions=1
offsets.topic.replication.factor={replicas}
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
delete.topic.enable=true
log.segment.delete.delay.ms=100
log.retention.check.interval.ms=1000
log.initial.task.delay.ms=500
file.delete.delay.ms=100
log.cleaner.dedupe.buffer.size=1048577
message.max.bytes=33554432
replica.fetch.max.bytes=33554432
replica.lag.time.max.ms=3000
num.network.threads=2
num.io.threads=2
queued.max.requests=50
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
super.users=User:ANONYMOUS
"""
_TLS = """\
ssl.keystore.type=PEM
ssl.keystore.location={store}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
ssl.client.auth=requested
"""


class Kafka:
    """One node. `address` is the plain listener; `tls`, `sasl` and `sasl_tls` are the others (USERS may enter)."""

    def __init__(self, folder: Path, certificates: Certificates | None = None, **more: str) -> None:
        self._prepare(folder, certificates, more)

    def _prepare(
        self,
        folder: Path,
        certificates: Certificates | None,
        more: Mapping[str, str],
        *,
        node: int = 1,
        controller: int = 0,
        replicas: int = 1,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.node = node
        self.controller = controller or free_port()
        names = ["PLAIN", "SASL", *(["TLS", "SASL_TLS"] if certificates else [])]
        ports = {name: f"127.0.0.1:{free_port()}" for name in names}
        self.address = ports["PLAIN"]
        self.sasl = ports["SASL"]
        self.tls = ports.get("TLS", "")
        self.sasl_tls = ports.get("SASL_TLS", "")
        self.certificates = certificates
        self._config = folder / "server.properties"
        self._config.write_text(self._settings(ports, replicas, more))
        self.log = folder / "server.log"
        self._process = Process(java_command("kafka.Kafka", str(self._config)), self.log, folder / "data")

    def _settings(self, ports: Mapping[str, str], replicas: int, more: Mapping[str, str]) -> str:
        advertised = ",".join(f"{name}://{address}" for name, address in ports.items())
        own = f",CONTROLLER://127.0.0.1:{self.controller}" if self.node == 1 else ""
        text = _SETTINGS.format(
            roles="broker,controller" if self.node == 1 else "broker",
            node=self.node,
            controller=self.controller,
            listeners=advertised + own,
            advertised=advertised,
            data=self.folder / "data",
            replicas=replicas,
        )
        if self.certificates:
            text += _TLS.format(store=self.certificates.server_store, ca=self.certificates.ca)
        users = " ".join(f'user_{name}="{password}"' for name, password in USERS.items())
        for listener in ports:
            if listener.startswith("SASL"):
                text += _logins(listener.lower(), users)
        return text + "".join(f"{key.replace('_', '.')}={value}\n" for key, value in more.items())

    def start(self, owner: int | None = None) -> None:
        """Returns when topics can be made. Raises NotReady."""
        self.format()
        self.launch(owner)
        self.wait()

    def launch(self, owner: int | None = None) -> None:
        self._process.start(owner)

    def wait(self) -> None:
        self._process.wait_until(lambda: answers(self.address), READY_S)
        self._process.wait_until(self._knows_itself, READY_S)

    def _knows_itself(self) -> bool:
        """It is in its own metadata: a topic can be made now."""
        try:
            self.create_topic("__ready", config={"retention.ms": "1000"})
        except Exception as error:
            if "TopicAlreadyExists" not in type(error).__name__:
                return False
        return True

    def format(self) -> None:
        """A new folder gets its cluster's id and the users."""
        if (self.folder / "data").exists():
            return
        scram = [
            f"--add-scram={mechanism}=[name={name},password={password}]"
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for name, password in USERS.items()
        ]
        words = ("format", "-t", _CLUSTER_ID, "-c", str(self._config), "--ignore-formatted", *scram)
        done = subprocess.run(java_command("kafka.tools.StorageTool", *words), capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotReady(done.stdout[-1000:] + done.stderr[-2000:])

    def answers(self) -> bool:
        return answers(self.address)

    def tail(self) -> str:
        """The end of its log."""
        return self._process.tail()

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        self._process.stop()

    def restart(self) -> None:
        """Comes back with its data, on its ports; kill or stop it first if it should not be stopped cleanly."""
        self.stop()
        self.start()

    def create_topic(self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None, replicas: int = 1) -> None:
        """Returns when every partition has a leader."""
        topic = NewTopic(name, partitions, replicas, topic_configs=dict(config or {}))

        async def create(admin: AIOKafkaAdminClient) -> None:
            await admin.create_topics([topic])
            await _until_led(admin, name, partitions)

        self._admin(create)

    def delete_topic(self, name: str) -> None:
        async def delete(admin: AIOKafkaAdminClient) -> None:
            await admin.delete_topics([name])
            async with asyncio.timeout(20):
                while name in await admin.list_topics():
                    await asyncio.sleep(0.05)

        self._admin(delete)

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """The log of the partition begins at `before` from now on."""

        async def delete(admin: AIOKafkaAdminClient) -> None:
            await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before_offset=before)})

        self._admin(delete)

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        """The offsets that a group has committed."""

        async def ask(admin: AIOKafkaAdminClient) -> dict[tuple[str, int], int]:
            held = await admin.list_consumer_group_offsets(group)
            return {(key.topic, key.partition): value.offset for key, value in held.items()}

        return self._admin(ask)

    def leaders(self, topic: str) -> dict[int, int]:
        """Partition to node."""

        async def ask(admin: AIOKafkaAdminClient) -> dict[int, int]:
            (told,) = await admin.describe_topics([topic])
            return {one["partition"]: one["leader"] for one in told["partitions"]}

        return self._admin(ask)

    def tool(self, name: str, *words: str) -> str:
        """One of Kafka's own tools by its class, such as kafka.admin.AclCommand; it costs seconds."""
        done = subprocess.run(java_command(name, *words), capture_output=True, text=True, check=True)
        return done.stdout

    def _admin(self, ask: Any) -> Any:
        return _apart(_with_admin(self.address, ask))


class KafkaPair:
    """Two nodes, every topic on both: `first` is broker and controller, `second` a broker that can be killed."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.first = Kafka.__new__(Kafka)
        self.first._prepare(folder / "first", None, more, node=1, replicas=2)
        self.second = Kafka.__new__(Kafka)
        self.second._prepare(folder / "second", None, more, node=2, controller=self.first.controller, replicas=2)

    def start(self) -> None:
        """Both start at once: the second cannot register without the first, the first makes no topic without two."""
        for node in (self.first, self.second):
            node.format()
        self.first.launch()
        self.second.launch()
        for node in (self.first, self.second):
            node.wait()

    def kill(self) -> None:
        self.second.kill()
        self.first.kill()

    def tail(self) -> str:
        return self.first.tail() + self.second.tail()


def _logins(listener: str, users: str) -> str:
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    return (
        f"listener.name.{listener}.plain.sasl.jaas.config={plain} {users};\n"
        f"listener.name.{listener}.scram-sha-256.sasl.jaas.config={scram};\n"
        f"listener.name.{listener}.scram-sha-512.sasl.jaas.config={scram};\n"
    )


def java_command(main: str, *words: str) -> Sequence[str]:
    jars = f"{installed.kafka_jars()}/*"
    # The classes of an earlier clean exit, mapped instead of loaded: a start takes 2 s instead of 5.
    fast = ("-XX:+AutoCreateSharedArchive", f"-XX:SharedArchiveFile={installed.CACHE / main}.jsa", "-Xlog:cds=off")
    fast = (*fast, "-Xlog:cds+dynamic=off", "-Xlog:aot=off")
    quiet = f"-Dlog4j2.configurationFile={Path(__file__).parent / 'kafka.log4j2.yaml'}"
    return [str(installed.java()), *_JVM, *fast, quiet, "-cp", jars, main, *words]


def answers(address: str) -> bool:
    """Whether a broker answers an ApiVersions request (version 0) there."""
    host, _, port = address.rpartition(":")
    body = struct.pack(">hhih", 18, 0, 7, -1)
    try:
        with socket.create_connection((host, int(port)), timeout=2) as link:
            link.sendall(struct.pack(">i", len(body)) + body)
            return len(link.recv(8)) > 4
    except OSError:
        return False


async def _with_admin(address: str, ask: Any) -> Any:
    """A broker that has just come or gone makes the client fail: asked again for a while."""
    end = time.monotonic() + 20
    while True:
        try:
            return await _asked(address, ask)
        except (KafkaConnectionError, NodeNotReadyError, StaleMetadata, NotControllerError):
            if time.monotonic() > end:
                raise
        await asyncio.sleep(0.1)


async def _asked(address: str, ask: Any) -> Any:
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=20_000)
    await admin.start()
    try:
        return await ask(admin)
    finally:
        await admin.close()


async def _until_led(admin: AIOKafkaAdminClient, name: str, partitions: int) -> None:
    async with asyncio.timeout(20):
        while True:
            (told,) = await admin.describe_topics([name])
            if told["error_code"] == 0 and sum(one["leader"] >= 0 for one in told["partitions"]) == partitions:
                return
            await asyncio.sleep(0.05)


def _apart(work: Coroutine[Any, Any, T]) -> T:
    """Runs in a loop of its own, so that it may be called inside a running one too."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
