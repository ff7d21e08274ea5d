"""A client of a cluster, made from settings: who we are, whom we trust, how long we wait. It never retries by itself."""

from __future__ import annotations

import base64
import logging
import ssl
import warnings
from urllib.parse import unquote, urlsplit

from detector.edges.elasticsearch.failures import sink_error, why
from detector.edges.elasticsearch.library import (
    AsyncElasticsearch,
    ElasticsearchWarning,
    NodeConfig,
    Serializer,
    url_to_node_config,
)
from detector.edges.elasticsearch.node import ElasticsearchNode, OpenSearchNode
from detector.errors import SinkError
from detector.settings import ElasticsearchSettings, ElasticsearchSourceSettings, Secret

__all__ = ["ClusterSettings", "client", "secrets", "sink_error", "why"]

ClusterSettings = ElasticsearchSettings | ElasticsearchSourceSettings
NODES = {"elasticsearch": ElasticsearchNode, "opensearch": OpenSearchNode}


def client(settings: ClusterSettings, serializer: Serializer | None = None) -> AsyncElasticsearch:
    """Connects with the first request; `close` it. One request asks one node, the next one after a failure another. Secrets are
    read here: after an authError make a new one, they may have been rotated. `serializer` reads and writes JSON in place of the
    library's. Raises SinkError when a file cannot be read or an address is none."""
    warnings.simplefilter("ignore", ElasticsearchWarning)  # what a server says in passing is no line on our standard error
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)  # each failure is told by whoever asked
    return AsyncElasticsearch(
        _nodes(settings),
        basic_auth=_basic(settings),
        api_key=None if settings.api_key is None else _encoded(_revealed(settings.api_key, "api_key")),
        node_class=NODES[settings.flavor],
        request_timeout=settings.timeout.total_seconds(),
        max_retries=0,
        retry_on_timeout=False,
        retry_on_status=(),
        meta_header=False,
        serializer=serializer,
    )


def secrets(settings: ClusterSettings) -> tuple[str, ...]:
    """What no error may repeat, whatever the other side echoes; as far as it can be read now."""
    found = [userinfo for url in settings.urls if (userinfo := _userinfo(url))]
    for secret, shape in ((settings.password, f"{settings.username}:%s"), (settings.api_key, "%s")):
        if secret is not None:
            try:
                found += [secret.reveal(), shape % secret.reveal()]
            except (OSError, UnicodeDecodeError):
                continue
    passwords = [each.partition(":")[2] for each in found]
    encoded = [base64.b64encode(each.encode()).decode() for each in found if each]
    return tuple(sorted({each for each in (*found, *passwords, *encoded) if len(each) >= 4}, key=len, reverse=True))


def _userinfo(url: str) -> str:
    return unquote(urlsplit(url).netloc.rpartition("@")[0])


def _nodes(settings: ClusterSettings) -> list[NodeConfig]:
    try:
        nodes = [url_to_node_config(url, use_default_ports_for_scheme=True) for url in settings.urls]
        if any(node.scheme not in ("http", "https") for node in nodes):
            raise ValueError
    except ValueError:
        raise SinkError(
            "urls: an address begins with http:// or https:// and a host", retryable=False, reason="clientError"
        ) from None
    if any(node.scheme == "https" for node in nodes):
        context = _trust(settings.ca_file)
        nodes = [node.replace(ssl_context=context) if node.scheme == "https" else node for node in nodes]
    return nodes


def _trust(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise SinkError(f"ca_file: {error}", retryable=True, reason="connectionError") from None


def _basic(settings: ClusterSettings) -> tuple[str, str] | None:
    if settings.username is None or settings.api_key is not None:
        return None
    return settings.username, "" if settings.password is None else _revealed(settings.password, "password")


def _encoded(api_key: str) -> str:
    """As it is sent. Elasticsearch shows a key in this form, and as `id:api_key`; a colon is in the second alone."""
    return base64.b64encode(api_key.encode()).decode() if ":" in api_key else api_key


def _revealed(secret: Secret, field: str) -> str:
    try:
        text = secret.reveal().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SinkError(f"{field}: its file cannot be read: {type(error).__name__}", retryable=True, reason="authError") from None
    if not text:
        raise SinkError(f"{field}: is empty", retryable=True, reason="authError")
    return text
