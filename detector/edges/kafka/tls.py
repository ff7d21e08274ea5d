"""Whom we trust and what we show them. Knows nothing of Kafka's client, so that `trimwatch check` may ask."""

from __future__ import annotations

import ssl

from detector.errors import NoCredential
from detector.settings import KafkaSinkSettings, KafkaSourceSettings

KafkaSettings = KafkaSourceSettings | KafkaSinkSettings


def tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    """Trusts `ca_file` alone where there is one; the broker's name is always compared with its certificate. Raises NoCredential,
    whose text begins with the field."""
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
