"""Whether the API server would show us a pod and its logs, for `check --connect`."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping

import httpx

from detector.edges.inspected import Inspected, Problem
from detector.edges.sources.kubernetes.api import Place, PodApi, Refused, wanted
from detector.errors import BadInput, SourceLost
from detector.settings import KubernetesSourceSettings

_FAR_AHEAD = "2200-01-01T00:00:00Z"  # no line is so young: the log is opened and nothing comes


async def inspect_source(settings: KubernetesSourceSettings, environ: Mapping[str, str] = os.environ) -> Inspected:
    """Reads the pod's state and opens the log of its first container."""
    try:
        place = Place.of(settings, environ)
    except (SourceLost, BadInput) as error:
        return Inspected(problems=(("api", str(error)),))
    asked = "pods"
    try:
        async with PodApi(place, settings) as api:
            pod = await api.pod()
            names = wanted(settings, pod)
            seen = f"pod {place.namespace}/{place.pod}, containers {', '.join(names) or 'none'}"
            if problem := _containers(settings, names, [container.name for container in pod.containers]):
                return Inspected(seen, (problem,))
            asked = "pods/log"
            running = [name for name in names if (container := pod.container(name)) and container.now]
            for name in running[:1]:
                async with api.log(name, previous=False, follow=False, since=_FAR_AHEAD):
                    pass
    except Refused as error:
        return Inspected(problems=(_refused(error, place, asked),))
    except (httpx.HTTPError, ssl.SSLError, OSError) as error:
        return Inspected(problems=(_unreached(error, place),))
    return Inspected(seen)


def _containers(settings: KubernetesSourceSettings, names: list[str], there: list[str]) -> Problem | None:
    missing = [name for name in settings.containers if name not in there]
    if missing:
        return "containers", f"the pod has no container {', '.join(missing)}; it has {', '.join(there)}"
    return None if names else ("exclude_containers", f"leaves none of the pod's containers ({', '.join(there)})")


def _refused(error: Refused, place: Place, asked: str) -> Problem:
    said = f"{place.address} answered {error.status}: {error}"
    if error.status == 401:
        return "token_file", f"{said}; the token is not accepted"
    if error.status == 403:
        return "token_file", f"{said}; grant `get` on `{asked}` in the namespace {place.namespace}"
    if error.status == 404:
        return "pod", f"{said}; is `namespace` right?"
    return "api", said


def _unreached(error: Exception, place: Place) -> Problem:
    words = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in words:
        return "ca_file", f"{place.address}: its certificate is not trusted: {words}"
    return "api", f"{place.address}: {words}"
