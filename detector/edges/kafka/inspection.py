"""Whether brokers would serve us, for `check --connect`: every server asked, every broker at the address it gives, then topics,
rights and limits."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from aiokafka import errors

from detector.edges.inspected import Inspected, Problem
from detector.edges.kafka.connection import KafkaSettings, connection
from detector.edges.kafka.questions import Cluster, Questions, Topic
from detector.edges.kafka.reaching import called, place_of, refusals
from detector.edges.kafka.why import field_of, why
from detector.errors import NoCredential
from detector.settings import KafkaSinkSettings, KafkaSourceSettings

_MOST_TOPICS = 50  # of those a pattern matches, so many are asked for rights
_MOST_NAMED = 5
_UNHEARD = logging.NullHandler()  # what aiokafka would write to standard error is in our own answer
# An incident with all that it may quote; nearly all are below 10 KiB.
_LARGEST_INCIDENT = 128 << 10


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A topic and the field that names it."""

    field: str
    name: str


async def inspect_source(settings: KafkaSourceSettings) -> Inspected:
    """Fetches no record, joins no group, commits nothing."""
    return await _inspect(settings, _look_at_source)


async def inspect_sink(settings: KafkaSinkSettings) -> Inspected:
    """Writes no record; a producer's number is taken."""
    return await _inspect(settings, _look_at_sink)


async def _inspect(settings: Any, look: Any) -> Inspected:
    """All servers are asked for half of the time at most, so that one that hangs leaves time for the rest."""
    logging.getLogger("aiokafka").addHandler(_UNHEARD)
    halved = replace(settings, timeout=settings.timeout / 2)
    try:
        arguments = await asyncio.to_thread(connection, halved)
        refused = await refusals(halved)
    except NoCredential as error:
        return Inspected(problems=((field_of(error, settings), str(error)),))
    problems = [_server_problem(settings, server, error) for server, error in refused.items()]
    answering = [server for server in settings.servers if server not in refused]
    if not answering:
        return Inspected(problems=_distinct(problems))
    async with called(*place_of(answering[0]), arguments) as link, Questions(link, arguments) as ask:
        seen, untried, found = await look(settings, ask, _known(answering))
    in_the_clear = "; the password goes in the clear" if settings.sasl == "plain" and not settings.tls else ""
    return Inspected(seen + in_the_clear, _distinct([*problems, *found]), untried)


def _known(servers: Collection[str]) -> set[tuple[str, int]]:
    return {place_of(server) for server in servers}


def _server_problem(settings: KafkaSettings, server: str, error: Exception) -> Problem:
    field = field_of(error, settings)
    return field if field != "servers" else f"servers.{settings.servers.index(server)}", f"{server}: {why(error)}"


def _distinct(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(dict.fromkeys(problems))


async def _look_at_source(
    settings: KafkaSourceSettings, ask: Questions, known: Collection[tuple[str, int]]
) -> tuple[str, str, list[Problem]]:
    cluster = await ask.cluster(settings.topics or None)
    wanted = [_Wanted(f"topics.{at}", name) for at, name in enumerate(settings.topics)]
    problems: list[Problem] = []
    if settings.topic_pattern is not None:
        names = sorted(name for name in cluster.topics if re.fullmatch(settings.topic_pattern, name))
        wanted = [_Wanted("topic_pattern", name) for name in names]
        if not names:
            problems.append(("topic_pattern", _matches_nothing(cluster, settings)))
    away, unreachable = await _unreachable(ask, cluster, known)
    problems += away
    for each in wanted[:_MOST_TOPICS]:
        problems += await _read_problems(settings, ask, cluster, each, unreachable)
    problems += await _group_problems(settings, ask)
    untried, limits = await _limits(ask, _there(cluster, wanted)[:_MOST_TOPICS])
    problems += _batch_problems(settings, wanted, limits)
    return _seen(cluster, wanted), untried, problems


async def _look_at_sink(
    settings: KafkaSinkSettings, ask: Questions, known: Collection[tuple[str, int]]
) -> tuple[str, str, list[Problem]]:
    fields = ("topic", "findings_topic", "verdicts_topic")
    wanted = [_Wanted(field, name) for field in fields if (name := getattr(settings, field)) is not None]
    cluster = await ask.cluster([each.name for each in wanted])
    problems, unreachable = await _unreachable(ask, cluster, known)
    for each in wanted:
        problems += await _write_problems(settings, ask, cluster, each, unreachable)
    if (error := await ask.may_produce()) is not None:
        problems.append(("topic", f"{_who(settings)} may not write as an idempotent producer: {why(error)}"))
    untried, limits = await _limits(ask, _there(cluster, wanted))
    problems += _record_problems(cluster, wanted, limits)
    return _seen(cluster, wanted), "; ".join(filter(None, ("that a record is written", untried))), problems


def _matches_nothing(cluster: Cluster, settings: KafkaSourceSettings) -> str:
    there = f"of the {len(cluster.topics)} that {_who(settings)} may see" if cluster.topics else f"{_who(settings)} may see none"
    return f"matches no topic ({there}); it must match whole names"


def _who(settings: KafkaSettings) -> str:
    """Whom rights are to be granted to."""
    if settings.sasl != "none":
        return f"User:{settings.username}"
    return "our certificate's subject" if settings.cert_file is not None else "User:ANONYMOUS"


async def _unreachable(
    ask: Questions, cluster: Cluster, known: Collection[tuple[str, int]]
) -> tuple[list[Problem], frozenset[int]]:
    """Brokers say at which address they want to be called, and that may be none for us: the oldest trap of Kafka."""

    async def try_one(place: tuple[str, int]) -> Exception | None:
        try:
            await ask.link(place)
        except Exception as error:
            return error
        return None

    places = cluster.brokers
    said = dict(zip(places, await asyncio.gather(*map(try_one, places.values())), strict=True))
    failed = {number: error for number, error in said.items() if error is not None}
    hint = {number: "" if places[number] in known else " (its advertised.listeners)" for number in failed}
    problems = [
        ("servers", f"broker {number} wants to be called at {places[number][0]}:{places[number][1]}{hint[number]}: {why(error)}")
        for number, error in failed.items()
    ]
    return problems, frozenset(failed)


def _ready(
    cluster: Cluster, wanted: _Wanted, unreachable: Collection[int], refusal: str
) -> tuple[list[Problem], tuple[int, int] | None]:
    """What is wrong with the topic as such; and a partition of it with its leader that can be asked."""
    topic = cluster.topics.get(wanted.name)
    if topic is None or topic.error is not None:
        return [(wanted.field, f"topic {wanted.name}: {_not_there(topic, refusal)}")], None
    leaderless = [str(each.number) for each in topic.partitions if each.leader not in cluster.brokers]
    problems = [(wanted.field, f"topic {wanted.name}: partition {', '.join(leaderless)} has no leader")] if leaderless else []
    usable = [each for each in topic.partitions if each.leader in cluster.brokers and each.leader not in unreachable]
    return problems, (usable[0].number, usable[0].leader) if usable else None


def _not_there(topic: Topic | None, refusal: str) -> str:
    """Whoever has no right to a topic is not told whether it is there."""
    error = None if topic is None else topic.error
    if isinstance(error, errors.TopicAuthorizationFailedError):
        return f"{refusal} (or make it: we may not know whether it is there)"
    return why(error or errors.UnknownTopicOrPartitionError())


async def _read_problems(
    settings: KafkaSourceSettings, ask: Questions, cluster: Cluster, wanted: _Wanted, unreachable: Collection[int]
) -> list[Problem]:
    refusal = f"{_who(settings)} may not read it; grant READ on the topic"
    problems, place = _ready(cluster, wanted, unreachable, refusal)
    if place is None:
        return problems
    partition, leader = place
    try:
        end = await ask.may_describe(cluster.brokers[leader], wanted.name, partition)
        error = end if isinstance(end, Exception) else None
        if isinstance(end, int):
            error = await ask.may_read(cluster.brokers[leader], wanted.name, partition, end)
    except Exception as lost:
        error = lost
    if error is not None:
        problems.append((wanted.field, f"topic {wanted.name}: {_no_right(error, refusal)}"))
    return problems


async def _group_problems(settings: KafkaSourceSettings, ask: Questions) -> list[Problem]:
    try:
        error = await ask.may_join(settings.group)
    except Exception as lost:
        error = lost
    if error is None:
        return []
    refusal = _no_right(error, f"{_who(settings)} may not be in it; grant READ on the group")
    return [("group", f"group {settings.group}: {refusal}")]


async def _write_problems(
    settings: KafkaSinkSettings, ask: Questions, cluster: Cluster, wanted: _Wanted, unreachable: Collection[int]
) -> list[Problem]:
    refusal = f"{_who(settings)} may not write to it; grant WRITE on the topic"
    problems, place = _ready(cluster, wanted, unreachable, refusal)
    if place is None:
        return problems
    partition, leader = place
    try:
        error = await ask.may_write(cluster.brokers[leader], wanted.name, partition)
    except Exception as lost:
        error = lost
    if error is not None:
        problems.append((wanted.field, f"topic {wanted.name}: {_no_right(error, refusal)}"))
    return problems


def _no_right(error: Exception, words: str) -> str:
    denied = errors.TopicAuthorizationFailedError | errors.GroupAuthorizationFailedError
    return words if isinstance(error, denied) else why(error)


async def _limits(ask: Questions, topics: Sequence[str]) -> tuple[str, dict[str, dict[str, int]]]:
    """Whoever may not see a topic's settings may still read and write it."""
    limits: dict[str, dict[str, int]] = {}
    with suppress(errors.KafkaError, NotImplementedError):
        limits = await ask.limits(topics) if topics else {}
    return "" if set(limits) >= set(topics) else "the topics' own limits, which takes DESCRIBE_CONFIGS", limits


def _batch_problems(
    settings: KafkaSourceSettings, wanted: Sequence[_Wanted], limits: Mapping[str, Mapping[str, int]]
) -> list[Problem]:
    """A batch larger than `fetch` still comes, alone; one larger than `max_batch` is refused by us."""
    most = settings.max_batch.bytes
    return [
        ("max_batch", f"topic {each.name} takes batches of {size} bytes (max.message.bytes); those above {most} would be refused")
        for each in wanted
        if (size := limits.get(each.name, {}).get("max.message.bytes", 0)) > most
    ]


def _record_problems(cluster: Cluster, wanted: Sequence[_Wanted], limits: Mapping[str, Mapping[str, int]]) -> list[Problem]:
    problems = []
    for each in wanted:
        size = limits.get(each.name, {}).get("max.message.bytes", _LARGEST_INCIDENT)
        least = limits.get(each.name, {}).get("min.insync.replicas", 1)
        if size < _LARGEST_INCIDENT:
            problems.append(
                (each.field, f"topic {each.name} takes {size} bytes at most (max.message.bytes); make it {_LARGEST_INCIDENT}")
            )
        topic = cluster.topics.get(each.name)
        short = [str(one.number) for one in (topic.partitions if topic else ()) if one.in_step < least]
        if short:
            problems.append(
                (
                    each.field,
                    f"topic {each.name}: partition {', '.join(short)} has fewer than {least} replicas in step, and takes nothing",
                )
            )
    return problems


def _there(cluster: Cluster, wanted: Sequence[_Wanted]) -> list[str]:
    return [each.name for each in wanted if each.name in cluster.topics and cluster.topics[each.name].error is None]


def _seen(cluster: Cluster, wanted: Sequence[_Wanted]) -> str:
    there = _there(cluster, wanted)
    counted = [f"{name} ({_counted(len(cluster.topics[name].partitions), 'partition')})" for name in there[:_MOST_NAMED]]
    more = [f"{len(there) - _MOST_NAMED} more topics"] if len(there) > _MOST_NAMED else []
    return ", ".join([_counted(len(cluster.brokers), "broker"), *counted, *more])


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
