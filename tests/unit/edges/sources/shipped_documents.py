"""Documents as shippers of different releases leave them in an index: the same failure in each."""

from __future__ import annotations

import json
from typing import Any

Source = dict[str, Any]

TIME = "2024-05-14T07:31:07.123Z"
THROWN = "java.lang.ClassNotFoundException: org.postgresql.Driver"
TRACE = f"{THROWN}\n\tat java.base/jdk.internal.loader.BuiltinClassLoader.loadClass(BuiltinClassLoader.java:641)"
LINE = f"{TIME} ERROR 1 --- [main] c.acme.Boot : failed to start\n{TRACE}"
DECODED = {"level": "error", "msg": "failed to start", "logger": "c.acme.Boot", "stack_trace": TRACE}

ECS_POD = {
    "namespace": "shop",
    "pod": {"name": "api-7c9d", "uid": "u"},
    "container": {"name": "api"},
    "labels": {"app_kubernetes_io/name": "api"},
    "node": {"name": "n1"},
}
FLUENT_POD = {
    "pod_name": "api-7c9d",
    "namespace_name": "shop",
    "labels": {"app.kubernetes.io/name": "api"},
    "container_name": "api",
    "docker_id": "671a46ea",
}
FILEBEAT = {"input": {"type": "container"}, "ecs": {"version": "8.0.0"}, "agent": {"type": "filebeat", "version": "8.7.1"}}
ECS_ERROR = {"type": THROWN.partition(":")[0], "message": "org.postgresql.Driver", "stack_trace": TRACE}
OTEL_ERROR = {"exception.type": "java.lang.ClassNotFoundException", "exception.stacktrace": TRACE}

# The service is `api` in all of these.
DOCUMENTS: dict[str, Source] = {
    "filebeat 8, container": {"message": LINE, "kubernetes": ECS_POD, "stream": "stderr", "log": {"offset": 1}, **FILEBEAT},
    "filebeat 8, multiline": {"message": LINE, "log": {"flags": ["multiline"]}, "service": {"name": "api"}, **FILEBEAT},
    "filebeat 8, names flattened": {
        "message": LINE,
        "agent.type": "filebeat",
        "kubernetes.pod.name": "api-7c9d",
        "kubernetes.namespace": "shop",
        "kubernetes.container.name": "api",
        "kubernetes.labels.app": "api",
    },
    "filebeat 8, ndjson under json": {"json": DECODED, "kubernetes": ECS_POD, "log": {"offset": 1}, **FILEBEAT},
    "filebeat 8, ndjson at the root": {**DECODED, "service": {"name": "api"}, "log": {"offset": 1}, **FILEBEAT},
    "filebeat 8, JSON left as text": {"message": json.dumps(DECODED), "kubernetes": ECS_POD, **FILEBEAT},
    "filebeat 7": {"message": LINE, "service": {"name": "api"}, "agent": {"type": "filebeat", "version": "7.17.0"}},
    "filebeat 6": {
        "message": LINE,
        "source": "/var/log/app.log",
        "prospector": {"type": "log"},
        "beat": {"name": "h", "version": "6.8.0"},
        "kubernetes": {**ECS_POD, "labels": {"app": "api"}},
    },
    "elastic agent 9": {
        "message": LINE,
        "data_stream": {"type": "logs", "dataset": "generic", "namespace": "default"},
        "elastic_agent": {"id": "x", "version": "9.1.0"},
        "kubernetes": ECS_POD,
        **FILEBEAT,
    },
    "journald input": {"message": LINE, "journald": {}, "syslog": {"priority": 3}, "systemd": {"unit": "api"}, **FILEBEAT},
    "ecs-logging, nested": {
        "log": {"level": "ERROR", "logger": "c.acme.Boot"},
        "message": "failed to start",
        "error": ECS_ERROR,
        "service": {"name": "api"},
        "ecs": {"version": "1.2.0"},
    },
    "ecs-logging, dotted": {
        "log.level": "ERROR",
        "log.logger": "c.acme.Boot",
        "message": "failed to start",
        **{f"error.{name}": value for name, value in ECS_ERROR.items()},
        "service.name": "api",
        "ecs.version": "1.2.0",
    },
    "event.original alone": {"event": {"original": LINE}, "service": {"name": "api"}},
    "event.original, dotted": {"event.original": LINE, "service.name": "api"},
    "event.original beside what a pipeline made of it": {
        "event": {"original": LINE},
        "log": {"level": "ERROR"},
        "message": "failed to start",
        "service": {"name": "api"},
    },
    "fluent bit, docker parser": {"stream": "stderr", "logtag": "F", "log": LINE, "kubernetes": FLUENT_POD},
    "fluent bit, cri parser": {"stream": "stderr", "_p": "F", "message": LINE, "kubernetes": FLUENT_POD},
    "fluent bit, Merge_Log": {**DECODED, "stream": "stderr", "log": json.dumps(DECODED), "kubernetes": FLUENT_POD},
    "fluent bit, Merge_Log_Key": {"stream": "stderr", "log_processed": DECODED, "kubernetes": FLUENT_POD},
    "fluentd": {"stream": "stderr", "docker": {"container_id": "6"}, "log": LINE + "\n", "kubernetes": FLUENT_POD, "tag": "k"},
    "fluentd, docker's driver": {"log": LINE, "container_id": "6", "container_name": "/api", "source": "stderr"},
    "openshift": {"message": LINE, "level": "unknown", "kubernetes": FLUENT_POD, "log_type": "application", "hostname": "n"},
    "openshift, level guessed": {"message": LINE, "level": "info", "kubernetes": FLUENT_POD, "log_type": "application"},
    "openshift, structured": {"structured": DECODED, "level": "error", "kubernetes": FLUENT_POD, "log_type": "application"},
    "logstash 8": {
        "@version": "1",
        "message": LINE,
        "host": {"name": "h"},
        "event": {"original": LINE},
        "tags": ["beats_input_codec_plain_applied"],
        "service": {"name": "api"},
    },
    "logstash 7, grok": {"@version": "1", "message": LINE, "loglevel": "ERROR", "host": "h", "service": "api"},
    "logstash, logback's JSON": {
        "@version": "1",
        "message": "failed to start",
        "logger_name": "c.acme.Boot",
        "level": "ERROR",
        "level_value": 40000,
        "stack_trace": TRACE,
        "service": "api",
    },
    "logstash, docker's GELF": {
        "@version": "1",
        "message": LINE,
        "container_id": "6",
        "container_name": "api",
        "image_name": "registry/api",
        "level": 6,
        "version": "1.1",
    },
    "vector": {
        "file": "/var/log/pods/x/api/1.log",
        "kubernetes": {"container_name": "api", "pod_labels": {"app": "api"}, "pod_name": "api-7c9d", "pod_namespace": "shop"},
        "message": LINE,
        "source_type": "kubernetes_logs",
        "stream": "stderr",
    },
    "opentelemetry, otel mode": {
        "observed_timestamp": TIME,
        "severity_text": "ERROR",
        "severity_number": 17,
        "body": {"text": "failed to start"},
        "attributes": OTEL_ERROR,
        "resource": {"attributes": {"service.name": "api", "k8s.pod.name": "api-7c9d"}},
        "scope": {"name": "c.acme.Boot"},
    },
    "opentelemetry, otel mode, nested": {
        "severity_number": 17,
        "body": {"text": "failed to start"},
        "attributes": {"exception": {"type": "java.lang.ClassNotFoundException", "stacktrace": TRACE}},
        "resource": {"attributes": {"service": {"name": "api"}}},
    },
    "opentelemetry, a file's line": {
        "severity_number": 0,
        "body": {"text": LINE},
        "attributes": {"log.file.path": "/var/log/pods/x/api/0.log", "log.iostream": "stderr", "logtag": "F"},
        "resource": {"attributes": {"k8s.pod.name": "api-7c9d", "k8s.namespace.name": "shop", "k8s.container.name": "api"}},
        "scope": {},
    },
    "opentelemetry, a record as body": {
        "severity_number": 0,
        "body": {"structured": DECODED},
        "resource": {"attributes": {"service.name": "api"}},
    },
    "opentelemetry, no mode": {
        "Body": "failed to start",
        "SeverityText": "ERROR",
        "SeverityNumber": 17,
        "Attributes": {"exception": {"type": "java.lang.ClassNotFoundException", "stacktrace": TRACE}},
        "Resource": {"service": {"name": "api"}},
        "Scope": {"name": "c.acme.Boot"},
    },
    "opentelemetry, no mode, dotted": {
        "Body": "failed to start",
        "SeverityText": "ERROR",
        "Attributes.exception.stacktrace": TRACE,
        "Resource.service.name": "api",
    },
    "opentelemetry, ecs mode": {
        "message": "failed to start",
        "log": {"level": "ERROR"},
        "event": {"severity": 17},
        "error": ECS_ERROR,
        "service": {"name": "api"},
    },
    "data prepper 2": {
        "severityText": "ERROR",
        "severityNumber": 17,
        "body": "failed to start",
        "serviceName": "api",
        "log.attributes.exception@stacktrace": TRACE,
        "resource.attributes.service@name": "api",
    },
    "data prepper, simple schema": {
        "severity": {"number": 17, "text": "ERROR"},
        "body": "failed to start",
        "attributes": OTEL_ERROR,
        "resource": {"service.name": "api"},
        "instrumentationScope": {"name": "x"},
    },
    "graylog": {"message": "failed to start", "full_message": LINE, "source": "h", "level": 3, "service": "api"},
    "winston": {"message": "failed to start", "severity": "error", "fields": {"stack": TRACE, "service": "api"}},
    "serilog": {
        "level": "Error",
        "messageTemplate": "failed to start",
        "message": "failed to start",
        "exceptions": [{"Depth": 0, "ClassName": "Wrapped", "Message": "no", "StackTraceString": TRACE}],
        "service": "api",
    },
}

# One document a line, as shippers without multiline rules leave a trace.
CARRIERS: dict[str, Any] = {
    "filebeat": lambda line: {"message": line, "kubernetes": ECS_POD, "stream": "stderr", **FILEBEAT},
    "fluent bit": lambda line: {"log": line, "stream": "stderr", "logtag": "F", "kubernetes": FLUENT_POD},
    "fluent bit, tail": lambda line: {"log": line},
    "fluentd": lambda line: {"log": line + "\n", "stream": "stderr", "kubernetes": FLUENT_POD},
    "logstash": lambda line: {"@version": "1", "message": line, "host": {"name": "h"}, "event": {"original": line}},
    "openshift": lambda line: {"message": line, "level": "default", "kubernetes": FLUENT_POD, "log_type": "application"},
    "docker's GELF": lambda line: {"message": line, "container_id": "6", "image_name": "api", "level": 3, "@version": "1"},
    "opentelemetry": lambda line: {
        "body": {"text": line},
        "severity_number": 0,
        "attributes": {"log.iostream": "stderr"},
        "resource": {"attributes": {"k8s.pod.name": "api-7c9d", "k8s.container.name": "api"}},
    },
    "cloudwatch": lambda line: {"@id": "1", "@message": line, "@log_group": "/ecs/api", "@log_stream": "api/api/abc"},
    "event.original": lambda line: {"event": {"original": line}, "service": {"name": "api"}},
}
