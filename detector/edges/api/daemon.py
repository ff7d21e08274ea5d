"""What the API may ask of the process it runs in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from detector.interface import Json


class Daemon(Protocol):
    """Implemented by `app`."""

    async def reload(self) -> list[str]:
        """Takes new settings and rules, all or nothing. Returns what is wrong with them, a line each; empty: they are in use."""
        ...

    def ring(self) -> None:
        """A command was written; the pipeline should look."""
        ...

    def signals(self, service: str | None) -> Mapping[str, Json]:
        """Which golden signals could be made of what came, of one service or of any, and why not the rest."""
        ...

    def status(self) -> Mapping[str, Json]:
        """What `status` shows beside the store's own figures: sources with their lag, rules, memory."""
        ...
