"""The link to a page about an incident, from a template in the settings; never from a log."""

from __future__ import annotations

from urllib.parse import quote

from detector.records import Incident


def runbook_link(template: str | None, incident: Incident) -> str | None:
    """The template with `{rule}` and `{dedup_key}` filled in, percent-encoded; a slash in the rule's id stays."""
    if template is None:
        return None
    rule, key = quote(incident.rule, safe="/"), quote(incident.dedup_key, safe="")
    return template.replace("{rule}", rule).replace("{dedup_key}", key)
