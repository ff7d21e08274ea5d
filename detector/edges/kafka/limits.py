"""Limits of topics that would cost us records; for `check --connect`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from aiokafka import errors

from detector.edges.inspected import Problem
from detector.edges.kafka.questions import Cluster, Questions
from detector.edges.kafka.rights import Wanted

# An incident with all that it may quote; nearly all are below 10 KiB.
_LARGEST_INCIDENT = 128 << 10

Limits = Mapping[str, Mapping[str, int]]


async def limits_of(ask: Questions, topics: Sequence[str]) -> tuple[str, Limits]:
    """What could not be tried, and the limits by topic. Whoever may not see a topic's settings may still read and write it."""
    limits: Limits = {}
    with suppress(errors.KafkaError, NotImplementedError):
        limits = await ask.limits(topics) if topics else {}
    return "" if set(limits) >= set(topics) else "the topics' own limits, which takes DESCRIBE_CONFIGS", limits


def batch_problems(most_bytes: int, wanted: Sequence[Wanted], limits: Limits) -> list[Problem]:
    """A batch larger than `fetch` still comes, alone; one larger than `max_batch` is refused by us."""
    return [
        (
            "max_batch",
            f"topic {each.name} takes batches of {size} bytes (max.message.bytes); those above {most_bytes} would be refused",
        )
        for each in wanted
        if (size := limits.get(each.name, {}).get("max.message.bytes", 0)) > most_bytes
    ]


def record_problems(cluster: Cluster, wanted: Sequence[Wanted], limits: Limits) -> list[Problem]:
    """Topics that take no whole incident, or nothing at all since every replica in step has to have it."""
    problems = []
    for each in wanted:
        known = limits.get(each.name, {})
        size, least = known.get("max.message.bytes", _LARGEST_INCIDENT), known.get("min.insync.replicas", 1)
        if size < _LARGEST_INCIDENT:
            problems.append(
                (each.field, f"topic {each.name} takes {size} bytes at most (max.message.bytes); make it {_LARGEST_INCIDENT}")
            )
        topic = cluster.topics.get(each.name)
        short = ", ".join(str(one.number) for one in (topic.partitions if topic else ()) if one.in_step < least)
        if short:
            few = f"partition {short} has fewer than {least} replicas in step, and takes nothing"
            problems.append((each.field, f"topic {each.name}: {few}"))
    return problems
