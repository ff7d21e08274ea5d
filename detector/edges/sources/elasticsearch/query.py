"""Which documents are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from detector.settings import ElasticsearchSourceSettings

Query = Mapping[str, Any]


def query_of(settings: ElasticsearchSourceSettings, *filters: Query) -> Query:
    """What the settings ask for, and these filters."""
    wanted = [{"query_string": {"query": settings.query}}] if settings.query else []
    return {"bool": {"filter": [*wanted, *filters]}} if wanted or filters else {"match_all": {}}


def between(field: str, since_ms: int | None, until_ms: int | None) -> Query:
    """`until_ms` is excluded. With neither: every document that has the field."""
    if since_ms is None and until_ms is None:
        return {"exists": {"field": field}}
    bounds: dict[str, Any] = {"format": "epoch_millis"}
    if since_ms is not None:
        bounds["gte"] = since_ms
    if until_ms is not None:
        bounds["lt"] = until_ms
    return {"range": {field: bounds}}


def any_of(queries: Iterable[Query]) -> Query:
    return {"bool": {"should": list(queries), "minimum_should_match": 1}}


def named(ids: Iterable[str]) -> Query:
    """Documents of these names, in whichever index."""
    return {"ids": {"values": list(ids)}}


def without(field: str) -> Query:
    """Documents that lack it."""
    return {"bool": {"must_not": [{"exists": {"field": field}}]}}


def counting(field: str, width_ms: int) -> Mapping[str, Any]:
    """An aggregation: how many documents each `width_ms` has."""
    return {"times": {"date_histogram": {"field": field, "fixed_interval": f"{width_ms}ms", "min_doc_count": 1}}}


def counted(answer: Mapping[str, Any]) -> dict[int, int]:
    """The answer to `counting`, by the beginning in milliseconds."""
    return {int(bucket["key"]): int(bucket["doc_count"]) for bucket in answer["aggregations"]["times"]["buckets"]}
