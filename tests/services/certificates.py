"""An authority of our own, made at run time: a server's certificate for loopback, and a client's."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.services import installed

_NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"


@dataclass(frozen=True)
class Certificates:
    """PEM files; `server_store` holds the server's key and chain in one file, as Kafka wants it."""

    ca: Path
    server: Path
    server_key: Path
    server_store: Path
    client: Path
    client_key: Path

    @classmethod
    def at(cls, folder: Path) -> Certificates:
        names = ("ca.pem", "server.pem", "server.key", "server.store.pem", "client.pem", "client.key")
        return cls(*(folder / name for name in names))


def make_certificates(folder: Path) -> Certificates:
    """A day long valid, in an empty or missing folder."""
    folder.mkdir(parents=True, exist_ok=True)
    ca, ca_key = folder / "ca.pem", folder / "ca.key"
    _openssl("req", "-x509", *_new_key(ca_key), "-out", ca, "-days", "2", "-subj", "/CN=Trimwatch test authority")
    for name in ("server", "client"):
        request, extra = folder / f"{name}.csr", folder / f"{name}.ext"
        extra.write_text(_NAMES)
        _openssl("req", *_new_key(folder / f"{name}.key"), "-out", request, "-subj", f"/CN={name}")
        signed = ("-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-extfile", extra, "-days", "2")
        _openssl("x509", "-req", "-in", request, *signed, "-out", folder / f"{name}.pem")
    store = folder / "server.store.pem"
    store.write_bytes((folder / "server.key").read_bytes() + (folder / "server.pem").read_bytes() + ca.read_bytes())
    return Certificates.at(folder)


def _new_key(path: Path) -> tuple[str | Path, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path)


def _openssl(*words: str | Path) -> None:
    subprocess.run([installed.program("openssl"), *map(str, words)], check=True, capture_output=True)
