"""Whether the mirror could write: its rights, its templates, and what lies under its names already. Nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError, AsyncElasticsearch

from detector.edges.elasticsearch.refusals import REFUSALS, Need, credential, problem_of
from detector.edges.inspected import Problem
from detector.settings import ElasticsearchSettings

_CLUSTER_RIGHTS = ("manage_index_templates",)
_INDEX_RIGHTS = ("auto_configure", "create_index", "read", "write")
_TEMPLATES = Need("make index templates", "the cluster privilege `manage_index_templates`")


async def look_at_mirror(
    cluster: AsyncElasticsearch, settings: ElasticsearchSettings, at: int
) -> tuple[str, tuple[Problem, ...]]:
    """What is there in a few words, and what is wrong; `at` is the number of the node's address."""
    problems = list(await _missing_rights(cluster, settings))
    writing = Need("write documents", f"the index privileges `auto_configure` and `write` on `{settings.prefix}-*`")
    for attempt, need in ((_try_template, _TEMPLATES), (_try_writing, writing)):
        try:
            problems += await attempt(cluster, settings)
        except REFUSALS as error:
            problems.append(problem_of(error, settings, at, need))
    try:
        seen, conflicts = await _there(cluster, settings)
    except REFUSALS as error:
        need = Need("ask what is there", f"the index privilege `view_index_metadata` on `{settings.prefix}-*`")
        return "", (*problems, problem_of(error, settings, at, need))
    return seen, (*problems, *conflicts)


async def _missing_rights(cluster: AsyncElasticsearch, settings: ElasticsearchSettings) -> list[Problem]:
    """Rights that the cluster itself says we lack; none where it does not know such a question (no security, OpenSearch)."""
    names = f"{settings.prefix}-*"
    try:
        said = (
            await cluster.security.has_privileges(
                cluster=list(_CLUSTER_RIGHTS), index=[{"names": [names], "privileges": list(_INDEX_RIGHTS)}]
            )
        ).body
    except (ApiError, TransportError):
        return []
    lacking = [f"`{right}`" for right, has in said.get("cluster", {}).items() if not has]
    on_names = said.get("index", {}).get(names, {})
    lacking += [f"`{right}` on `{names}`" for right, has in on_names.items() if not has]
    who = f"{said['username']!r} " if isinstance(said.get("username"), str) else ""
    return [(credential(settings), f"the user {who}lacks rights: grant {', '.join(lacking)}")] if lacking else []


async def _try_template(cluster: AsyncElasticsearch, settings: ElasticsearchSettings) -> list[Problem]:
    """Has a template worked out and not kept."""
    template: Mapping[str, Any] = {"mappings": {"properties": {"@timestamp": {"type": "date"}}}}
    await cluster.indices.simulate_template(index_patterns=[f"{settings.prefix}-check"], data_stream={}, template=template)
    return []


async def _try_writing(cluster: AsyncElasticsearch, settings: ElasticsearchSettings) -> list[Problem]:
    """Sends a document that may only go to an alias that nobody makes: rights are looked at before that."""
    name = f"{settings.prefix}-check"
    action = {"index": {"_index": name, "_id": "check", "require_alias": True}}
    answer = (await cluster.bulk(operations=[action, {"@timestamp": "1970-01-01T00:00:00Z"}])).body
    item = answer["items"][0]["index"]
    if item["status"] in (401, 403):
        reason = item.get("error", {}).get("reason", "")
        rights = f"the index privileges `auto_configure` and `write` on `{settings.prefix}-*`"
        return [(credential(settings), f"writing to `{name}` is refused ({item['status']}): {reason}; grant {rights}")]
    return []


async def _there(cluster: AsyncElasticsearch, settings: ElasticsearchSettings) -> tuple[str, list[Problem]]:
    found = (await cluster.indices.resolve_index(name=f"{settings.prefix}-*")).body
    streams = len(found["data_streams"])
    return f"{streams} data streams of `{settings.prefix}-*` are there" if streams else "nothing is mirrored there yet", []
