"""elasticsearch-py as far as we use it, loaded without what it imports wherever it finds it, and without its synchronous half:
20 MB less in a resident daemon."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

_UNUSED = ("aiohttp", "requests", "httpx", "opentelemetry", "numpy", "pandas", "pyarrow")
_SYNCHRONOUS = "elasticsearch._sync.client"
_hidden = [name for name in _UNUSED if name not in sys.modules]
_is_first = "elasticsearch" not in sys.modules


def _stand_in() -> ModuleType:
    """In place of a package that would load fifty modules when one of them is asked for."""
    spec = importlib.util.find_spec("elasticsearch")
    assert spec is not None
    module = ModuleType(_SYNCHRONOUS)
    module.__path__ = [f"{place}/_sync/client" for place in spec.submodule_search_locations or ()]
    module.Elasticsearch = None  # type: ignore[attr-defined]
    return module


sys.modules.update(dict.fromkeys(_hidden))  # type: ignore[arg-type]
if _is_first:
    sys.modules[_SYNCHRONOUS] = _stand_in()
try:
    from elastic_transport import (
        ApiResponseMeta,
        BaseAsyncNode,
        ConnectionError,
        ConnectionTimeout,
        HttpHeaders,
        NodeConfig,
        SerializationError,
        Serializer,
        TlsError,
        TransportError,
    )
    from elastic_transport.client_utils import DEFAULT, DefaultType, url_to_node_config
    from elasticsearch import (
        ApiError,
        AsyncElasticsearch,
        BadRequestError,
        ConflictError,
        ElasticsearchWarning,
        NotFoundError,
        UnsupportedProductError,
    )
finally:
    for _name in _hidden:
        del sys.modules[_name]
    if _is_first:
        del sys.modules[_SYNCHRONOUS]

__all__ = [
    "DEFAULT",
    "ApiError",
    "ApiResponseMeta",
    "AsyncElasticsearch",
    "BadRequestError",
    "BaseAsyncNode",
    "ConflictError",
    "ConnectionError",
    "ConnectionTimeout",
    "DefaultType",
    "ElasticsearchWarning",
    "HttpHeaders",
    "NodeConfig",
    "NotFoundError",
    "SerializationError",
    "Serializer",
    "TlsError",
    "TransportError",
    "UnsupportedProductError",
    "url_to_node_config",
]
