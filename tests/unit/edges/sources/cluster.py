"""A small API server that speaks the wire format of pods and pods/log exactly: chunks, Status objects, the kubelet's choice of
instance, its comparison in whole seconds, its rotation, and the ways in which connections end."""

from __future__ import annotations

import asyncio
import datetime
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

START_S = 1_715_671_867  # 2024-05-14T07:31:07Z


@dataclass
class FakeInstance:
    """`lines` is the log file the kubelet reads now: what was rotated away is not in it."""

    id: str
    restarts: int
    lines: list[tuple[int, bytes]] = field(default_factory=list)  # nanoseconds, text without newline
    exit_code: int | None = None
    rotations: int = 0
    tail: bytes = b""  # what the application has written after its last newline; shown when it has ended


class FakeContainer:
    """Times rise by a millisecond a line unless the test says otherwise."""

    def __init__(self, name: str, changed: Callable[[], None]) -> None:
        self.name = name
        self.now: FakeInstance | None = None
        self.before: FakeInstance | None = None
        self._changed = changed
        self._ns = START_S * 1_000_000_000

    def start(self) -> None:
        restarts = 0 if self.now is None else self.now.restarts + 1
        self.before = self.now
        self.now = FakeInstance(f"containerd://{self.name}-{restarts:08x}", restarts)
        self._changed()

    def write(self, *texts: str, after_ms: int = 1) -> None:
        assert self.now is not None
        for text in texts:
            self._ns += after_ms * 1_000_000
            self.now.lines.append((self._ns, text.encode()))
        self._changed()

    def end(self, exit_code: int = 1, tail: bytes = b"") -> None:
        assert self.now is not None
        self.now.exit_code, self.now.tail = exit_code, tail
        self._changed()

    def restart(self, exit_code: int = 1) -> None:
        self.end(exit_code)
        self.start()

    def rotate(self) -> None:
        """What was written before is in another file now, which the API never shows."""
        assert self.now is not None
        self.now.lines = []
        self.now.rotations += 1
        self._changed()

    def status(self) -> dict[str, Any]:
        now: dict[str, Any] = {"waiting": {"reason": "ContainerCreating"}}
        last = {"terminated": _terminated(self.before)} if self.before else {}
        if self.now is not None:
            now = {"running": {"startedAt": "2024-05-14T07:31:07Z"}}
            if self.now.exit_code is not None:
                now = {"terminated": _terminated(self.now)}
        container_id = self.now.id if self.now else ""
        restarts = self.now.restarts if self.now else 0
        return {"name": self.name, "state": now, "lastState": last, "restartCount": restarts, "containerID": container_id}


def _terminated(instance: FakeInstance) -> dict[str, Any]:
    return {"exitCode": instance.exit_code, "reason": "Error", "containerID": instance.id}


class Cluster:
    """One pod in the namespace `shop`. `faults` are what the next log requests meet, one each."""

    def __init__(self) -> None:
        self.pod = "api-0"
        self.uid = "6f1c7e4c-6a0e-4b7e-9f6f-2b1c7e4c6a0e"
        self.labels = {"app.kubernetes.io/name": "shop-api"}
        self.containers: dict[str, FakeContainer] = {}
        self.token = "token-1"  # "": a proxy that has let us in
        self.refusal: tuple[int, str, str] | None = None
        self.faults: deque[tuple[str, Any]] = deque()
        self.requests: list[str] = []
        self.address = ""
        self.status_lags = False  # the pod's state stays as it is, whatever the kubelet knows
        self._shown: dict[str, Any] | None = None
        self._change = asyncio.Condition()
        self._readers: dict[asyncio.StreamWriter, asyncio.StreamReader] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def container(self, name: str) -> FakeContainer:
        self.containers[name] = FakeContainer(name, self.changed)
        return self.containers[name]

    def changed(self) -> None:
        async def tell() -> None:
            async with self._change:
                self._change.notify_all()

        task = asyncio.ensure_future(tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def until_asked(self, times: int) -> None:
        """Returns when so many more requests have come."""
        wanted = len(self.requests) + times
        async with asyncio.timeout(20), self._change:
            await self._change.wait_for(lambda: len(self.requests) >= wanted)

    def log_requests(self) -> list[dict[str, str]]:
        asked = [urlsplit(request) for request in self.requests if urlsplit(request).path.endswith("/log")]
        return [{key: values[0] for key, values in parse_qs(one.query).items()} for one in asked]

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Cluster]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        self.address = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        try:
            yield self
        finally:
            server.close()

    # -- HTTP -------------------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._readers[writer] = reader
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            del self._readers[writer]
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays open for another request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        request, *fields = head.split("\r\n")
        headers = {key.lower(): value.strip() for key, _, value in (one.partition(":") for one in fields if one)}
        target = urlsplit(request.split(" ")[1])
        self.requests.append(request.split(" ")[1])
        self.changed()
        base = f"/api/v1/namespaces/shop/pods/{self.pod}"
        if self.token and headers.get("authorization") != f"Bearer {self.token}":
            return _status(writer, 401, "Unauthorized", "Unauthorized")
        if self.refusal is not None:
            return _status(writer, *self.refusal)
        if unquote(target.path) not in (base, base + "/log"):
            name = target.path.split("/pods/")[-1].removesuffix("/log")
            return _status(writer, 404, "NotFound", f'pods "{name}" not found')
        if target.path == base:
            return _json(writer, 200, self._pod())
        return await self._log({key: values[0] for key, values in parse_qs(target.query).items()}, writer)

    def _pod(self) -> dict[str, Any]:
        if not self.status_lags or self._shown is None:
            self._shown = {one.name: one.status() for one in self.containers.values()}
        metadata = {"name": self.pod, "namespace": "shop", "uid": self.uid, "labels": self.labels}
        spec = {"containers": [{"name": name} for name in self.containers]}
        return {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": metadata,
            "spec": spec,
            "status": {"containerStatuses": list(self._shown.values())},
        }

    async def _log(self, asked: dict[str, str], writer: asyncio.StreamWriter) -> bool:
        fault: str
        detail: Any
        fault, detail = self.faults.popleft() if self.faults else ("", None)
        if fault == "status":
            return _status(writer, *detail)
        if fault == "silence":
            await asyncio.sleep(3600)
        container = self.containers.get(asked["container"])
        if container is None:
            return _status(writer, 400, "BadRequest", f"container {asked['container']} is not valid for pod {self.pod}")
        instance = container.before if asked.get("previous") == "true" else container.now
        if instance is None:
            word = f'container "{container.name}" in pod "{self.pod}" is waiting to start: ContainerCreating'
            if asked.get("previous") == "true":
                word = f'previous terminated container "{container.name}" in pod "{self.pod}" not found'
            return _status(writer, 400, "BadRequest", word)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
        if fault == "foreign":
            _chunk(writer, detail)
        else:
            await self._stream(asked, instance, writer, detail if fault == "break" else None)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _stream(
        self, asked: dict[str, str], instance: FakeInstance, writer: asyncio.StreamWriter, break_after: int | None
    ) -> None:
        """As the kubelet's ReadLogs: everything not before `sinceTime`, and on and on while the container runs."""
        since_ns = _whole_seconds(asked.get("sinceTime", "")) * 1_000_000_000
        shown, rotations, sent = 0, instance.rotations, 0
        while True:
            if instance.rotations != rotations:
                return  # the file it reads is not written any more
            for ns, text in instance.lines[shown:]:
                line = _time(ns) + b" " + text + b"\n"
                if ns < since_ns:
                    continue
                if break_after is not None and sent + len(line) > break_after:
                    _chunk(writer, line[: break_after - sent])
                    await writer.drain()
                    raise ConnectionResetError
                _chunk(writer, line)
                sent += len(line)
            shown = len(instance.lines)
            await writer.drain()
            if instance.exit_code is not None or "follow" not in asked:
                if instance.tail:
                    _chunk(writer, _time(START_S * 2 * 10**9) + b" " + instance.tail)
                return
            if shown == len(instance.lines) and instance.rotations == rotations and instance.exit_code is None:
                await self._until_changed(writer)

    async def _until_changed(self, writer: asyncio.StreamWriter) -> None:
        """Looks now and then whether the client is still there: with nothing to write, that is the only way to know."""
        while True:
            try:
                async with asyncio.timeout(0.05), self._change:
                    await self._change.wait()
                return
            except TimeoutError:
                if self._readers[writer].at_eof():
                    raise ConnectionResetError from None


def _time(ns: int) -> bytes:
    """RFC3339NanoFixed, UTC."""
    whole = datetime.datetime.fromtimestamp(ns // 10**9, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{ns % 10**9:09d}Z".encode()


def _whole_seconds(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text).timestamp()) if text else 0


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    if data:
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))


def _json(writer: asyncio.StreamWriter, code: int, body: dict[str, Any]) -> bool:
    data = json.dumps(body).encode() + b"\n"
    head = f"HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)
    return True


def _status(writer: asyncio.StreamWriter, code: int, reason: str, message: str) -> bool:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return _json(writer, code, body | {"message": message, "reason": reason, "code": code})
