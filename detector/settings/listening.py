"""Who may reach a listener that takes data in: only this machine, unless the settings say how the others prove who they are."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detector.settings.tree import IngestSettings

Problem = tuple[str, str]


def ingest_problems(ingest: IngestSettings) -> Iterator[Problem]:
    """(path of the field, problem) pairs."""
    if (ingest.cert_file is None) != (ingest.key_file is None):
        given, missing = ("cert_file", "key_file") if ingest.key_file is None else ("key_file", "cert_file")
        yield f"ingest.{given}", f"is of no use without {missing}"
    if ":" not in ingest.listen or is_loopback(ingest.listen):
        return
    if ingest.token is None:
        yield "ingest.listen", "can be reached from other machines: set token_file, or listen on 127.0.0.1"
    if ingest.cert_file is None and not ingest.insecure:
        yield (
            "ingest.listen",
            "would carry the token over the network in the clear: set cert_file and key_file, or insecure: true where "
            "somebody else encrypts",
        )


def is_loopback(listen: str) -> bool:
    """Whether only this machine can reach a `host:port`."""
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
