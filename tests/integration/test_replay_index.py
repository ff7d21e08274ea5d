"""`trimwatch replay --elasticsearch` against a real node."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from detector.edges.sources.elasticsearch.past import PastIndex, Span
from detector.records import Batch
from detector.settings import ElasticsearchSourceSettings
from tests.services.certificates import Certificates
from tests.services.documents import index_documents
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh
from tests.services.nginx import Nginx

START_MS = 1_767_225_600_000  # 2026-01-01
DATES = {"mappings": {"properties": {"@timestamp": {"type": "date"}}}}
Document = dict[str, Any]


def replayed(*arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    """Exit status, the objects that were printed, and what was complained about."""
    command = [sys.executable, "-P", "-m", "detector.cli", "replay", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, env={"PATH": "/usr/bin:/bin"}, timeout=120, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def log_of_a_day(pods: int = 3, lines: int = 400) -> list[tuple[int, str, str]]:
    """Time, pod and line; traces among them, those of one pod between those of others."""
    said: list[tuple[int, str, str]] = []
    for number in range(lines):
        time_ms, pod = START_MS + number // 5, f"api-{number % pods}"
        stamp = f"2026-01-01T00:00:{time_ms % 60_000 // 1000:02d}.{time_ms % 1000:03d}Z"
        if number % 20 == 7:
            said.append((time_ms, pod, f"{stamp} ERROR 1 --- [main] c.acme.Boot : failed to start"))
            said.append((time_ms, pod, f"java.lang.ClassNotFoundException: com.acme.Missing{number % 60}"))
            said += [(time_ms, pod, f"\tat a.B.call{depth}(B.java:{depth})") for depth in range(3)]
        else:
            said.append((time_ms, pod, f"{stamp}  INFO 1 --- [main] c.acme.Boot : order {number}"))
    return said


def as_filebeat(said: Iterable[tuple[int, str, str]]) -> list[Document]:
    return [
        {
            "@timestamp": time_ms,
            "message": line,
            "log": {"offset": offset},
            "agent": {"type": "filebeat"},
            "kubernetes": {"namespace": "shop", "pod": {"name": pod}, "container": {"name": "api"}},
        }
        for offset, (time_ms, pod, line) in enumerate(said)
    ]


def told(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What an incident says, but for where its lines were."""
    kept = ("dedup_key", "rule", "entity", "service", "severity", "stage", "count", "first_seen", "last_seen", "title", "fix")
    return sorted(tuple(one[name] for name in kept) for one in found if one["kind"] == "incident")


@pytest.mark.parametrize("shards", [1, 3])
def test_a_log_says_the_same_by_file_and_by_index(elasticsearch_node: Elasticsearch, tmp_path: Path, shards: int) -> None:
    """A document a line, pods between pods, several lines a millisecond, spread over shards: the same incidents, with counts
    and times; each document can be found by what the evidence says."""
    node, index = elasticsearch_node, fresh("equal")
    node.ask("PUT", f"/{index}", {"settings": {"number_of_shards": shards}, **DATES})
    documents = as_filebeat(log_of_a_day())
    index_documents(node, index, documents)
    file = tmp_path / "filebeat.json"
    file.write_text("".join(json.dumps(document) + "\n" for document in documents))
    _, by_file, _ = replayed("--service", "api", str(file))
    code, by_index, complaints = replayed("--elasticsearch", node.address, "--index", index, "--service", "api", "--page", "70")
    assert (code, complaints) == (0, "")
    assert told(by_index) == told(by_file)
    assert len(told(by_index)) == 3
    assert by_index[-1]["lines"] == len(documents)
    for one in by_index[:-1]:
        where = one["evidence"][0]["position"]
        assert where.startswith(f"{index}/")
        found = node.ask("GET", f"/{index}/_doc/{where.partition('/')[2]}")
        assert "failed to start" in found["_source"]["message"]  # the first line of the trace


def test_only_the_time_and_the_query_that_were_asked_for(elasticsearch_node: Elasticsearch) -> None:
    """From `--since` on, before `--until`, what `--query` finds; without bounds also documents that have no time."""
    node, index = elasticsearch_node, fresh("span")
    node.ask("PUT", f"/{index}", DATES)
    thrown = "java.lang.ClassNotFoundException: com.acme."
    index_documents(
        node,
        index,
        [
            {"@timestamp": "2026-01-01T00:00:00Z", "message": f"{thrown}Early"},
            {"@timestamp": "2026-01-01T01:00:00Z", "message": f"{thrown}Within", "level": "error"},
            {"@timestamp": "2026-01-01T01:00:01Z", "message": f"{thrown}Other", "level": "warn"},
            {"@timestamp": "2026-01-01T02:00:00Z", "message": f"{thrown}Late"},
            {"message": f"{thrown}Timeless"},
        ],
    )
    here = ("--elasticsearch", node.address, "--index", index)

    def entities(*arguments: str) -> set[str]:
        _, found, _ = replayed(*here, *arguments)
        return {one["entity"].rpartition(".")[2] for one in found[:-1]}

    assert entities() == {"Early", "Within", "Other", "Late", "Timeless"}
    span = ("--since", "2026-01-01T01:00:00Z", "--until", "2026-01-01T02:00:00Z")
    assert entities(*span) == {"Within", "Other"}
    assert entities(*span, "--query", "level:error") == {"Within"}
    assert entities("--since", "1h") == set()


def test_nanoseconds_order_documents(elasticsearch_node: Elasticsearch) -> None:
    """A trace whose lines were written in one millisecond and indexed backwards is one event."""
    node, index = elasticsearch_node, fresh("nanos")
    node.ask("PUT", f"/{index}", {"mappings": {"properties": {"@timestamp": {"type": "date_nanos"}}}})
    lines = ["ERROR failed", "java.lang.ClassNotFoundException: com.acme.Gone", "\tat a.B.c(B.java:1)", "\tat a.B.d(B.java:2)"]
    documents = [
        {"@timestamp": f"2026-01-01T00:00:00.123456{number:03d}Z", "message": line, "agent": {"type": "filebeat"}}
        for number, line in enumerate(lines)
    ]
    index_documents(node, index, documents[::-1])
    _, found, _ = replayed("--elasticsearch", node.address, "--index", index)
    assert [(one["kind"], one.get("entity"), one.get("events")) for one in found] == [
        ("incident", "com.acme.Gone", None),
        ("summary", None, 1),
    ]


def settings(node: Elasticsearch, index: str, page: int) -> ElasticsearchSourceSettings:
    return ElasticsearchSourceSettings("elasticsearch", (node.address,), index, page=page)


def ids(batches: Iterable[Batch], seen: Callable[[int], None] = lambda count: None) -> list[str]:
    """What was read, in order, by name."""
    read: list[str] = []
    for batch in batches:
        assert batch.records is not None
        assert batch.offset == len(read)
        read += batch.records.names
        seen(len(read))
    return read


def test_a_node_that_is_killed_in_the_middle(own_elasticsearch: Elasticsearch) -> None:
    """Killed with -9 while it is read, and started again: every document once. 8,000 of them, 500 of a millisecond."""
    node, index = own_elasticsearch, "logs"
    node.ask("PUT", f"/{index}", {"settings": {"number_of_shards": 2, "number_of_replicas": 0}, **DATES})
    for begin in range(0, 8000, 2000):
        index_documents(node, index, [{"@timestamp": START_MS + n // 500, "message": str(n)} for n in range(begin, begin + 2000)])
    restarting: list[threading.Thread] = []

    def after(count: int) -> None:
        if count > 2500 and not restarting:
            node.kill()
            restarting.append(threading.Thread(target=node.start))
            restarting[0].start()

    past = PastIndex(settings(node, index, 250), Span())
    read = ids(past.batches(), after)
    restarting[0].join()
    assert past.total == len(read) == len(set(read)) == 8000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--index", "none-of-these"], "no such index"),
        (["--index", "none-of-these-*"], "no index matches"),
        (["--index", "{index}", "--query", "a:(("], "Failed to parse query"),
        (["--index", "{index}", "--since", "yesterday"], "--since is 'yesterday'"),
        ([], "--elasticsearch needs --index"),
        (["--index", "{index}", "--user", "me"], "--user needs password"),
        (["--index", "{index}", "--api-key-file", "/none"], "api_key: its file cannot be read"),
        (["--index", "{index}", "--flavor", "opensearch"], "no handler found"),
        (["--index", "{index}", "x.log"], "in place of files"),
    ],
)
def test_what_is_wrong_is_said_in_words(elasticsearch_node: Elasticsearch, arguments: list[str], words: str) -> None:
    """Exit status 2, one line that says it, no traceback."""
    index = fresh("wrong")
    elasticsearch_node.ask("PUT", f"/{index}", DATES)
    code, _, complaints = replayed(
        "--elasticsearch", elasticsearch_node.address, *(each.format(index=index) for each in arguments)
    )
    assert code == 2
    assert words in complaints
    assert "Traceback" not in complaints


def test_nothing_listens_there() -> None:
    """Exit status 2, at once."""
    code, _, complaints = replayed("--elasticsearch", "http://127.0.0.1:1", "--index", "logs")
    assert (code, "connection refused" in complaints) == (2, True)


def test_through_tls_with_a_password(
    elasticsearch_node: Elasticsearch,
    certificates: Certificates,
    nginx_front: Callable[..., Nginx],
    tmp_path: Path,
) -> None:
    """The right authority and password read; a wrong password, or no trust, is said without the password."""
    index = fresh("secret")
    index_documents(elasticsearch_node, index, [{"@timestamp": "2026-01-01T00:00:00Z", "message": "x"}])
    front = nginx_front(elasticsearch_node.address, certificates, ("trimwatch", "s3cret-canary"))
    (tmp_path / "right").write_text("s3cret-canary\n")
    (tmp_path / "wrong").write_text("wr0ng-canary\n")
    here = ("--elasticsearch", front.address, "--index", index, "--user", "trimwatch")
    trusting = (*here, "--ca-file", str(certificates.ca))
    code, found, _ = replayed(*trusting, "--password-file", str(tmp_path / "right"))
    assert (code, found[-1]["lines"]) == (0, 1)
    code, _, complaints = replayed(*trusting, "--password-file", str(tmp_path / "wrong"))
    assert (code, "not accepted" in complaints, "canary" in complaints) == (2, True, False)
    code, _, complaints = replayed(*here, "--password-file", str(tmp_path / "right"))
    assert (code, "not trusted" in complaints, "canary" in complaints) == (2, True, False)
