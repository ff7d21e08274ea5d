"""Where the real servers lie; deploy/ci/fetch_services.sh puts them there. A desk without them skips, CI fails."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("TRIMWATCH_SERVICES") or Path.home() / ".cache/trimwatch-services")


def java() -> Path:
    """A Java that runs both servers."""
    return _there(CACHE / "java-home" / "bin" / "java", "Java 21 or later")


def kafka_jars() -> Path:
    return _there(next(iter(sorted(CACHE.glob("kafka-4*"))), CACHE / "kafka"), "Kafka")


def elasticsearch_home() -> Path:
    return _there(next(iter(sorted(CACHE.glob("elasticsearch-*"))), CACHE / "elasticsearch"), "Elasticsearch")


def shop_jars() -> Path:
    return _there(CACHE / "shop", "what the shop needs")


def prometheus(version: int) -> str:
    """2 is the distribution's. 3 is built by Go: a machine without it skips, in CI too."""
    if version == 2:
        return program("prometheus")
    built = next(iter(sorted(CACHE.glob("prometheus-v*/prometheus"))), None)
    if built is None and shutil.which("go") is None:
        pytest.skip("Prometheus 3 is built by Go, and there is no Go")
    return str(_there(built or CACHE / "prometheus-v0", "Prometheus 3"))


def program(name: str) -> str:
    """The full path of a program of the distribution."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        _missing(f"{name} is not installed")
    return str(found)


def _there(path: Path, what: str) -> Path:
    if not path.exists():
        _missing(f"{what} is not in {CACHE}")
    return path


def _missing(why: str) -> None:
    reason = f"{why}; deploy/ci/install.sh puts it there"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
