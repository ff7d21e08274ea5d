"""Questions to a cluster that change nothing there, and that a broker answers with our rights: for `check --connect`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.admin import DescribeConfigsRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest

from detector.edges.kafka.reaching import called

_LATEST = -1
_TOPIC_RESOURCE = 2
_CONFIGS = ("max.message.bytes", "min.insync.replicas")
# InvalidRecord, which aiokafka does not know, and what older brokers say to a batch that is none: we may write.
_NO_BATCH = (87, errors.CorruptRecordException.errno)
_NOT_YET = (
    errors.GroupCoordinatorNotAvailableError,
    errors.GroupLoadInProgressError,
    errors.NotCoordinatorForGroupError,
    errors.NotLeaderForPartitionError,
    errors.LeaderNotAvailableError,
    errors.UnknownTopicOrPartitionError,  # of a leader: it has just become one
)
_TRIES = 20
_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Partition:
    number: int
    leader: int  # -1: none
    replicas: int
    in_step: int


@dataclass(frozen=True, slots=True)
class Topic:
    """`error` is None where the topic is there and we may know of it."""

    name: str
    error: Exception | None
    partitions: tuple[Partition, ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Who is in it, by number, and the topics that were asked for."""

    brokers: Mapping[int, tuple[str, int]]
    topics: Mapping[str, Topic]


class Questions:
    """Opens a connection to each broker that it needs; an async context manager closes them. Errors are answers: each method
    says None where all is well. OSError, KafkaError and others are raised where no answer came."""

    def __init__(self, link: AIOKafkaConnection, arguments: Mapping[str, Any]) -> None:
        self._first = link
        self._arguments = arguments
        self._timeout_ms: int = arguments["request_timeout_ms"]
        self._links: dict[tuple[str, int], AIOKafkaConnection] = {}
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Questions:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def cluster(self, topics: Sequence[str] | None) -> Cluster:
        """None: every topic that we may know of."""
        names = None if topics is None else list(topics)
        answer = (await self._first.send(MetadataRequest(names, allow_auto_topic_creation=False))).to_object()
        brokers = {each["node_id"]: (each["host"], each["port"]) for each in answer["brokers"]}
        told = [_topic(each) for each in answer["topics"] if topics is not None or not each.get("is_internal")]
        return Cluster(brokers, {topic.name: topic for topic in told})

    async def link(self, place: tuple[str, int]) -> AIOKafkaConnection:
        """A connection to the broker at an address it told us itself."""
        if place not in self._links:
            self._links[place] = await self._stack.enter_async_context(called(*place, self._arguments))
        return self._links[place]

    async def may_describe(self, leader: tuple[str, int], topic: str, partition: int) -> Exception | int:
        """Where the partition ends, as far as readers of committed records go."""
        link = await self.link(leader)
        (asked,) = (await link.send(OffsetRequest(-1, 1, [(topic, [(partition, _LATEST)])]))).topics
        told = asked[1][0]  # partition, error, then the version's own fields, the offset among them
        return _error(told[1]) or int(told[3])

    async def may_read(self, leader: tuple[str, int], topic: str, partition: int, end: int) -> Exception | None:
        """Fetches what comes after the end: nothing."""
        link = await self.link(leader)
        answer = await link.send(FetchRequest(0, 0, 1, 1, [(topic, [(partition, end, 1)])]))
        error = _error(answer.topics[0][1][0][1])
        return None if isinstance(error, errors.OffsetOutOfRangeError) else error  # the partition was cut meanwhile

    async def newest(self, leader: tuple[str, int], topic: str, partition: int) -> bytes:
        """The record batch that ends the partition, as it lies in the log; empty where there is none."""
        end = await self.may_describe(leader, topic, partition)
        if not isinstance(end, int) or end < 1:
            return b""
        link = await self.link(leader)
        answer = await link.send(FetchRequest(0, 0, 1, 1, [(topic, [(partition, end - 1, 1)])]))
        told = answer.topics[0][1][0]
        return b"" if told[1] else bytes(told[-1] or b"")

    async def may_join(self, group: str) -> Exception | None:
        """Sends the heartbeat of a member that is none."""
        place = await self._coordinator(group)
        if isinstance(place, Exception):
            return place
        link = await self.link(place)
        error = _error((await link.send(HeartbeatRequest(group, -1, "trimwatch-check"))).error_code)
        return None if isinstance(error, errors.UnknownMemberIdError | errors.IllegalGenerationError) else error

    async def may_write(self, leader: tuple[str, int], topic: str, partition: int) -> Exception | None:
        """Sends a batch that is none. Rights come before what is in it."""
        link = await self.link(leader)
        answer = await link.send(ProduceRequest(None, -1, self._timeout_ms, [(topic, [(partition, b"")])]))
        code = answer.topics[0][1][0][1]
        return None if code in _NO_BATCH else _error(code)

    async def may_produce(self) -> Exception | None:
        """Whether an idempotent producer gets a number; numbers are not scarce."""
        return _error((await self._first.send(InitProducerIdRequest(None, self._timeout_ms))).error_code)

    async def limits(self, topics: Sequence[str]) -> dict[str, dict[str, int]]:
        """`max.message.bytes` and `min.insync.replicas` of each topic whose settings we may see."""
        asked = [(_TOPIC_RESOURCE, topic, list(_CONFIGS)) for topic in topics]
        answer = (await self._first.send(DescribeConfigsRequest(asked))).to_object()
        return {each["resource_name"]: _numbers(each["config_entries"]) for each in answer["resources"] if not each["error_code"]}

    async def _coordinator(self, group: str) -> tuple[str, int] | Exception:
        answer = (await self._first.send(FindCoordinatorRequest(group, 0))).to_object()
        return _error(answer["error_code"]) or (answer["host"], answer["port"])


async def patiently(ask: Callable[[], Awaitable[Exception | None]]) -> Exception | None:
    """The answer, once it is no "not yet": the first group, or producer, of a cluster makes what they are kept in, and the
    leader of a new topic has to hear that it is one."""
    for _ in range(_TRIES):
        error = await ask()
        if not isinstance(error, _NOT_YET):
            return error
        await asyncio.sleep(_PAUSE_S)
    return error


def _topic(told: Mapping[str, Any]) -> Topic:
    partitions = (
        Partition(each["partition"], each["leader"], len(each["replicas"]), len(each["isr"])) for each in told["partitions"]
    )
    return Topic(told["topic"], _error(told["error_code"]), tuple(sorted(partitions, key=lambda each: each.number)))


def _error(code: int) -> Exception | None:
    if code == 0:
        return None
    error: Exception = errors.for_code(code)()
    return error


def _numbers(entries: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    found = {entry["config_names"]: entry["config_value"] for entry in entries}
    return {name: int(found[name]) for name in _CONFIGS if str(found.get(name) or "").isdecimal()}
