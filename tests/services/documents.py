"""Documents put into an index, and seen at once."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any, Protocol


class Node(Protocol):
    address: str


def index_documents(node: Node, index: str, documents: Iterable[Mapping[str, Any]]) -> None:
    """Returns when a search finds them."""
    send_documents(node, index, [json.dumps(document).encode() for document in documents])


def send_documents(node: Node, index: str, documents: Iterable[bytes], *, refresh: bool = True) -> None:
    """Documents as they are to be written, a line each."""
    body = b"".join(b'{"create":{}}\n' + document + b"\n" for document in documents)
    path = f"{node.address}/{index}/_bulk?refresh={'true' if refresh else 'false'}"
    request = urllib.request.Request(path, body, {"Content-Type": "application/x-ndjson"}, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        told = json.loads(answer.read())
    assert not told["errors"], [item for item in told["items"] if "error" in item["create"]][:1]
