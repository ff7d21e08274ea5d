"""What we may do at a cluster, and to whom to grant what is missing; for `check --connect`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from aiokafka import errors

from detector.edges.inspected import Problem
from detector.edges.kafka.questions import Cluster, Questions, Topic, patiently
from detector.edges.kafka.tls import KafkaSettings
from detector.edges.kafka.why import why

# Of a topic's name and a record batch as it was fetched: what is wrong with it.
Look = Callable[[str, bytes], Awaitable[Problem | None]]

_DENIED = (errors.TopicAuthorizationFailedError, errors.GroupAuthorizationFailedError)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic and the field of the settings that names it."""

    field: str
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """A partition that can be asked: its number, and where its leader is."""

    partition: int
    leader: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Rights:
    """Asks one cluster in the name of one part of the settings. `unreachable` are the brokers that cannot be called."""

    settings: KafkaSettings
    ask: Questions
    cluster: Cluster
    unreachable: Collection[int]

    async def read(self, wanted: Wanted, look: Look | None) -> list[Problem]:
        """`look` is given the topic's newest records, where there are any."""
        refusal = f"{who(self.settings)} may not read it; grant READ on the topic"
        problems, place = self._ready(wanted, refusal)
        if place is None:
            return problems
        error = await _answer(lambda: self._reads(wanted.name, place))
        if error is not None:
            problems.append((wanted.field, f"topic {wanted.name}: {_in_words(error, refusal)}"))
        elif look is not None:
            newest = await self.ask.newest(place.leader, wanted.name, place.partition)
            problem = await look(wanted.name, newest) if newest else None
            problems += [] if problem is None else [problem]
        return problems

    async def write(self, wanted: Wanted) -> list[Problem]:
        refusal = f"{who(self.settings)} may not write to it; grant WRITE on the topic"
        problems, place = self._ready(wanted, refusal)
        if place is not None:
            error = await _answer(lambda: self.ask.may_write(place.leader, wanted.name, place.partition))
            if error is not None:
                problems.append((wanted.field, f"topic {wanted.name}: {_in_words(error, refusal)}"))
        return problems

    async def join(self, group: str) -> list[Problem]:
        error = await _answer(lambda: self.ask.may_join(group))
        refusal = f"{who(self.settings)} may not be in it; grant READ on the group"
        return [] if error is None else [("group", f"group {group}: {_in_words(error, refusal)}")]

    async def produce(self) -> list[Problem]:
        error = await _answer(self.ask.may_produce)
        return [] if error is None else [("topic", f"{who(self.settings)} may not write as an idempotent producer: {why(error)}")]

    def _ready(self, wanted: Wanted, refusal: str) -> tuple[list[Problem], Place | None]:
        """What is wrong with the topic as such; and where to ask about it."""
        topic = self.cluster.topics.get(wanted.name)
        if topic is None or topic.error is not None:
            return [(wanted.field, f"topic {wanted.name}: {_not_there(topic, refusal)}")], None
        brokers = self.cluster.brokers
        leaderless = [str(each.number) for each in topic.partitions if each.leader not in brokers]
        problems = [(wanted.field, f"topic {wanted.name}: partition {', '.join(leaderless)} has no leader")] if leaderless else []
        usable = [each for each in topic.partitions if each.leader in brokers and each.leader not in self.unreachable]
        return problems, Place(usable[0].number, brokers[usable[0].leader]) if usable else None

    async def _reads(self, topic: str, place: Place) -> Exception | None:
        end = await self.ask.may_describe(place.leader, topic, place.partition)
        return end if isinstance(end, Exception) else await self.ask.may_read(place.leader, topic, place.partition, end)


def who(settings: KafkaSettings) -> str:
    """Whom rights are to be granted to."""
    if settings.sasl != "none":
        return f"User:{settings.username}"
    return "our certificate's subject" if settings.cert_file is not None else "User:ANONYMOUS"


async def _answer(ask: Callable[[], Awaitable[Exception | None]]) -> Exception | None:
    """No answer is an answer too."""
    try:
        return await patiently(ask)
    except Exception as error:
        return error


def _not_there(topic: Topic | None, refusal: str) -> str:
    """Whoever has no right to a topic is not told whether it is there."""
    error = None if topic is None else topic.error
    if isinstance(error, errors.TopicAuthorizationFailedError):
        return f"{refusal} (or make it: we may not know whether it is there)"
    return why(error or errors.UnknownTopicOrPartitionError())


def _in_words(error: Exception, refusal: str) -> str:
    return refusal if isinstance(error, _DENIED) else why(error)
