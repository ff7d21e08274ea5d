"""Certificates and secrets in files are looked at before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.setup_check import check_setup
from tests.contract.scripted_receiver import CA_FILE, TLS


def faults(tmp_path: Path, more: str) -> list[str]:
    settings = tmp_path / "s.yaml"
    settings.write_text(f"sinks:\n  - type: kafka\n    servers: [kafka-1:9092]\n    tls: true\n{more}")
    return [f"{fault.line}: {fault.field}: {fault.problem}" for fault in check_setup(str(settings), {}).faults]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("    ca_file: CA\n    cert_file: CERT\n    key_file: KEY\n", ""),
        ("    ca_file: EMPTY\n", "5: sinks.0.ca_file: holds no usable certificate in PEM (NO_CERTIFICATE_OR_CRL_FOUND)"),
        ("    ca_file: /nowhere\n", "5: sinks.0.ca_file: '/nowhere' cannot be read"),
        ("    cert_file: CERT\n    key_file: EMPTY\n", "5: sinks.0.cert_file: holds no usable certificate with its key in PEM"),
        ("elasticsearch:\n  urls: ['https://es:9200']\n  api_key_file: /nowhere\n", "7: elasticsearch.api_key_file: '/nowhere'"),
    ],
)
def test_what_a_file_holds_is_a_fault_with_its_line(tmp_path: Path, more: str, said: str) -> None:
    """Before a broker would find out."""
    (tmp_path / "empty.pem").write_text("")
    for word, path in {
        "CA": CA_FILE,
        "CERT": TLS / "server.pem",
        "KEY": TLS / "server.key",
        "EMPTY": tmp_path / "empty.pem",
    }.items():
        more = more.replace(f" {word}\n", f" {path}\n")
    found = faults(tmp_path, more)
    assert len(found) == (1 if said else 0)
    assert all(one.startswith(said) for one in found)
