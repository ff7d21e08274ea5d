"""How a broker is reached: what aiokafka's consumer and producer are both given, and words for what keeps us from it."""

from __future__ import annotations

import ssl
from typing import Any

from detector.edges.kafka.why import why
from detector.errors import NoCredential
from detector.settings import KafkaSinkSettings, KafkaSourceSettings

__all__ = ["KafkaSettings", "connection", "why"]

KafkaSettings = KafkaSourceSettings | KafkaSinkSettings

_LOOK_FOR_TOPICS_MS = 30_000  # how soon a new topic that a pattern matches is seen; aiokafka's own 5 minutes lose to a retention


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """Arguments for AIOKafkaConsumer and AIOKafkaProducer. Secrets and certificates are read now, so that what was rotated counts
    from the next connection on. Raises NoCredential."""
    timeout_ms = round(settings.timeout.total_seconds() * 1000)
    arguments: dict[str, Any] = {
        "bootstrap_servers": list(settings.servers),
        "client_id": f"trimwatch-{settings.name}",
        "security_protocol": _protocol(settings),
        "request_timeout_ms": timeout_ms,
        "metadata_max_age_ms": _LOOK_FOR_TOPICS_MS,
    }
    if settings.tls:
        arguments["ssl_context"] = _tls(settings)
    if settings.sasl != "none":
        arguments["sasl_mechanism"] = settings.sasl.upper()
        arguments["sasl_plain_username"] = settings.username or ""
        arguments["sasl_plain_password"] = _password(settings)
    return arguments


def _protocol(settings: KafkaSettings) -> str:
    transport = "SSL" if settings.tls else "PLAINTEXT"
    return transport if settings.sasl == "none" else f"SASL_{transport}"


def _tls(settings: KafkaSettings) -> ssl.SSLContext:
    """Trusts `ca_file` alone where there is one; the broker's name is always compared with its certificate."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ValueError) as error:
        raise NoCredential(f"ca_file: {_unusable(error, 'certificate')}") from None
    if settings.cert_file is not None:
        try:
            context.load_cert_chain(settings.cert_file, settings.key_file, password=_no_prompt)
        except (OSError, ValueError) as error:
            raise NoCredential(f"cert_file, key_file: {_unusable(error, 'certificate with its key')}") from None
    return context


def _no_prompt() -> str:
    """OpenSSL would ask a terminal for the passphrase."""
    raise ValueError("the key is encrypted; give it without a passphrase")


def _unusable(error: Exception, wanted: str) -> str:
    if isinstance(error, ssl.SSLError):
        return f"holds no usable {wanted} in PEM ({error.reason or 'unreadable'})"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return str(error)


def _password(settings: KafkaSettings) -> str:
    if settings.password is None:
        return ""
    try:
        return settings.password.reveal()
    except (OSError, UnicodeDecodeError) as error:
        raise NoCredential(f"password_file: cannot be read: {type(error).__name__}") from None
