"""Which setting an answer of a cluster points to, and what to do about it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from detector.edges.elasticsearch.client import ClusterSettings, secrets, why
from detector.edges.elasticsearch.library import ApiError, TransportError, UnsupportedProductError
from detector.edges.inspected import Problem
from detector.errors import SinkError

REFUSALS = (ApiError, TransportError, UnsupportedProductError, SinkError)

_WRONG_HOST = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_NO_PLACE = frozenset({404, 405})


@dataclass(frozen=True, slots=True)
class Need:
    """What a request is for, in words that end "may not ...", and which right it takes."""

    doing: str
    right: str


def problem_of(error: BaseException, settings: ClusterSettings, at: int, need: Need) -> Problem:
    """(field, cause and what to do) for an error of the node `urls[at]`."""
    said = why(error, secrets(settings))
    match error:
        case SinkError():
            field, _, words = str(error).partition(": ")
            return (field, _unreadable(field, words)) if words and field.isidentifier() else (f"urls.{at}", str(error))
        case UnsupportedProductError():
            return "flavor", said
        case ApiError():
            return _answered(error, said, settings, at, need)
        case TransportError():
            return _unreached(error, said, settings, at)
        case _:
            return f"urls.{at}", said


def _unreadable(field: str, words: str) -> str:
    return f"holds no certificates in PEM form: {words}" if field == "ca_file" else words


def _answered(error: ApiError, said: str, settings: ClusterSettings, at: int, need: Need) -> Problem:
    status, body = error.meta.status, str(error.body)
    if status == 401:
        return _unknown(said, settings)
    if status == 403:
        return credential(settings), f"{said}; it may not {need.doing}: grant {need.right}"
    if status == 406 or "media_type_header_exception" in body:
        return "flavor", f"{said}; an older Elasticsearch or OpenSearch: write `flavor: opensearch`, which asks the plain way"
    if "HTTPS port" in body:
        return f"urls.{at}", f"{_begin(said)}: the port speaks TLS: write https://"
    if status == 404 and "_exception" in body and hasattr(settings, "index"):
        return "index", said
    if "Failed to parse query" in body:
        return "query", f"cannot be read as a query string of Lucene: {_shard_reason(error)}"
    if status in _NO_PLACE or "no handler found" in body:
        return f"urls.{at}", f"{said}; no Elasticsearch answers so there: is the address right, and the path in it?"
    return f"urls.{at}", said


def _shard_reason(error: ApiError) -> str:
    """What the first of the shards says; the answer itself only says that all failed."""
    causes = error.body.get("error", {}).get("root_cause") if isinstance(error.body, dict) else None
    return str(causes[0].get("reason", "")) if causes else ""


def _unknown(said: str, settings: ClusterSettings) -> Problem:
    field = credential(settings)
    if field != "username" or settings.username is not None:
        return field, said
    return field, f"{said}; nothing is given: write username and password, or api_key"


def credential(settings: ClusterSettings) -> str:
    """The field that says who we are."""
    if settings.api_key is not None:
        return "api_key"
    return "username" if settings.password is None else "password"


def _unreached(error: TransportError, said: str, settings: ClusterSettings, at: int) -> Problem:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            if cause.verify_code in _WRONG_HOST:
                return f"urls.{at}", f"{said}: write the name that the certificate is for"
            return "ca_file", said
        if isinstance(cause, ssl.SSLError):
            return f"urls.{at}", f"{said}; if the port speaks plain HTTP, write http://"
    if "does not speak HTTP" in said:
        return f"urls.{at}", f"{said}; Elasticsearch does on port 9200, unless told otherwise"
    if settings.urls[at].startswith("http://") and "disconnected" in said:
        return f"urls.{at}", f"{said}; if the port speaks TLS, write https://"
    return f"urls.{at}", said


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What lies below, as deep as libraries wrap it."""
    cause: BaseException | None = error
    for _ in range(6):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__


def _begin(said: str) -> str:
    """The address out of a sentence that begins with it."""
    return ":".join(said.split(":", 2)[:2])
