"""Writes documents to an index while daemons live and die: noise, and planted failures, a document each (shards show what they
took in at different moments, and then lines that belong together come apart), up to 20 s late, of several pods."""

from __future__ import annotations

import json
import random
import threading
import time
from typing import Any

from tests.acceptance.planter import NOISE
from tests.faults.kafka_load import failure
from tests.services.documents import send_documents
from tests.services.elasticsearch import Elasticsearch

PAUSE_S = 0.02
LATEST_MS = 20_000
PODS = 3


class IndexLoad:
    """`planted` holds what the node has taken in. A thread of its own, for one `with`."""

    def __init__(self, node: Elasticsearch, index: str, seed: int = 1, share: float = 0.3) -> None:
        self.planted: set[str] = set()
        self.documents = 0
        self._node = node
        self._index = index
        self._random = random.Random(seed)
        self._share = share
        self._number = 0
        self._stop = threading.Event()
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> IndexLoad:
        self._thread.start()
        return self

    def __exit__(self, problem: object, *args: object) -> None:
        self._stop.set()
        self._thread.join(60)
        if problem is None and self._problem is not None:
            raise self._problem

    def _run(self) -> None:
        try:
            while not self._stop.wait(PAUSE_S):
                self._step()
        except BaseException as error:
            self._problem = error

    def _step(self) -> None:
        self._number += 1
        pod, late_ms = self._random.randrange(PODS), self._random.choice([0, 0, 0, self._random.randrange(LATEST_MS)])
        lines = [NOISE.format(n=self._number * 100 + n).rstrip() for n in range(5)]
        name = f"planted.E{self._number:05d}" if self._random.random() < self._share else ""
        if name:
            lines[3:3] = [line.decode() for line in failure(name, in_one_record=True)]
        time_ms = time.time_ns() // 1_000_000 - late_ms
        documents = [self._document(time_ms, pod, line, self._number * 100 + at) for at, line in enumerate(lines)]
        send_documents(self._node, self._index, [json.dumps(document).encode() for document in documents], refresh=False)
        self.documents += len(documents)
        if name:
            self.planted.add(name)

    def _document(self, time_ms: int, pod: int, line: str, offset: int) -> dict[str, Any]:
        return {
            "@timestamp": time_ms,
            "message": line,
            "log": {"offset": offset},
            "agent": {"type": "filebeat"},
            "kubernetes": {"namespace": "shop", "pod": {"name": f"api-{pod}"}, "container": {"name": "api"}},
        }
