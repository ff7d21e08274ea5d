"""Whether a cluster would serve the mirror, for `check --connect`: its rights, its templates, and what lies under its names.

Nothing is made or changed: templates are worked out and not kept, and a document is sent that may only go to an alias that nobody
makes, since rights are looked at before that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from detector.edges.elasticsearch.client import client
from detector.edges.elasticsearch.library import ApiError, AsyncElasticsearch, TransportError
from detector.edges.elasticsearch.nodes import PLAIN, ask_nodes, distinct, mapped, resolved
from detector.edges.elasticsearch.refusals import REFUSALS, Need, credential, problem_of
from detector.edges.inspected import Inspected, Problem
from detector.edges.mirror.templates import KINDS, PRIORITY, stream_of, template_of
from detector.settings import ElasticsearchSettings

_CLUSTER_RIGHTS = ("manage_index_templates",)
_INDEX_RIGHTS = ("auto_configure", "create_index", "read", "view_index_metadata", "write")
SHARED_INDICES = ("incidents-shared", "silences", "baselines-shared")
_SHOWN = 3


async def inspect_mirror(settings: ElasticsearchSettings) -> Inspected:
    """Every node, then rights, templates and names at one that answers."""
    nodes = await ask_nodes(settings, f"{settings.prefix}-*")
    if not nodes.answered:
        return Inspected(problems=nodes.problems)
    at = nodes.answered[0]
    names = f"`{settings.prefix}-*`"
    problems = [*nodes.problems]
    async with client(replace(settings, urls=(settings.urls[at],))) as cluster:
        streams = await _streams(cluster, settings)
        is_made = len(streams) == len(KINDS)  # then nobody needs to make templates
        questions = (
            (_rights, Need("ask for its rights", "that")),
            *(() if is_made else ((_templates, Need("make index templates", "the cluster privilege `manage_index_templates`")),)),
            (_writing, Need("write documents", f"the index privileges `auto_configure`, `create_index` and `write` on {names}")),
            (_names, Need("ask what is there", f"the index privilege `view_index_metadata` on {names}")),
        )
        for ask, need in questions:
            try:
                problems += await ask(cluster, settings, need)
            except REFUSALS as error:
                problems.append(problem_of(error, settings, at, need))
    there = f"{len(streams)} data streams" if streams else "nothing there yet"
    return Inspected(f"{nodes}; {settings.prefix}-*: {there}", distinct(problems), "that a document is written")


async def _streams(cluster: AsyncElasticsearch, settings: ElasticsearchSettings) -> set[str]:
    """Our data streams that are there; none where we may not ask, which `_names` tells."""
    with suppress(*REFUSALS):
        found = (await resolved(cluster, f"{settings.prefix}-*"))["data_streams"]
        return {each["name"] for each in found} & {stream_of(settings.prefix, kind) for kind in KINDS}
    return set()


async def _rights(cluster: AsyncElasticsearch, settings: ElasticsearchSettings, need: Need) -> list[Problem]:
    """Those that the cluster itself says we lack; none where it does not know the question (no security, OpenSearch)."""
    names = f"{settings.prefix}-*"
    asked = {"names": [names], "privileges": list(_INDEX_RIGHTS)}
    try:
        said = (await cluster.security.has_privileges(cluster=list(_CLUSTER_RIGHTS), index=[asked])).body
    except (ApiError, TransportError):
        return []
    lacking = [f"`{right}`" for right, has in said.get("cluster", {}).items() if not has]
    lacking += [f"`{right}` on `{names}`" for right, has in said.get("index", {}).get(names, {}).items() if not has]
    who = f"{said['username']!r} " if isinstance(said.get("username"), str) else ""
    return [(credential(settings), f"the user {who}lacks rights: grant {', '.join(lacking)}")] if lacking else []


async def _templates(cluster: AsyncElasticsearch, settings: ElasticsearchSettings, need: Need) -> list[Problem]:
    """Each kind's template as the cluster would work it out, and others that would win over it."""
    for kind in KINDS:
        body = template_of(settings.prefix, kind, settings.flavor)
        path = f"/_index_template/_simulate/{stream_of(settings.prefix, kind)}"
        said = (await _post(cluster, path, body)).get("overlapping") or []
        for other in said:
            priority = await _priority(cluster, other["name"])
            if priority > PRIORITY:
                patterns = ", ".join(other["index_patterns"])
                words = f"the index template `{other['name']}` ({patterns}, priority {priority}) wins over ours ({PRIORITY})"
                return [("prefix", f"{words}: take its pattern away, lower it, or choose another prefix")]
    return []


async def _post(cluster: AsyncElasticsearch, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    answer = await cluster.perform_request("POST", path, headers=PLAIN, body=dict(body))
    return answer.body if isinstance(answer.body, dict) else {}


async def _priority(cluster: AsyncElasticsearch, name: str) -> int:
    found = (await cluster.indices.get_index_template(name=name)).body["index_templates"]
    return int(found[0]["index_template"].get("priority") or 0) if found else 0


async def _writing(cluster: AsyncElasticsearch, settings: ElasticsearchSettings, need: Need) -> list[Problem]:
    name = f"{settings.prefix}-check"
    action = {"index": {"_index": name, "_id": "check", "require_alias": True}}
    answer = (await cluster.bulk(operations=[action, {"@timestamp": "1970-01-01T00:00:00Z"}])).body
    item = answer["items"][0]["index"]
    if item["status"] in (401, 403):
        reason = item.get("error", {}).get("reason", "")
        return [(credential(settings), f"writing to `{name}` is refused ({item['status']}): {reason}; grant {need.right}")]
    return []


async def _names(cluster: AsyncElasticsearch, settings: ElasticsearchSettings, need: Need) -> list[Problem]:
    """Names of ours that are something else, and fields of ours that are mapped otherwise."""
    found = await resolved(cluster, f"{settings.prefix}-*")
    streams = {stream_of(settings.prefix, kind) for kind in KINDS}
    shared = {f"{settings.prefix}-{name}" for name in SHARED_INDICES}
    wrong = (("indices", "an index and not a data stream", streams), ("aliases", "an alias and not a data stream", streams))
    for kind, what, ours in (*wrong, ("data_streams", "a data stream and not an index", shared)):
        for each in found[kind]:
            if each["name"] in ours:
                return [("prefix", f"`{each['name']}` is {what}: delete or rename it, or choose another prefix")]
    there = {each["name"] for each in found["data_streams"]}
    for kind in KINDS:
        if stream_of(settings.prefix, kind) in there and (problem := await _conflict(cluster, settings, kind)):
            return [problem]
    return []


async def _conflict(cluster: AsyncElasticsearch, settings: ElasticsearchSettings, kind: str) -> Problem | None:
    stream = stream_of(settings.prefix, kind)
    wanted = dict(_leaves(template_of(settings.prefix, kind, settings.flavor)["template"]["mappings"]["properties"]))
    caps = (await mapped(cluster, stream, wanted))["fields"]
    others = [
        f"{field} is {other} and not {wanted[field]}"
        for field, types in caps.items()
        for other in types
        if field in wanted and other not in (wanted[field], "unmapped")
    ]
    if not others:
        return None
    more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    advice = "roll it over once the daemon has put its template there, and delete the old backing index"
    return "prefix", f"`{stream}` is mapped otherwise: {', '.join(others[:_SHOWN])}{more}; {advice}, or choose another prefix"


def _leaves(properties: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Fields that are indexed, by dotted name, and their types."""
    for name, field in properties.items():
        if "properties" in field:
            yield from _leaves(field["properties"], f"{above}{name}.")
        elif field["type"] != "object":
            yield f"{above}{name}", field["type"]
