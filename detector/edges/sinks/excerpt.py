"""The part of an incident that leaves for a receiver: secrets masked, at most five lines of evidence, each of bounded length."""

from __future__ import annotations

from dataclasses import replace

from detector.masking import mask_incident
from detector.plain_text import cut
from detector.records import Evidence, Incident

MOST_LINES = 5
MOST_CHARACTERS = 500
_LONGEST_TEXT = 2000
_ENTITY_CHARACTERS = 500
_NAME_CHARACTERS = 1000
# Masking looks at more than is shown, so that a secret is recognised before it is cut in two.
_LOOKED_AT = 8 * MOST_CHARACTERS


def excerpt(incident: Incident) -> Incident:
    """The incident as receivers may see it. The raw lines stay where they were."""
    return _shortened(mask_incident(_bounded(incident)))


def _bounded(incident: Incident) -> Incident:
    return replace(
        incident,
        title=incident.title[:_LOOKED_AT],
        fix=incident.fix[:_LOOKED_AT],
        explanation=incident.explanation[:_LOOKED_AT],
        entity=None if incident.entity is None else incident.entity[:_LOOKED_AT],
        evidence=_chosen(incident.evidence),
        cause=None if incident.cause is None else replace(incident.cause, restore=incident.cause.restore[:_LOOKED_AT]),
    )


def _chosen(evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """The first ones and the last, which says whether it goes on; further lines of the first as far as there is room."""
    if len(evidence) > MOST_LINES:
        evidence = (*evidence[: MOST_LINES - 1], evidence[-1])
    spare = MOST_LINES - len(evidence)
    chosen = []
    for one in evidence:
        lines = one.text[: MOST_LINES * _LOOKED_AT].replace("\r\n", "\n").strip("\n").split("\n")[: 1 + spare]
        spare -= len(lines) - 1
        chosen.append(replace(one, text="\n".join(line[:_LOOKED_AT] for line in lines)))
    return tuple(chosen)


def _shortened(incident: Incident) -> Incident:
    cause = incident.cause
    return replace(
        incident,
        service=cut(incident.service, _NAME_CHARACTERS),
        source=cut(incident.source, _NAME_CHARACTERS),
        title=cut(incident.title, MOST_CHARACTERS),
        fix=cut(incident.fix, _LONGEST_TEXT),
        explanation=cut(incident.explanation, _LONGEST_TEXT),
        entity=None if incident.entity is None else cut(incident.entity, _ENTITY_CHARACTERS),
        evidence=tuple(map(_short, incident.evidence)),
        cause=None
        if cause is None
        else replace(cause, item=cut(cause.item, MOST_CHARACTERS), restore=cut(cause.restore, _LONGEST_TEXT)),
        tags=incident.tags[:50],
        also=incident.also[:50],
    )


def _short(evidence: Evidence) -> Evidence:
    text = "\n".join(cut(line, MOST_CHARACTERS) for line in evidence.text.split("\n"))
    return replace(evidence, source=cut(evidence.source, _NAME_CHARACTERS), text=text)
