"""Prints what librdkafka says of settings that were cut short. Needs the package confluent-kafka; no broker is asked.

usage: python kafka_client.py
"""

from __future__ import annotations

import importlib

SETTINGS: tuple[tuple[str, dict[str, object]], ...] = (
    ("Producer", {"retries.backoff": 3}),
    ("Producer", {"security.protocol": "ssl", "ssl.ca.location": "/gone.pem"}),
    ("Producer", {"security.protocol": "ssl", "ssl.certificate.location": "/gone.crt"}),
    ("Producer", {"security.protocol": "sasl_ssl", "sasl.mechanism": "PLAIN"}),
    ("Producer", {"security.protocol": "sasl_plaintext", "sasl.mechanism": "GSSAPI"}),
    ("Producer", {"compression.type": "gone"}),
    ("Producer", {"acks": "gone"}),
    ("Producer", {"plugin.library.paths": "gone"}),
    ("Consumer", {}),
    ("Consumer", {"group.id": "a", "auto.offset.reset": "gone"}),
)


def main() -> None:
    kafka = importlib.import_module("confluent_kafka")
    for kind, settings in SETTINGS:
        print("#", kind, settings)
        try:
            getattr(kafka, kind)({"bootstrap.servers": "127.0.0.1:1", **settings})
        except (kafka.KafkaException, ValueError) as error:
            print(f"{type(error).__module__}.{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
