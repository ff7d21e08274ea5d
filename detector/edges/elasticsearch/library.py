"""elasticsearch-py as far as we use it, loaded without what it imports wherever it finds it: 8 MB less in a resident daemon."""

from __future__ import annotations

import sys

_UNUSED = ("requests", "httpx", "opentelemetry", "numpy", "pandas", "pyarrow")
_hidden = [name for name in _UNUSED if name not in sys.modules]
sys.modules.update(dict.fromkeys(_hidden))  # type: ignore[arg-type]
try:
    from elastic_transport import ConnectionTimeout, NodeConfig, SerializationError, Serializer, TlsError, TransportError
    from elastic_transport.client_utils import url_to_node_config
    from elasticsearch import ApiError, AsyncElasticsearch, ElasticsearchWarning, NotFoundError, UnsupportedProductError
finally:
    for _name in _hidden:
        del sys.modules[_name]

__all__ = [
    "ApiError",
    "AsyncElasticsearch",
    "ConnectionTimeout",
    "ElasticsearchWarning",
    "NodeConfig",
    "NotFoundError",
    "SerializationError",
    "Serializer",
    "TlsError",
    "TransportError",
    "UnsupportedProductError",
    "url_to_node_config",
]
