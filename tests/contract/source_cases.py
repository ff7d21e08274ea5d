"""One case for each registered source: the real thing it reads from, and how to make that say something."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from detector.edges.sources import source_of
from detector.edges.sources.base import Source
from detector.edges.sources.kubernetes import KubernetesSource
from detector.edges.sources.kubernetes_patience import Patience
from detector.edges.sources.stdin import StdinSource
from detector.settings import FileSourceSettings, KubernetesSourceSettings, StdinSourceSettings
from tests.unit.edges.sources.cluster import Cluster


@dataclass(frozen=True)
class Case:
    """`source` makes a new one each time; `say` writes lines; `resumes`: what was not checkpointed can be read again."""

    source: Callable[[], Source]
    say: Callable[[list[str]], None]
    resumes: bool


@asynccontextmanager
async def file_case(folder: Path) -> AsyncIterator[Case]:
    quick = timedelta(milliseconds=1)
    settings = FileSourceSettings("file", (str(folder / "*.log"),), poll=quick, look_for_files=quick)

    def say(lines: list[str]) -> None:
        with (folder / "app.log").open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    yield Case(lambda: source_of(settings), say, resumes=True)


@asynccontextmanager
async def stdin_case(folder: Path) -> AsyncIterator[Case]:
    start, end = os.pipe()
    try:

        def say(lines: list[str]) -> None:
            os.write(end, "".join(f"{line}\n" for line in lines).encode())

        yield Case(lambda: StdinSource(StdinSourceSettings("stdin"), start), say, resumes=False)
    finally:
        os.close(start)
        os.close(end)


@asynccontextmanager
async def kubernetes_case(folder: Path) -> AsyncIterator[Case]:
    (folder / "token").write_text("token-1")
    async with Cluster().serving() as cluster:
        settings = KubernetesSourceSettings(
            "kubernetes", pod="api-0", namespace="shop", api=cluster.address, token_file=str(folder / "token")
        )
        app = cluster.container("app")
        app.start()
        patience = Patience(first_s=0.005, longest_s=0.02, look_s=0.02, overlap_s=0.2)
        yield Case(lambda: KubernetesSource(settings, {}, patience), lambda lines: app.write(*lines), resumes=True)


CASES: dict[str, Callable[[Path], AbstractAsyncContextManager[Case]]] = {
    "file": file_case,
    "stdin": stdin_case,
    "kubernetes": kubernetes_case,
}
