"""How we bear with brokers that are away, change their minds or do not let us in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random

import structlog
from aiokafka.errors import KafkaError

from detector.edges.kafka.connection import why
from detector.errors import NoCredential

log = structlog.get_logger()

# What a broker, the network or a certificate can do to us; everything else is a fault of ours. A client library turns what it
# did not expect into a bare KafkaError.
EXPECTED = (KafkaError, OSError, EOFError, TimeoutError, NoCredential)


@dataclass(frozen=True, slots=True)
class Patience:
    """After a failure we wait `first_s`, then twice that and so on up to `longest_s`."""

    first_s: float = 0.25
    longest_s: float = 30.0


class Pauses:
    """Grow with every failure in a row, with jitter."""

    def __init__(self, patience: Patience, chance: Random | None = None) -> None:
        self._patience = patience
        self._chance = chance or Random()
        self._next_s = patience.first_s

    def reset(self) -> None:
        self._next_s = self._patience.first_s

    async def wait(self) -> None:
        pause_s = self._next_s * (0.5 + self._chance.random() / 2)
        self._next_s = min(2 * self._next_s, self._patience.longest_s)
        await asyncio.sleep(pause_s)


class Complaints:
    """Says a problem once, until it is another one or over."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._said: dict[str, str] = {}

    def about(self, subject: str, problem: BaseException | str) -> None:
        """`subject` is what of the cluster does not serve us: its servers, the group, a topic or a partition."""
        text = problem if isinstance(problem, str) else why(problem)
        if self._said.get(subject) != text:
            self._said[subject] = text
            log.warning("kafka_failing", source=self._source, subject=subject, problem=text)

    def settle(self, subject: str) -> None:
        if self._said.pop(subject, None) is not None:
            log.info("kafka_serves_again", source=self._source, subject=subject)

    def drop(self, subject: str) -> None:
        """It is not ours to complain about any more."""
        self._said.pop(subject, None)

    @property
    def open(self) -> dict[str, str]:
        """By subject, what was said and is not over."""
        return dict(self._said)
