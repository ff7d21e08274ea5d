"""Everything there is to say, as one frozen tree. Parts get their slice of it, never the tree."""

# ruff: noqa: RUF009   say() is what makes a field

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from detector.records import Severity
from detector.settings.judging import AlarmSettings, SignalSettings, VerdictSettings
from detector.settings.k6 import K6SourceSettings
from detector.settings.scraping import ScrapeSourceSettings
from detector.settings.statsd import StatsdSourceSettings
from detector.settings.values import Secret, Size, say

Layout = Literal["auto", "plain", "json", "cri", "docker", "syslog", "journald"]

_SHORTEST_TIMEOUT = timedelta(milliseconds=100)
_LONGEST_TIMEOUT = timedelta(minutes=10)
_LINE_SIZES = {"minimum": Size(1 << 10).bytes, "maximum": Size(16 << 20).bytes}


@dataclass(frozen=True, slots=True)
class FileSourceSettings:
    type: Literal["file"] = say("Follows log files.")
    paths: tuple[str, ...] = say("Files or globs to follow; `**` matches folders.")
    name: str = say("What this source is called in metrics.", "file")
    service: str | None = say("The service these files belong to; else the record says it, else the file's stem.", None)
    layout: Layout = say("How lines are framed: auto, plain, json, cri, docker, syslog, journald.", "auto")
    start_at: Literal["beginning", "end"] = say("Where to begin in a file that was never seen before.", "beginning")
    poll: timedelta = say("How often a quiet file is looked at.", timedelta(milliseconds=100), minimum=timedelta(milliseconds=10))
    look_for_files: timedelta = say(
        "How often the globs are looked at for new files.", timedelta(seconds=1), minimum=timedelta(milliseconds=10)
    )
    rotated_quiet: timedelta = say("A renamed or deleted file is read until it was quiet for so long.", timedelta(seconds=5))
    max_line: Size = say("A longer line is cut there, marked and counted.", Size(1 << 20), **_LINE_SIZES)
    max_files: int = say("How many files are open at once; the rest wait their turn.", 512, minimum=1)


@dataclass(frozen=True, slots=True)
class StdinSourceSettings:
    type: Literal["stdin"] = say("Reads standard input to its end.")
    name: str = say("What this source is called in metrics.", "stdin")
    service: str | None = say("The service the lines belong to.", None)
    layout: Layout = say("How lines are framed.", "auto")
    max_line: Size = say("A longer line is cut there, marked and counted.", Size(1 << 20), **_LINE_SIZES)


@dataclass(frozen=True, slots=True)
class KubernetesSourceSettings:
    type: Literal["kubernetes"] = say("Follows the logs of containers of a pod through the Kubernetes API.")
    name: str = say("What this source is called in metrics.", "kubernetes")
    pod: str | None = say("The pod; default: the pod we run in (POD_NAME, else the host name).", None)
    namespace: str | None = say("Its namespace; default: the one we run in.", None)
    containers: tuple[str, ...] = say("Which containers; default: all but our own.", ())
    exclude_containers: tuple[str, ...] = say("Containers that are left out.", ("trimwatch",))
    previous: bool = say("Read the log of the instance before, once, when a container has restarted.", True)
    service: str | None = say(
        "The service; default: the pod's app.kubernetes.io/name or app label, else the container's name.", None
    )
    layout: Layout = say("How the lines inside are framed.", "auto")
    api: str | None = say("Address of the API server; default: the one inside the cluster.", None)
    token_file: str | None = say("Bearer token; default: the service account's.", None)
    ca_file: str | None = say("CA certificate of the API server; default: the service account's.", None)
    connect_timeout: timedelta = say(
        "How long a connection may take.", timedelta(seconds=5), minimum=_SHORTEST_TIMEOUT, maximum=_LONGEST_TIMEOUT
    )
    idle_timeout: timedelta = say(
        "A silent connection is opened anew after so long.", timedelta(minutes=5), minimum=timedelta(seconds=1)
    )
    max_line: Size = say("A longer line is cut there, marked and counted.", Size(1 << 20), **_LINE_SIZES)


Sasl = Literal["none", "plain", "scram-sha-256", "scram-sha-512"]


@dataclass(frozen=True, slots=True)
class KafkaSourceSettings:
    type: Literal["kafka"] = say("Reads topics of Apache Kafka, as a member of a consumer group.")
    servers: tuple[str, ...] = say("host:port of a few brokers.")
    topics: tuple[str, ...] = say("Names of topics.", ())
    topic_pattern: str | None = say("Instead of names: a regular expression that whole topic names match.", None)
    group: str = say("The consumer group; members share the partitions.", "trimwatch")
    replicas: int = say("How many daemons are in the group.", 1, minimum=1)
    name: str = say("What this source is called in metrics.", "kafka")
    service: str | None = say("The service; else the record says it, else the topic.", None)
    format: Literal["logs", "otlp_logs", "otlp_metrics", "telegraf", "metricbeat"] = say("What the records hold.", "logs")
    layout: Layout = say("How log lines are framed.", "auto")
    start_at: str = say("Where to begin without a position: earliest, latest, or a time like 2026-11-25T02:00:00Z.", "earliest")
    isolation: Literal["read_committed", "read_uncommitted"] = say("Whether aborted transactions are left out.", "read_committed")
    tls: bool = say("Whether brokers are reached by TLS.", False)
    ca_file: str | None = say("CA bundle to trust instead of the built-in one.", None)
    cert_file: str | None = say("Our certificate, where brokers ask for one.", None)
    key_file: str | None = say("Its key.", None)
    sasl: Sasl = say("How we prove who we are.", "none")
    username: str | None = say("The SASL user.", None)
    password: Secret | None = say("Its password.", None)
    fetch: Size = say(
        "How much of a partition is fetched at once.", Size(1 << 20), minimum=Size(16 << 10).bytes, maximum=Size(64 << 20).bytes
    )
    max_batch: Size = say(
        "A record batch that unpacks to more than this is refused and counted.", Size(32 << 20), minimum=Size(64 << 10).bytes
    )
    whole_batches: bool = say("Whether record batches are scanned whole; false: record by record, slower.", True)
    commit_every: timedelta = say(
        "How often offsets are committed to the broker, for whoever takes over.",
        timedelta(seconds=5),
        minimum=timedelta(milliseconds=10),
    )
    session_timeout: timedelta = say(
        "A member that was silent for so long loses its partitions.",
        timedelta(seconds=45),
        minimum=timedelta(seconds=1),
        maximum=timedelta(hours=1),
    )
    timeout: timedelta = say(
        "How long one request may take.", timedelta(seconds=40), minimum=_SHORTEST_TIMEOUT, maximum=_LONGEST_TIMEOUT
    )
    max_line: Size = say("A longer line is cut there, marked and counted.", Size(1 << 20), **_LINE_SIZES)


@dataclass(frozen=True, slots=True)
class ElasticsearchSourceSettings:
    type: Literal["elasticsearch"] = say("Polls indices of Elasticsearch or OpenSearch for new log documents.")
    urls: tuple[str, ...] = say("Base address of a few nodes.")
    index: str = say("Index, alias, data stream or pattern, such as logs-*.")
    query: str | None = say("Only documents that this query string matches (Lucene syntax).", None)
    name: str = say("What this source is called in metrics.", "elasticsearch")
    service: str | None = say("The service; else the document says it, else the index.", None)
    layout: Layout = say("How the lines inside are framed.", "auto")
    start_at: str = say("Where to begin without a position: earliest, latest, or a time like 2026-11-25T02:00:00Z.", "latest")
    time_field: str = say("The field that orders documents.", "@timestamp")
    message_field: str | None = say("The field that holds the line; default: found by the document's shape.", None)
    poll: timedelta = say("How often new documents are looked for.", timedelta(seconds=5), minimum=timedelta(milliseconds=100))
    late: timedelta = say("Documents may become visible so much later than their time says.", timedelta(seconds=60))
    page: int = say("Documents a request.", 1000, minimum=1, maximum=10_000)
    flavor: Literal["elasticsearch", "opensearch"] = say("Whose API; OpenSearch is best effort.", "elasticsearch")
    username: str | None = say("The user, for basic authentication.", None)
    password: Secret | None = say("Its password.", None)
    api_key: Secret | None = say("API key, encoded or as id:key, instead of user and password.", None)
    ca_file: str | None = say("CA bundle to trust instead of the built-in one.", None)
    timeout: timedelta = say(
        "How long one request may take.", timedelta(seconds=30), minimum=_SHORTEST_TIMEOUT, maximum=_LONGEST_TIMEOUT
    )
    max_line: Size = say("A longer line is cut there, marked and counted.", Size(1 << 20), **_LINE_SIZES)


SourceSettings = (
    FileSourceSettings
    | StdinSourceSettings
    | KubernetesSourceSettings
    | KafkaSourceSettings
    | ElasticsearchSourceSettings
    | ScrapeSourceSettings
    | StatsdSourceSettings
    | K6SourceSettings
)


@dataclass(frozen=True, slots=True)
class StdoutSinkSettings:
    type: Literal["stdout"] = say("Writes one JSON object a line to standard output.")
    name: str = say("The sink's name.", "stdout")
    min_severity: Severity = say("Quieter incidents are not sent.", Severity.WARNING)


@dataclass(frozen=True, slots=True)
class WebhookSinkSettings:
    type: Literal["webhook"] = say("POSTs the incident as JSON.")
    url: str = say("Where to.")
    name: str = say("The sink's name.", "webhook")
    min_severity: Severity = say("Quieter incidents are not sent.", Severity.WARNING)
    headers: tuple[tuple[str, str], ...] = say("Headers to add.", ())
    token: Secret | None = say("Sent as `Authorization: Bearer`.", None)
    hmac_secret: Secret | None = say("Signs timestamp and body; header X-Trimwatch-Signature.", None)
    timeout: timedelta = say(
        "How long one attempt may take.", timedelta(seconds=10), minimum=_SHORTEST_TIMEOUT, maximum=_LONGEST_TIMEOUT
    )
    ca_file: str | None = say("CA bundle to trust instead of the built-in one.", None)
    allow_private: bool = say(
        "Whether the address may be loopback or private; link-local and metadata addresses never may.", False
    )


@dataclass(frozen=True, slots=True)
class PagerDutySinkSettings:
    type: Literal["pagerduty"] = say("PagerDuty Events API v2.")
    routing_key: Secret = say("The integration key.")
    name: str = say("The sink's name.", "pagerduty")
    min_severity: Severity = say("Quieter incidents are not sent.", Severity.WARNING)
    url: str = say("The events endpoint; the EU region has its own.", "https://events.pagerduty.com/v2/enqueue")
    per_minute: int = say("How many events a minute at most.", 100, minimum=1)
    timeout: timedelta = say(
        "How long one attempt may take.", timedelta(seconds=10), minimum=_SHORTEST_TIMEOUT, maximum=_LONGEST_TIMEOUT
    )
    runbook_url: str | None = say("Link shown with each alert; {rule} and {dedup_key} in it are filled in.", None)
    allow_private: bool = say(
        "Whether the address may be loopback or private; link-local and metadata addresses never may.", False
    )


@dataclass(frozen=True, slots=True)
class AlertmanagerSinkSettings:
    type: Literal["alertmanager"] = say("Prometheus Alertmanager, API v2; every peer is told.")
    urls: tuple[str, ...] = say("Base address of every peer.")
    name: str = say("The sink's name.", "alertmanager")
    min_severity: Severity = say("Quieter incidents are not sent.", Severity.WARNING)
    labels: tuple[tuple[str, str], ...] = say("Labels to add.", ())
    token: Secret | None = say("Sent as `Authorization: Bearer`.", None)
    resend: timedelta = say("A firing alert is sent again so often.", timedelta(seconds=60), minimum=timedelta(seconds=1))
    timeout: timedelta = say(
        "How long one attempt may take.", timedelta(seconds=10), minimum=_SHORTEST_TIMEOUT, maximum=_LONGEST_TIMEOUT
    )
    runbook_url: str | None = say("Link shown with each alert; {rule} and {dedup_key} in it are filled in.", None)
    ca_file: str | None = say("CA bundle to trust instead of the built-in one.", None)
    allow_private: bool = say(
        "Whether the address may be loopback or private; link-local and metadata addresses never may.", False
    )


@dataclass(frozen=True, slots=True)
class SlackSinkSettings:
    type: Literal["slack"] = say("Slack, by incoming webhook or bot token.")
    name: str = say("The sink's name.", "slack")
    min_severity: Severity = say("Quieter incidents are not sent.", Severity.WARNING)
    webhook_url: Secret | None = say("Incoming webhook; cannot update a message.", None)
    bot_token: Secret | None = say("Bot token; one message an incident, updated in place.", None)
    channel: str | None = say("Channel id, with a bot token.", None)
    api: str = say("Base address of the Web API.", "https://slack.com/api")
    timeout: timedelta = say(
        "How long one attempt may take.", timedelta(seconds=10), minimum=_SHORTEST_TIMEOUT, maximum=_LONGEST_TIMEOUT
    )
    runbook_url: str | None = say("Link shown with each alert; {rule} and {dedup_key} in it are filled in.", None)
    allow_private: bool = say(
        "Whether the address may be loopback or private; link-local and metadata addresses never may.", False
    )


@dataclass(frozen=True, slots=True)
class AppriseSinkSettings:
    type: Literal["apprise"] = say("Everything Apprise knows; best effort: no dedup, no resolve, no proof of delivery.")
    url: Secret = say("The Apprise URL.")
    name: str = say("The sink's name.", "apprise")
    min_severity: Severity = say("Quieter incidents are not sent.", Severity.WARNING)
    timeout: timedelta = say(
        "How long one attempt may take.", timedelta(seconds=30), minimum=_SHORTEST_TIMEOUT, maximum=_LONGEST_TIMEOUT
    )


@dataclass(frozen=True, slots=True)
class KafkaSinkSettings:
    type: Literal["kafka"] = say(
        "Writes incidents, and if wanted findings and verdicts, to topics of Apache Kafka as keyed JSON."
    )
    servers: tuple[str, ...] = say("host:port of a few brokers.")
    topic: str = say("Where incidents go; the key is the dedup key.", "trimwatch-incidents")
    findings_topic: str | None = say("Where findings go; default: nowhere.", None)
    verdicts_topic: str | None = say("Where verdicts go; default: nowhere.", None)
    name: str = say("The sink's name.", "kafka")
    min_severity: Severity = say("Quieter incidents are not sent.", Severity.WARNING)
    tls: bool = say("Whether brokers are reached by TLS.", False)
    ca_file: str | None = say("CA bundle to trust instead of the built-in one.", None)
    cert_file: str | None = say("Our certificate, where brokers ask for one.", None)
    key_file: str | None = say("Its key.", None)
    sasl: Sasl = say("How we prove who we are.", "none")
    username: str | None = say("The SASL user.", None)
    password: Secret | None = say("Its password.", None)
    timeout: timedelta = say(
        "How long one attempt may take.", timedelta(seconds=10), minimum=_SHORTEST_TIMEOUT, maximum=_LONGEST_TIMEOUT
    )


SinkSettings = (
    StdoutSinkSettings
    | WebhookSinkSettings
    | PagerDutySinkSettings
    | AlertmanagerSinkSettings
    | SlackSinkSettings
    | AppriseSinkSettings
    | KafkaSinkSettings
)


@dataclass(frozen=True, slots=True)
class RuleSettings:
    paths: tuple[str, ...] = say("Folders of rules of your own, read after the built-in packs; the same id replaces.", ())
    builtin: bool = say("Whether the built-in packs are used.", True)
    packs: tuple[str, ...] = say("Only these packs; default: all.", ())
    mute: tuple[str, ...] = say("Rules that open no incident (they become shadow).", ())


@dataclass(frozen=True, slots=True)
class IncidentSettings:
    resolve: Literal["always", "never", "shared"] = say(
        "Whether a quiet incident is resolved at the receivers, or only here; shared: when it is quiet at every daemon, which "
        "needs elasticsearch.",
        "always",
    )
    quiet: timedelta = say(
        "An incident that was quiet for so long is resolved.", timedelta(minutes=15), minimum=timedelta(milliseconds=10)
    )
    update_every: timedelta = say("An open incident is updated at most so often.", timedelta(minutes=5))
    flap_window: timedelta = say(
        "Opening and resolving more than flap_count times within this is flapping.",
        timedelta(hours=1),
        minimum=timedelta(seconds=1),
    )
    flap_count: int = say("How many openings within flap_window make an incident flap.", 3, minimum=2)
    max_open: int = say("More distinct causes than this are counted, not opened.", 1000, minimum=1)


@dataclass(frozen=True, slots=True)
class StoreSettings:
    path: str = say("Folder of the state: database, marker, caches.", "./trimwatch-state")
    commit_every: timedelta = say(
        "At most so much time between two checkpoints while lines flow.",
        timedelta(milliseconds=100),
        maximum=timedelta(seconds=60),
    )
    keep: timedelta = say(
        "Findings, deliveries, dead letters and values of signals are kept so long.",
        timedelta(days=14),
        minimum=timedelta(hours=1),
    )
    max_size: Size = say("The oldest history goes when the database is larger.", Size(1 << 30), minimum=Size(16 << 20).bytes)
    max_signals_size: Size = say(
        "The oldest values of signals go when all of them take more.", Size(384 << 20), minimum=Size(1 << 20).bytes
    )


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    give_up_after: timedelta = say(
        "An alert that could not be delivered for so long is given up, counted and shown.", timedelta(hours=24)
    )
    first_retry: timedelta = say(
        "The pause after the first failure; it doubles.", timedelta(seconds=1), minimum=timedelta(milliseconds=10)
    )
    longest_retry: timedelta = say(
        "The longest pause between two tries.", timedelta(minutes=5), minimum=timedelta(milliseconds=10)
    )
    fallback: str | None = say("The sink that is told when another gives up.", None)


@dataclass(frozen=True, slots=True)
class ElasticsearchSettings:
    """What daemons share: a mirror of what each of them found."""

    urls: tuple[str, ...] = say("Base address of a few nodes; none: nothing is mirrored.", ())
    prefix: str = say("Index names begin with this.", "trimwatch")
    flavor: Literal["elasticsearch", "opensearch"] = say("Whose API; OpenSearch is best effort.", "elasticsearch")
    username: str | None = say("The user, for basic authentication.", None)
    password: Secret | None = say("Its password.", None)
    api_key: Secret | None = say("API key, encoded or as id:key, instead of user and password.", None)
    ca_file: str | None = say("CA bundle to trust instead of the built-in one.", None)
    timeout: timedelta = say(
        "How long one request may take.", timedelta(seconds=10), minimum=_SHORTEST_TIMEOUT, maximum=_LONGEST_TIMEOUT
    )
    lease: timedelta = say(
        "A daemon that was not heard of for so long no longer counts when an incident is resolved.",
        timedelta(minutes=5),
        minimum=timedelta(seconds=1),
    )
    poll: timedelta = say(
        "How often silences of others are looked for.", timedelta(seconds=10), minimum=timedelta(milliseconds=100)
    )
    max_waiting: int = say(
        "How many documents wait while the cluster is away; then the oldest findings go, counted.", 100_000, minimum=100
    )


@dataclass(frozen=True, slots=True)
class ListenSettings:
    listen: str = say("host:port of health, readiness and metrics; empty switches it off.", "0.0.0.0:9481")


@dataclass(frozen=True, slots=True)
class ApiSettings:
    listen: str = say("host:port of the API; empty switches it off.", "127.0.0.1:9480")
    token: Secret | None = say("What mutating calls must carry as a bearer token; without one they are refused.", None)
    hosts: tuple[str, ...] = say("Names under which the API may be called, besides localhost and IP addresses.", ())


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """Where metrics are pushed to: remote write, OTLP, InfluxDB line protocol."""

    listen: str = say("host:port that takes pushed metrics; empty switches it off.", "")
    token: Secret | None = say(
        "What a push must carry, as a bearer token or as the password of basic authentication; several, on lines of their own, "
        "are each right. Needed wherever listen is not loopback.",
        None,
    )
    cert_file: str | None = say("Certificate, with which the address is served by TLS.", None)
    key_file: str | None = say("Its key.", None)
    insecure: bool = say("Whether an address that is not loopback may be served without TLS.", False)
    service: str | None = say("The service that pushed metrics belong to, unless their labels say otherwise.", None)
    max_body: Size = say(
        "A larger push, packed or unpacked, is refused.",
        Size(32 << 20),
        minimum=Size(64 << 10).bytes,
        maximum=Size(256 << 20).bytes,
    )
    max_waiting: Size = say(
        "Pushes of so many bytes together are being taken in; more are sent away to come again.",
        Size(64 << 20),
        minimum=Size(64 << 10).bytes,
    )


@dataclass(frozen=True, slots=True)
class LogSettings:
    level: Literal["debug", "info", "warning", "error"] = say("How much we say about ourselves.", "info")
    format: Literal["auto", "json", "console"] = say("auto: console on a terminal, JSON elsewhere.", "auto")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything there is to say; an empty file is a working one."""

    service: str | None = say("The service all sources belong to, unless a source says otherwise.", None)
    sources: tuple[SourceSettings, ...] = say(
        "Where records come from; default: standard input.", (StdinSourceSettings(type="stdin"),)
    )
    sinks: tuple[SinkSettings, ...] = say("Who is told; default: standard output.", (StdoutSinkSettings(type="stdout"),))
    rules: RuleSettings = say("Which rules.", RuleSettings())
    incidents: IncidentSettings = say("The life of an incident.", IncidentSettings())
    store: StoreSettings = say("Where state is kept.", StoreSettings())
    outbox: OutboxSettings = say("How alerts are retried.", OutboxSettings())
    elasticsearch: ElasticsearchSettings = say("The mirror that daemons share.", ElasticsearchSettings())
    signals: SignalSettings = say("Which golden signals.", SignalSettings())
    verdicts: VerdictSettings = say("The judge after a change.", VerdictSettings())
    alarms: AlarmSettings = say("The watch between changes.", AlarmSettings())
    telemetry: ListenSettings = say("Health and metrics.", ListenSettings())
    api: ApiSettings = say("API and page.", ApiSettings())
    ingest: IngestSettings = say("Where metrics are pushed to.", IngestSettings())
    log: LogSettings = say("Our own log.", LogSettings())
    grace: timedelta = say(
        "How long a stop may take to finish what was read.", timedelta(seconds=2), maximum=timedelta(minutes=5)
    )
