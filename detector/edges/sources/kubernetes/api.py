"""What we ask the Kubernetes API server: the state of one pod, and the logs of its containers.

Only `get` on `pods` and `pods/log` is needed. Answers are read as the API documents them
(https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/); a refusal is a Status object.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import socket
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from detector.edges.sources.kubernetes.kubeconfig import Kubeconfig, read_kubeconfig
from detector.errors import SourceLost
from detector.settings import KubernetesSourceSettings

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
MOST_STATUS_BYTES = 64 << 10
MOST_POD_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Instance:
    """One run of a container. `is_over`: it has ended, its log will not grow."""

    id: str
    restarts: int
    is_over: bool


@dataclass(frozen=True, slots=True)
class Container:
    """`now` is None while it waits to start."""

    name: str
    now: Instance | None
    before: Instance | None


@dataclass(frozen=True, slots=True)
class Pod:
    uid: str
    labels: Mapping[str, str]
    containers: tuple[Container, ...]

    def container(self, name: str) -> Container | None:
        return next((one for one in self.containers if one.name == name), None)


class Refused(Exception):
    """The API server's own words. `status` is the HTTP status; `retry_after_s` what it asked for."""

    def __init__(self, status: int, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Place:
    """Where the API server is, which pod is meant, and how we prove who we are. The `_pem` texts and `token` come from a
    kubeconfig; inside a cluster there are files."""

    address: str
    namespace: str
    pod: str
    token_file: str
    ca_file: str
    token: str = field(default="", repr=False)
    ca_pem: str = ""
    client_pem: str = field(default="", repr=False)

    @classmethod
    def of(cls, settings: KubernetesSourceSettings, environ: Mapping[str, str]) -> Place:
        """What the settings say, else the cluster we are in, else what kubectl would use. Raises SourceLost when there is none of
        these, BadInput for a kubeconfig that is no YAML."""
        account = environ.get("TRIMWATCH_SERVICE_ACCOUNT_FOLDER", ACCOUNT)
        host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "443")
        pod = settings.pod or environ.get("POD_NAME") or socket.gethostname()
        if not settings.api and not host:
            return cls._of_kubeconfig(settings, pod, read_kubeconfig(environ))
        return cls(
            settings.api or f"https://{f'[{host}]' if ':' in host else host}:{port}",
            settings.namespace or environ.get("POD_NAMESPACE") or _first_line(f"{account}/namespace") or "default",
            pod,
            settings.token_file or f"{account}/token",
            settings.ca_file or f"{account}/ca.crt",
        )

    @classmethod
    def _of_kubeconfig(cls, settings: KubernetesSourceSettings, pod: str, config: Kubeconfig | None) -> Place:
        if config is None:
            raise SourceLost(
                "no Kubernetes API server: not inside a cluster, no kubeconfig, and `api` is not set (`kubectl proxy`)"
            )
        namespace = settings.namespace or config.namespace or "default"
        token_file = settings.token_file or config.token_file
        secrets = config.token, config.ca_pem, config.client_pem
        return cls(config.server, namespace, pod, token_file, settings.ca_file or "", *secrets)

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{quote(self.namespace, '')}/pods/{quote(self.pod, '')}"

    def trust(self) -> ssl.SSLContext:
        """Whom we believe, and who we say we are. Raises OSError."""
        ca_file = self.ca_file if os.path.exists(self.ca_file) else None
        context = ssl.create_default_context(cafile=ca_file, cadata=self.ca_pem or None)
        if self.client_pem:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # OpenSSL reads certificates of its own from files only
                file.write(self.client_pem)
                file.flush()
                context.load_cert_chain(file.name)
        return context


class PodApi:
    """Used as an async context; `pod` and `log` may be called by several tasks at once."""

    def __init__(self, place: Place, settings: KubernetesSourceSettings) -> None:
        self.place = place
        self._connect_s = settings.connect_timeout.total_seconds()
        self._idle_s = settings.idle_timeout.total_seconds()
        self._clients: dict[
            int, httpx.AsyncClient
        ] = {}  # by the time of change of the CA certificate: it is replaced now and then

        self._seen: tuple[float, Pod | None] = (0.0, None)

    async def __aenter__(self) -> PodApi:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def pod(self, max_age_s: float = 0.0) -> Pod:
        """The pod as it is, or as it was at most `max_age_s` ago. Raises Refused, httpx.HTTPError."""
        seen_s, pod = self._seen
        if pod is not None and time.monotonic() - seen_s < max_age_s:
            return pod
        pod = await self._look()
        self._seen = time.monotonic(), pod
        return pod

    async def _look(self) -> Pod:
        async with self._get(self.place.path, {}, self._connect_s * 2) as answer:
            body = await _read(answer, MOST_POD_BYTES)
        try:
            return _pod(json.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused(200, f"what came is no pod: {error!r}") from None

    @contextlib.asynccontextmanager
    async def log(
        self, container: str, *, previous: bool, follow: bool, since: str | None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The log as it comes; it ends when the container has, or when the server thinks so. `since` is RFC 3339: the kubelet
        compares in whole seconds (apiserver: pkg/registry/core/pod/strategy.go). Raises Refused, httpx.HTTPError."""
        wanted = {"container": container, "timestamps": "true"}
        wanted |= {"previous": "true"} if previous else {}
        wanted |= {"follow": "true"} if follow else {}
        wanted |= {"sinceTime": since} if since else {}
        async with self._get(f"{self.place.path}/log", wanted, self._idle_s) as answer:
            yield answer.aiter_raw()

    @contextlib.asynccontextmanager
    async def _get(self, path: str, query: dict[str, str], idle_s: float) -> AsyncIterator[httpx.Response]:
        client = self._connect()
        timeout = httpx.Timeout(self._connect_s, read=idle_s)
        request = client.build_request("GET", path, params=query, headers=self._who(), timeout=timeout)
        answer = await client.send(request, stream=True)
        try:
            if answer.status_code != 200:
                raise await _refusal(answer)
            yield answer
        finally:
            await answer.aclose()

    def _connect(self) -> httpx.AsyncClient:
        changed_ns = os.stat(self.place.ca_file).st_mtime_ns if os.path.exists(self.place.ca_file) else 0
        if changed_ns not in self._clients:
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=2)
            self._clients[changed_ns] = httpx.AsyncClient(
                base_url=self.place.address, verify=self.place.trust(), trust_env=False, limits=limits
            )
        return self._clients[changed_ns]

    def _who(self) -> dict[str, str]:
        """The token is read for every request: the kubelet replaces it before it expires."""
        headers = {"Accept-Encoding": "identity"}
        token = _first_line(self.place.token_file) or self.place.token
        if token and _is_private(self.place.address):
            headers["Authorization"] = f"Bearer {token}"
        return headers


def wanted(settings: KubernetesSourceSettings, pod: Pod) -> list[str]:
    """The containers to follow; those the settings name need not exist yet."""
    names = settings.containers or tuple(container.name for container in pod.containers)
    return [name for name in names if name not in settings.exclude_containers]


def _is_private(address: str) -> bool:
    """Whether a token stays secret on the way: encrypted, or not leaving this machine (`kubectl proxy`)."""
    parts = urlsplit(address)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.readline().strip()
    except (OSError, ValueError):
        return ""


async def _read(answer: httpx.Response, most_bytes: int) -> bytes:
    body = bytearray()
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) > most_bytes:
            raise Refused(answer.status_code, f"the answer is longer than {most_bytes} bytes")
    return bytes(body)


async def _refusal(answer: httpx.Response) -> Refused:
    """`message` of the Status object, or what there is instead of one."""
    body = await _read(answer, MOST_STATUS_BYTES)
    try:
        message = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        message = body[:200].decode("utf-8", "replace").strip() or answer.reason_phrase
    wait = answer.headers.get("Retry-After", "")
    return Refused(answer.status_code, message, float(wait) if wait.isdigit() else None)


def _pod(pod: Any) -> Pod:
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    states = {
        one["name"]: one
        for kind in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
        for one in status.get(kind) or ()
    }
    names = [str(one["name"]) for kind in ("initContainers", "containers", "ephemeralContainers") for one in spec.get(kind) or ()]
    labels = {str(key): str(value) for key, value in (metadata.get("labels") or {}).items()}
    return Pod(str(metadata["uid"]), labels, tuple(_container(name, states.get(name) or {}) for name in names))


def _container(name: str, state: Any) -> Container:
    """What the kubelet's own choice is (validateContainerLogStatus): running, else terminated, else the one before."""
    restarts = int(state.get("restartCount") or 0)
    now, last = state.get("state") or {}, state.get("lastState") or {}
    ended, ended_before = now.get("terminated") or {}, last.get("terminated") or {}
    current = None
    if now.get("running") is not None and state.get("containerID"):
        current = Instance(str(state["containerID"]), restarts, False)
    elif ended.get("containerID"):
        current = Instance(str(ended["containerID"]), restarts, True)
    before = Instance(str(ended_before["containerID"]), max(0, restarts - 1), True) if ended_before.get("containerID") else None
    return Container(name, current, before)
