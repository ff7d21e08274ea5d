"""Fixtures for tests on a real file system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

NOBODY = 65534


@pytest.fixture
def as_nobody(tmp_path: Path) -> Iterator[None]:
    """Root may read everything; the test runs as somebody who may not."""
    if os.geteuid() != 0:
        yield
        return
    folder = tmp_path
    while folder.name.startswith(("pytest-", "popen-", "test_")):
        os.chmod(folder, 0o777)
        folder = folder.parent
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
