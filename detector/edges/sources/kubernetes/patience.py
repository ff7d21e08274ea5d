"""How we bear with an API server that is slow, away or does not let us in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random

import structlog

from detector.edges.sources.kubernetes.api import Refused

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """After a failure we wait `first_s`, then twice that and so on up to `longest_s`; the pod is looked at every `look_s`; a line
    that must come at once after a reconnect is waited for `overlap_s`."""

    first_s: float = 0.5
    longest_s: float = 30.0
    look_s: float = 15.0
    overlap_s: float = 5.0


class Pauses:
    """Grow with every failure in a row, with jitter, so that a hundred sidecars do not come back at once."""

    def __init__(self, patience: Patience, chance: Random | None = None) -> None:
        self._patience = patience
        self._chance = chance or Random()
        self._next_s = patience.first_s

    def reset(self) -> None:
        self._next_s = self._patience.first_s

    async def wait(self, at_least_s: float = 0.0) -> None:
        pause_s = max(at_least_s, self._next_s * (0.5 + self._chance.random() / 2))
        self._next_s = min(2 * self._next_s, self._patience.longest_s)
        await asyncio.sleep(pause_s)


class Complaints:
    """Says a problem once, until it is another one or over."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._said: dict[str, str] = {}

    def about(self, subject: str, problem: Exception) -> None:
        text = explain(problem)
        if self._said.get(subject) != text:
            self._said[subject] = text
            log.warning("kubernetes_refused", source=self._source, subject=subject, error=text)

    def settle(self, subject: str) -> None:
        self._said.pop(subject, None)

    @property
    def open(self) -> dict[str, str]:
        """By subject, what was said and is not over."""
        return dict(self._said)


def explain(problem: Exception) -> str:
    """What an operator needs: the server's words, and what to do about the common ones."""
    if not isinstance(problem, Refused):
        return f"{type(problem).__name__}: {problem}".rstrip(": ")
    advice = {
        401: " (the token is not accepted; is it mounted and current?)",
        403: " (the service account needs a Role with `get` on `pods` and `pods/log`)",
        404: " (is the pod's name right? set `pod` and `namespace`)",
    }
    return f"{problem.status}: {problem}{advice.get(problem.status, '')}"
