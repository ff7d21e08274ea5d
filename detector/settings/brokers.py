"""What is wrong with how Kafka is to be reached, and with what is to be read there or written, as far as the settings tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from detector.documents.fields import shown
from detector.settings.start_at import start_at
from detector.settings.tree import KafkaSinkSettings, KafkaSourceSettings, Settings
from detector.settings.values import Secret

Problem = tuple[str, str]

_SERVER = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?|\[[0-9a-fA-F:.]+(?:%[A-Za-z0-9._-]+)?\]):(?P<port>\d{1,5})"
)
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")  # org.apache.kafka.common.internals.Topic
MIRROR_NAME = "elasticsearch"
_WRITES = ("topic", "findings_topic", "verdicts_topic")


def broker_problems(settings: Settings) -> Iterator[Problem]:
    """(path of the field, problem) pairs, for every source and sink of the type kafka."""
    for at, source in enumerate(settings.sources):
        if isinstance(source, KafkaSourceSettings):
            for field, problem in (*_reached(source), *_read(source)):
                yield f"sources.{at}.{field}", problem
    for at, sink in enumerate(settings.sinks):
        if isinstance(sink, KafkaSinkSettings):
            for field, problem in (*_reached(sink), *_written(sink, bool(settings.elasticsearch.urls))):
                yield f"sinks.{at}.{field}", problem
    yield from _replicas(settings)
    yield from _loops(settings)


def _reached(part: KafkaSourceSettings | KafkaSinkSettings) -> Iterator[Problem]:
    if not part.servers:
        yield "servers", "is empty; name at least one broker as host:port"
    for at, server in enumerate(part.servers):
        if problem := _server_problem(server):
            yield f"servers.{at}", problem
    yield from _tls(part)
    yield from _sasl(part)


def _server_problem(server: str) -> str | None:
    if "@" in server:
        return "holds a user or a password; write host:port, and give username and password by their own keys"
    if "," in server:
        return f"is {shown(server)}; write each broker as an item of its own"
    if "://" in server:
        return f"is {shown(server)}; leave out the scheme: host:port (for TLS there is `tls: true`)"
    match = _SERVER.fullmatch(server)
    if not match or not 0 < int(match["port"]) <= 65535:
        return f"is {shown(server)}; write host:port, like kafka-1:9092"
    return None


def _tls(part: KafkaSourceSettings | KafkaSinkSettings) -> Iterator[Problem]:
    for field in ("ca_file", "cert_file", "key_file"):
        if getattr(part, field) is not None and not part.tls:
            yield field, "means nothing without `tls: true`"
    if part.cert_file is not None and part.key_file is None:
        yield "cert_file", "needs key_file, the key of that certificate (the same file where it holds both)"
    if part.key_file is not None and part.cert_file is None:
        yield "key_file", "needs cert_file, the certificate of that key"


def _sasl(part: KafkaSourceSettings | KafkaSinkSettings) -> Iterator[Problem]:
    given = {"username": bool(part.username), "password": _is_given(part.password)}
    for field, is_given in given.items():
        if part.sasl != "none" and not is_given:
            yield field if getattr(part, field) is not None else "sasl", f"{part.sasl} needs a {field}"
        if part.sasl == "none" and is_given:
            yield field, "means nothing without `sasl`: plain, scram-sha-256 or scram-sha-512"


def _is_given(secret: Secret | None) -> bool:
    return secret is not None and bool(secret.value or secret.file)


def _read(source: KafkaSourceSettings) -> Iterator[Problem]:
    if not source.topics and source.topic_pattern is None:
        yield "topics", "name topics, or give a topic_pattern"
    if source.topics and source.topic_pattern is not None:
        yield "topic_pattern", "cannot be given beside topics; leave one of them out"
    for at, topic in enumerate(source.topics):
        if problem := _topic_problem(topic):
            yield f"topics.{at}", problem
        elif topic in source.topics[:at]:
            yield f"topics.{at}", f"{shown(topic)} stands there twice"
    if source.topic_pattern is not None and (problem := _pattern_problem(source.topic_pattern)):
        yield "topic_pattern", problem
    if not source.group.strip():
        yield "group", "is empty; name the consumer group"
    try:
        start_at(source.start_at)
    except ValueError as error:
        yield "start_at", str(error)


def _topic_problem(topic: str) -> str | None:
    if _TOPIC.fullmatch(topic) and topic not in (".", ".."):
        return None
    more = "; several topics by one expression are a `topic_pattern`" if re.search(r"[*+?()\[\]|^$\\]", topic) else ""
    return f"{shown(topic)} is no name of a topic: letters, digits, '.', '_' and '-', at most 249{more}"


def _pattern_problem(pattern: str) -> str | None:
    """Topic names are matched by Python's `re`, whole."""
    if not pattern:
        return "is empty; write a regular expression that whole topic names match"
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is no regular expression: {error}"
    if "*" in pattern and not re.search(r"[.\\\[(|]", pattern):
        return f"is {shown(pattern)}, which reads like a glob; as a regular expression, any text is .*"
    return None


def _written(sink: KafkaSinkSettings, is_mirrored: bool) -> Iterator[Problem]:
    if is_mirrored and sink.name == MIRROR_NAME and (sink.findings_topic or sink.verdicts_topic):
        yield "name", f"{MIRROR_NAME} is what the mirror is called where its progress is kept; give this sink a name of its own"
    for field in _WRITES:
        topic = getattr(sink, field)
        if topic is not None and (problem := _topic_problem(topic)):
            yield field, problem


def _replicas(settings: Settings) -> Iterator[Problem]:
    """A member that takes a partition over cannot know what the others told the pager, unless they share it."""
    if settings.elasticsearch.urls or settings.incidents.resolve == "never":
        return
    for at, source in enumerate(settings.sources):
        if isinstance(source, KafkaSourceSettings) and source.replicas > 1:
            yield (
                f"sources.{at}.replicas",
                f"{source.replicas} daemons would resolve each other's incidents; give elasticsearch.urls, where they agree, "
                "or set incidents.resolve: never",
            )


def _loops(settings: Settings) -> Iterator[Problem]:
    """What a sink writes must not come back as what a source reads: each incident would make the next."""
    for at, sink in enumerate(settings.sinks):
        if not isinstance(sink, KafkaSinkSettings):
            continue
        for field in _WRITES:
            for reader in _readers(settings, getattr(sink, field), sink.servers):
                yield f"sinks.{at}.{field}", f"is read by {reader} too: what is written there would be read as a log again"


def _readers(settings: Settings, topic: str | None, servers: Iterable[str]) -> Iterator[str]:
    for at, source in enumerate(settings.sources):
        if topic is None or not isinstance(source, KafkaSourceSettings) or not _meet(source.servers, servers):
            continue
        if topic in source.topics:
            yield f"sources.{at}.topics"
        pattern = source.topic_pattern
        if pattern is not None and not _pattern_problem(pattern) and re.fullmatch(pattern, topic):
            yield f"sources.{at}.topic_pattern"


def _meet(one: Sequence[str], other: Iterable[str]) -> bool:
    """Whether both name one broker: then it is one cluster."""
    return bool({server.lower() for server in one} & {server.lower() for server in other})
