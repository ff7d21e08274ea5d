"""Where the before of a change comes from: Prometheus, Elasticsearch, a mounted file, our own history; asked in that order."""

from detector.analysis.baselines.places.asking import before
from detector.analysis.baselines.places.base import Before
from detector.analysis.baselines.places.shared import share

__all__ = ["Before", "before", "share"]
