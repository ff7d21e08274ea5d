"""Whose stream is it: what the user or the source said, else the file's own name."""

from __future__ import annotations

import posixpath
import re

from detector.records import Stream

# /var/log/containers/<pod>_<namespace>_<container>-<64 hex>.log and /var/log/pods/<ns>_<pod>_<uid>/<container>/<restart>.log,
# as the kubelet names them (kubernetes/kubernetes:pkg/kubelet/kuberuntime/helpers.go and legacy.go).
_CONTAINER_LINK = re.compile(r"[^/_]+_[^/_]+_(?P<container>[^/]+)-[0-9a-f]{64}\.log$")
_POD_FILE = re.compile(r"/pods/[^/_]+_[^/_]+_[^/]+/(?P<container>[^/]+)/\d+\.log")
_ROTATED = re.compile(r"(?:\.(?:log|txt|out|err|json|jsonl|gz|zst|bz2|xz|\d+|\d{4}-?\d\d-?\d\d(?:[-T._]?\d+)*))+$", re.I)


def service_of(stream: Stream) -> str:
    """What the user or the source said, else the name's stem; a record's own service goes before it unless the user's is fixed.
    Never empty."""
    return stream.service or stem(stream.name)


def stem(name: str) -> str:
    """`/var/log/shop.log.1` -> `shop`; a container's file -> the container; `-` is standard input."""
    if name in ("-", ""):
        return "stdin"
    found = _CONTAINER_LINK.search(name) or _POD_FILE.search(name)
    if found:
        return found["container"]
    base = posixpath.basename(name.rstrip("/"))
    return _ROTATED.sub("", base) or base or name
