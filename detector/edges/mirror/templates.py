"""How the mirror's data streams are mapped: one index template a kind, the same fields in each, ECS names where there are any.

Fields that are not named here are kept in the document and not indexed, so that no text from a log can make a field, and a newer
daemon may write beside an older one. `<prefix>@custom` is a component template of yours, where you make one: retention,
lifecycle, shards.
"""

from __future__ import annotations

from typing import Any

KINDS = {
    "finding": "findings",
    "incident": "incidents",
    "delivery": "deliveries",
    "verdict": "verdicts",
    "baseline": "baselines",
}
# Rises with each change of what is below; a template of a newer release is left alone.
VERSION = 2
# Above the built-in `logs-*-*` (100), and what Fleet makes (200).
PRIORITY = 500
# A keyword longer than this is kept and not indexed: Lucene takes 32,766 bytes a term, and refuses the document beyond.
LONGEST_KEYWORD = 1024

_KEYWORD = {"type": "keyword", "ignore_above": LONGEST_KEYWORD}
_TEXT = {"type": "text"}
_LONG = {"type": "long"}
_DOUBLE = {"type": "double"}
_DATE = {"type": "date", "format": "strict_date_optional_time||epoch_millis"}
_FLAG = {"type": "boolean"}
_KEPT = {"type": "object", "enabled": False}


def stream_of(prefix: str, kind: str) -> str:
    """The data stream of a kind."""
    return f"{prefix}-{KINDS[kind]}"


def template_of(prefix: str, kind: str, flavor: str) -> dict[str, Any]:
    """The body of `PUT _index_template/<stream>`."""
    settings = {"index.auto_expand_replicas": "0-1", "index.mapping.ignore_malformed": True}
    template: dict[str, Any] = {
        "index_patterns": [stream_of(prefix, kind)],
        "data_stream": {},
        "priority": PRIORITY,
        "version": VERSION,
        "_meta": {"managed_by": "trimwatch"},
        "template": {"settings": settings, "mappings": {"dynamic": False, "properties": _PROPERTIES}},
    }
    if flavor == "elasticsearch":
        custom = f"{prefix}@custom"
        template |= {"composed_of": [custom], "ignore_missing_component_templates": [custom]}
    return template


def _fields(kind: dict[str, Any], *names: str) -> dict[str, Any]:
    return dict.fromkeys(names, kind)


def _object(**fields: Any) -> dict[str, Any]:
    return {"properties": fields}


_PROPERTIES: dict[str, Any] = {
    "@timestamp": {"type": "date"},
    "ecs": _object(version=_KEYWORD),
    "message": _TEXT,
    "tags": _KEYWORD,
    "event": _object(
        **_fields(_KEYWORD, "id", "kind", "category", "module", "dataset", "action", "outcome", "reason"),
        **_fields(_DATE, "created", "start", "end"),
        severity=_LONG,
    ),
    "service": _object(name=_KEYWORD),
    "rule": _object(**_fields(_KEYWORD, "id", "ruleset", "name")),
    "error": _object(message=_TEXT),
    "log": _object(level=_KEYWORD, file=_object(path=_KEYWORD)),
    "observer": _object(**_fields(_KEYWORD, "name", "hostname", "product", "type", "version")),
    "trimwatch": _object(
        **_fields(_KEYWORD, "dedup_key", "state", "stage", "severity", "stream", "position", "marks", "roll_back_to", "receiver"),
        **_fields(_KEYWORD, "result", "verdict", "signal", "instance", "layer", "window", "change", "unit", "acceptable"),
        **_fields(_KEYWORD, "digest", "made_by"),
        **_fields(_DOUBLE, "baseline", "after", "observed", "interval", "step_s"),
        **_fields(_TEXT, "fix", "explanation", "before"),
        **_fields(_LONG, "count", "event_start", "event_end", "line", "priority", "seq", "attempt", "version", "windows_needed"),
        **_fields(_FLAG, "is_shadow", "is_startup", "is_flapping", "is_required"),
        entity=_object(**_fields(_KEYWORD, "kind", "name", "normal")),
        cause=_object(**_fields(_KEYWORD, "item", "kind", "change", "restore"), confidence={"type": "double"}),
        evidence=_KEPT,
        body=_KEPT,
    ),
}
