"""Follows the logs of a pod's containers through the Kubernetes API. Every container instance is a stream of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

import httpx

from detector.edges.sources.base import Inbox, Resume
from detector.edges.sources.kubernetes.api import Place, PodApi, Refused, wanted
from detector.edges.sources.kubernetes.container import ContainerFollower
from detector.edges.sources.kubernetes.patience import Complaints, Patience, Pauses
from detector.settings import KubernetesSourceSettings


class KubernetesSource:
    """Implements `base.Source`. One task a container; the source itself looks for containers that came later."""

    def __init__(
        self,
        settings: KubernetesSourceSettings,
        environ: Mapping[str, str] = os.environ,
        patience: Patience | None = None,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._environ = environ
        self._patience = patience or Patience()
        self._complaints = Complaints(self.name)

    @property
    def problems(self) -> Mapping[str, str]:
        return self._complaints.open

    async def read_into(self, inbox: Inbox, resume: Mapping[str, Resume]) -> None:
        """Raises SourceLost when there is no API server to ask."""
        place = Place.of(self._settings, self._environ)
        followed: set[str] = set()
        pauses = Pauses(self._patience)
        complaints = self._complaints
        async with PodApi(place, self._settings) as api, asyncio.TaskGroup() as group:
            while True:
                try:
                    pod = await api.pod()
                except (Refused, httpx.HTTPError) as problem:
                    complaints.about(place.pod, problem)
                    await pauses.wait(getattr(problem, "retry_after_s", None) or 0.0)
                    continue
                pauses.reset()
                complaints.settle(place.pod)
                for name in wanted(self._settings, pod):
                    if name not in followed:
                        followed.add(name)
                        follower = ContainerFollower(self._settings, api, name, inbox, resume, self._patience, complaints)
                        group.create_task(follower.run(), name=f"source:{self.name}:{name}")
                await asyncio.sleep(self._patience.look_s)
