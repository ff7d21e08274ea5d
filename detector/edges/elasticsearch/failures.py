"""What went wrong with a cluster, in words that say what to do about it, and whether trying again may help. No secret in it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence

from detector.edges.elasticsearch.library import (
    ApiError,
    ConnectionTimeout,
    SerializationError,
    TransportError,
    UnsupportedProductError,
)
from detector.edges.elasticsearch.node import ASKED
from detector.errors import SinkError
from detector.masking import MASK, mask
from detector.plain_text import cut, one_line
from detector.retry_after import retry_after_s

_LATER = frozenset({408, 425, 429})
_LONGEST = 400


def why(error: BaseException, secrets: Sequence[str] = ()) -> str:
    """One line about any error that a client raises. `secrets` are texts that it must not repeat, whoever said them."""
    return harmless(_words(error), secrets)


def sink_error(error: BaseException, now_ms: int, secrets: Sequence[str] = ()) -> SinkError:
    """The same as a SinkError. Retryable: whatever another answer may follow on once the cluster, or its settings, are better."""
    if isinstance(error, SinkError):
        return error
    reason, retryable, wait_s = _meaning(error, now_ms)
    return SinkError(why(error, secrets), retryable=retryable, reason=reason, retry_after_s=wait_s)


def reason_of(cause: object) -> str:
    """What a cluster says about an error, out of its `error` object: type and reason, and the innermost cause, which is the one
    that names a field."""
    if not isinstance(cause, Mapping):
        return str(cause) if isinstance(cause, str) else ""
    said = [_line(cause)]
    if isinstance(root := cause.get("root_cause"), list) and root and isinstance(root[0], Mapping):
        said.append(_line(root[0]))
    for _ in range(10):  # a cluster nests them as deep as it likes
        inner = cause.get("caused_by")
        if not isinstance(inner, Mapping):
            break
        cause = inner
    if (last := _line(cause)) not in said:
        said.append(last)
    return "; ".join(filter(None, dict.fromkeys(said)))


def _line(cause: Mapping[str, object]) -> str:
    return ": ".join(str(cause[name]) for name in ("type", "reason") if isinstance(cause.get(name), str))


def _meaning(error: BaseException, now_ms: int) -> tuple[str, bool, float | None]:
    if isinstance(error, UnsupportedProductError):
        return "clientError", True, None
    if isinstance(error, ApiError):
        return _meaning_of(error, now_ms)
    if isinstance(error, ConnectionTimeout | TimeoutError | asyncio.TimeoutError):
        return "contextDeadlineExceeded", True, None
    return "connectionError", True, None


def _meaning_of(error: ApiError, now_ms: int) -> tuple[str, bool, float | None]:
    status = error.meta.status
    wait_s = retry_after_s(error.meta.headers.get("retry-after"), now_ms)
    if status == 429:
        return "rateLimited", True, wait_s
    if status >= 500:
        return "serverError", True, wait_s
    if status in (401, 403, 407):
        return "authError", False, None
    return "clientError", status in _LATER, wait_s if status in _LATER else None


def _words(error: BaseException) -> str:
    if isinstance(error, SinkError):
        return str(error)
    if isinstance(error, UnsupportedProductError):
        return f"{_where(error)} answers, but not as Elasticsearch: a proxy's page, or OpenSearch (`flavor: opensearch`)"
    if isinstance(error, ApiError):
        return _answer(error)
    where = _address(error)
    if isinstance(error, ConnectionTimeout | TimeoutError):
        return f"{where}no answer in time"
    if isinstance(error, SerializationError):
        return f"{where}the answer is no JSON: this is no Elasticsearch, or a proxy speaks for it"
    if isinstance(error, TransportError):
        return where + _connection(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _address(error: BaseException) -> str:
    notes = getattr(error, "__notes__", [])
    return f"{notes[1]}: " if len(notes) > 1 else ""


def _connection(error: TransportError) -> str:
    match error.__cause__:
        case ssl.SSLCertVerificationError() as cause:
            return f"its certificate is not trusted: {cause.verify_message} (ca_file names whom to trust)"
        case ssl.SSLError() as cause:
            return f"TLS failed: {cause.reason or type(cause).__name__} (is it https at all?)"
        case socket.gaierror():
            return "the name does not resolve"
        case ConnectionRefusedError():
            return "connection refused: nothing listens there"
        case OSError() as cause if cause.strerror:
            return cause.strerror
        case cause:
            return str(cause or error.message) or "the connection was lost"


def _answer(error: ApiError) -> str:
    status, said = error.meta.status, _said(error)
    if "media_type_header_exception" in said or "compatible-with" in said:
        said += " (this client speaks to release 9; `flavor: opensearch` speaks the older, plain way)"
    hint = _HINTS.get(status, "")
    return f"{_where(error)} answered {status}" + (f": {said}" if said else "") + (f" ({hint})" if hint else "")


_HINTS = {
    401: "user and password, or API key, are not accepted",
    403: "the rights do not cover this",
    404: "no such index or address",
    413: "too large for the cluster or a proxy in front of it",
    429: "it has too much to do",
}


def _said(error: ApiError) -> str:
    body = error.body
    if isinstance(body, Mapping):
        cause = body.get("error", body.get("message", ""))
        return reason_of(cause)
    return ""


def _where(error: ApiError) -> str:
    asked = error.meta.headers.get(ASKED, "")
    return f"{error.meta.node.host}:{error.meta.node.port}: {asked}".rstrip(": ")


def harmless(text: str, secrets: Sequence[str]) -> str:
    """In one line, bounded, masked, without the secrets."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return cut(one_line(mask(text)), _LONGEST)
