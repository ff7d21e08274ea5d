"""What `trimwatch check --connect` learns of one part by asking the other side: what is there, and what is wrong with it.

Each kind of part has an `async def inspect_...(settings) -> Inspected` in an `inspection.py` beside its client. It changes
nothing on the other side, closes what it opens, and may be cancelled at any await: the caller sets the time limit.
"""

from __future__ import annotations

from dataclasses import dataclass

Problem = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Inspected:
    """`seen` says what answered, in a few words ("3 brokers, topics orders-logs (3 partitions)"); empty: nobody did. `problems`
    are (field of the part's settings, cause and what to do) pairs; none: all is well. `untried` says what only the daemon's own
    work would show ("that records may be written")."""

    seen: str = ""
    problems: tuple[Problem, ...] = ()
    untried: str = ""
