from tests.unit.edges.conftest import settings, store

__all__ = ["settings", "store"]
