"""What `kubectl` would use: the current context of KUBECONFIG or ~/.kube/config, for a replay from somebody's own machine.

https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/. Logging in by a plugin (`exec`) is left to `kubectl proxy`.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping as Environment
from dataclasses import dataclass, field

from detector.documents import Items, Mapping, Node, Scalar, read_document, read_file
from detector.errors import SourceLost


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """`ca_pem` and `client_pem` (certificate and key) are texts; whatever is not set is empty."""

    server: str
    namespace: str = ""
    token: str = field(default="", repr=False)
    token_file: str = ""
    ca_pem: str = ""
    client_pem: str = field(default="", repr=False)


def read_kubeconfig(environ: Environment[str, str]) -> Kubeconfig | None:
    """None when there is no such file. Raises BadInput when it is no YAML, SourceLost when it does not say enough."""
    paths = environ.get("KUBECONFIG", "") or os.path.join(environ.get("HOME", ""), ".kube", "config")
    path = next((path for path in paths.split(os.pathsep) if os.path.isfile(path)), None)
    if path is None:
        return None
    return _of(path, read_document(path, read_file(path)))


def _of(path: str, root: Node) -> Kubeconfig:
    context = _named(root, "contexts", _text(root, "current-context"), "context")
    cluster = _named(root, "clusters", _text(context, "cluster"), "cluster")
    user = _named(root, "users", _text(context, "user"), "user")
    server = _text(cluster, "server")
    if not server:
        raise SourceLost(f"{path}: the current context names no cluster with a server")
    if _at(user, "exec") is not None or _at(user, "auth-provider") is not None:
        raise SourceLost(f"{path}: its user logs in by a plugin; run `kubectl proxy` and set `api` to its address")
    folder = os.path.dirname(path)
    client = _pem(folder, user, "client-certificate") + _pem(folder, user, "client-key")
    token_file = _text(user, "tokenFile")
    return Kubeconfig(
        server,
        _text(context, "namespace"),
        _text(user, "token"),
        os.path.join(folder, token_file) if token_file else "",
        _pem(folder, cluster, "certificate-authority"),
        client,
    )


def _pem(folder: str, node: Node | None, key: str) -> str:
    """The text itself from `<key>-data`, else from the file that `key` names, beside the kubeconfig."""
    if data := _text(node, f"{key}-data"):
        try:
            return base64.b64decode(data, validate=True).decode("ascii") + "\n"
        except ValueError:
            raise SourceLost(f"kubeconfig: {key}-data is no base64 of a PEM text") from None
    if file := _text(node, key):
        return read_file(os.path.join(folder, file)).decode("ascii", "replace") + "\n"
    return ""


def _at(node: Node | None, key: str) -> Node | None:
    entry = node.get(key) if isinstance(node, Mapping) else None
    return None if entry is None else entry.value


def _text(node: Node | None, key: str) -> str:
    value = _at(node, key)
    return value.text if isinstance(value, Scalar) and not value.is_null else ""


def _named(root: Node, key: str, name: str, inner: str) -> Node | None:
    """The entry of a list of `{name: ..., <inner>: {...}}`."""
    entries = _at(root, key)
    for entry in entries.items if isinstance(entries, Items) else ():
        if _text(entry, "name") == name:
            return _at(entry, inner)
    return None
