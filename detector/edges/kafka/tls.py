"""Whom we trust and what we show them. Knows nothing of Kafka's client, so that `trimwatch check` may ask."""

from __future__ import annotations

import ssl

from detector.edges import tls
from detector.settings import KafkaSinkSettings, KafkaSourceSettings

KafkaSettings = KafkaSourceSettings | KafkaSinkSettings


def tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    """Raises NoCredential, whose text begins with the field."""
    return tls.tls_context(settings.ca_file, settings.cert_file, settings.key_file)
