"""Whether brokers would serve us, for `check --connect`: every server asked, every broker at the address it gives, then topics,
rights and limits."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from detector.edges.inspected import Inspected, Problem
from detector.edges.kafka.connection import KafkaSettings, connection
from detector.edges.kafka.limits import batch_problems, limits_of, record_problems
from detector.edges.kafka.questions import Cluster, Questions
from detector.edges.kafka.reaching import called, place_of, refusals
from detector.edges.kafka.rights import Look, Rights, Wanted, who
from detector.edges.kafka.why import field_of, why
from detector.errors import NoCredential
from detector.settings import KafkaSinkSettings, KafkaSourceSettings

S = TypeVar("S", KafkaSourceSettings, KafkaSinkSettings)

_MOST_TOPICS = 50  # of those a pattern matches, so many are asked for rights
_MOST_NAMED = 5
_UNHEARD = logging.NullHandler()  # what aiokafka would write to standard error is in our own answer


@dataclass(frozen=True, slots=True)
class _Asking:
    """A cluster that answers, and the servers of the settings that did."""

    ask: Questions
    known: Collection[tuple[str, int]]


async def inspect_source(settings: KafkaSourceSettings, look: Look | None = None) -> Inspected:
    """Joins no group, commits nothing, and without a `look` at the newest records fetches none."""
    return await _inspect(settings, partial(_look_at_source, look=look))


async def inspect_sink(settings: KafkaSinkSettings) -> Inspected:
    """Writes no record; a producer's number is taken."""
    return await _inspect(settings, _look_at_sink)


async def _inspect(settings: S, look: Callable[[S, _Asking], Awaitable[Inspected]]) -> Inspected:
    """All servers are asked for half of the time at most, so that one that hangs leaves time for the rest."""
    logging.getLogger("aiokafka").addHandler(_UNHEARD)
    halved = replace(settings, timeout=settings.timeout / 2)
    try:
        arguments = await asyncio.to_thread(connection, halved)
        refused = await refusals(halved)
    except NoCredential as error:
        return Inspected(problems=((field_of(error, settings), str(error)),))
    problems: list[Problem] = [_server_problem(settings, server, error) for server, error in refused.items()]
    answering = [place_of(server) for server in settings.servers if server not in refused]
    if not answering:
        return Inspected(problems=_distinct(problems))
    async with called(*answering[0], arguments) as link, Questions(link, arguments) as ask:
        found: Inspected = await look(settings, _Asking(ask, answering))
    in_the_clear = "; the password goes in the clear" if settings.sasl == "plain" and not settings.tls else ""
    return replace(found, seen=found.seen + in_the_clear, problems=_distinct([*problems, *found.problems]))


def _server_problem(settings: KafkaSettings, server: str, error: Exception) -> Problem:
    field = field_of(error, settings)
    return field if field != "servers" else f"servers.{settings.servers.index(server)}", f"{server}: {why(error)}"


def _distinct(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(dict.fromkeys(problems))


async def _look_at_source(settings: KafkaSourceSettings, asking: _Asking, look: Look | None) -> Inspected:
    cluster = await asking.ask.cluster(settings.topics or None)
    wanted = [Wanted(f"topics.{at}", name) for at, name in enumerate(settings.topics)]
    problems, unreachable = await _unreachable(asking, cluster)
    if settings.topic_pattern is not None:
        names = sorted(name for name in cluster.topics if re.fullmatch(settings.topic_pattern, name))
        wanted = [Wanted("topic_pattern", name) for name in names]
        if not names:
            problems.append(("topic_pattern", _matches_nothing(cluster, settings)))
    rights = Rights(settings, asking.ask, cluster, unreachable)
    for each in wanted[:_MOST_TOPICS]:
        problems += await rights.read(each, look)
    problems += await rights.join(settings.group)
    untried, limits = await limits_of(asking.ask, _there(cluster, wanted)[:_MOST_TOPICS])
    problems += batch_problems(settings.max_batch.bytes, wanted, limits)
    return Inspected(_seen(cluster, wanted), tuple(problems), untried)


async def _look_at_sink(settings: KafkaSinkSettings, asking: _Asking) -> Inspected:
    fields = ("topic", "findings_topic", "verdicts_topic")
    wanted = [Wanted(field, name) for field in fields if (name := getattr(settings, field)) is not None]
    cluster = await asking.ask.cluster([each.name for each in wanted])
    problems, unreachable = await _unreachable(asking, cluster)
    rights = Rights(settings, asking.ask, cluster, unreachable)
    for each in wanted:
        problems += await rights.write(each)
    problems += await rights.produce()
    untried, limits = await limits_of(asking.ask, _there(cluster, wanted))
    problems += record_problems(cluster, wanted, limits)
    return Inspected(_seen(cluster, wanted), tuple(problems), "; ".join(filter(None, ("that a record is written", untried))))


def _matches_nothing(cluster: Cluster, settings: KafkaSourceSettings) -> str:
    there = f"of the {len(cluster.topics)} that {who(settings)} may see" if cluster.topics else f"{who(settings)} may see none"
    return f"matches no topic ({there}); it must match whole names"


async def _unreachable(asking: _Asking, cluster: Cluster) -> tuple[list[Problem], frozenset[int]]:
    """Brokers say at which address they want to be called, and that may be none for us: the oldest trap of Kafka."""

    async def try_one(place: tuple[str, int]) -> Exception | None:
        try:
            await asking.ask.link(place)
        except Exception as error:
            return error
        return None

    places = cluster.brokers
    said = dict(zip(places, await asyncio.gather(*map(try_one, places.values())), strict=True))
    failed = {number: error for number, error in said.items() if error is not None}
    problems = []
    for number, error in failed.items():
        host, port = places[number]
        hint = "" if (host, port) in asking.known else " (its advertised.listeners)"
        problems.append(("servers", f"broker {number} wants to be called at {host}:{port}{hint}: {why(error)}"))
    return problems, frozenset(failed)


def _there(cluster: Cluster, wanted: Sequence[Wanted]) -> list[str]:
    return [each.name for each in wanted if each.name in cluster.topics and cluster.topics[each.name].error is None]


def _seen(cluster: Cluster, wanted: Sequence[Wanted]) -> str:
    there = _there(cluster, wanted)
    counted = [f"{name} ({_counted(len(cluster.topics[name].partitions), 'partition')})" for name in there[:_MOST_NAMED]]
    more = [f"{len(there) - _MOST_NAMED} more topics"] if len(there) > _MOST_NAMED else []
    return ", ".join([_counted(len(cluster.brokers), "broker"), *counted, *more])


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
