"""How a broker is reached: what aiokafka's consumer and producer are both given, and words for what keeps us from it."""

from __future__ import annotations

from typing import Any

from detector.edges.kafka.bounded import bound_answers
from detector.edges.kafka.tls import KafkaSettings, tls_context
from detector.edges.kafka.why import why
from detector.errors import NoCredential

__all__ = ["KafkaSettings", "connection", "why"]

_LOOK_FOR_TOPICS_MS = 30_000  # how soon a new topic that a pattern matches is seen; aiokafka's own 5 minutes lose to a retention


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """Arguments for AIOKafkaConsumer and AIOKafkaProducer. Secrets and certificates are read now, so that what was rotated counts
    from the next connection on. Raises NoCredential."""
    bound_answers()
    timeout_ms = round(settings.timeout.total_seconds() * 1000)
    arguments: dict[str, Any] = {
        "bootstrap_servers": list(settings.servers),
        "client_id": f"trimwatch-{settings.name}",
        "security_protocol": _protocol(settings),
        "request_timeout_ms": timeout_ms,
        "metadata_max_age_ms": _LOOK_FOR_TOPICS_MS,
    }
    if settings.tls:
        arguments["ssl_context"] = tls_context(settings)
    if settings.sasl != "none":
        arguments["sasl_mechanism"] = settings.sasl.upper()
        arguments["sasl_plain_username"] = settings.username or ""
        arguments["sasl_plain_password"] = _password(settings)
    return arguments


def _protocol(settings: KafkaSettings) -> str:
    transport = "SSL" if settings.tls else "PLAINTEXT"
    return transport if settings.sasl == "none" else f"SASL_{transport}"


def _password(settings: KafkaSettings) -> str:
    if settings.password is None:
        return ""
    try:
        return settings.password.reveal()
    except (OSError, UnicodeDecodeError) as error:
        raise NoCredential(f"password_file: cannot be read: {type(error).__name__}") from None
