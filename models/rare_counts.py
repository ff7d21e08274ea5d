"""Rare events: where there are none or few to replay, the exact Poisson answer takes over.

Events of one scrape may have one cause, so what is counted where nothing is known of the exposure is scrapes with any.
Sources: Hanley and Lippman-Hand 1983 (rule of three); Przyborowski and Wilenski 1940 (two Poisson counts, given their sum).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, gammaincinv

from models.series import Floats


def chance_of_more(before: float, after: float, exposure_before: float, exposure_after: float) -> float:
    """Of `after` events or more, given the sum and one rate for both."""
    if after <= 0:
        return 1.0
    return float(betainc(after, before + 1.0, exposure_after / (exposure_before + exposure_after)))


def upper_rate(events: float, exposure: float, error: float) -> float:
    """One-sided upper limit of a Poisson rate: 3 / exposure for no event at 95 %."""
    return float(gammaincinv(events + 1.0, 1.0 - error)) / exposure if exposure > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Of counts by window: events, the exposure they have, and by how much they cluster (1 = Poisson)."""

    events: float
    exposure: float
    clustering: float

    def chance(self, after: float, exposure: float) -> float:
        return chance_of_more(self.events / self.clustering, after / self.clustering, self.exposure, exposure)


def dispersion_of(counts: Floats, exposures: Floats) -> Dispersion:
    """From counts by window of the baseline, shape (windows,)."""
    mean = float(counts.mean()) if counts.size else 0.0
    spread = float(counts.var() / mean) if mean > 0 else 1.0
    return Dispersion(float(counts.sum()), float(exposures.sum()), max(spread, 1.0))


@dataclass(frozen=True, slots=True)
class Clean:
    """A signal that was zero all along, and a period after: `seen` samples with any, of `samples`; the mean and the exposure."""

    baseline: float
    samples: float
    seen: float
    mean: float
    exposure: float

    def chance(self) -> float:
        return chance_of_more(0.0, self.seen, self.baseline, self.samples)

    def upper(self, error: float) -> float:
        """Of the mean, in the unit of the series: exact for no event, and scaled with the mean size of what was seen."""
        size = self.mean * self.exposure / self.seen if self.seen else 1.0
        return size * upper_rate(self.seen, self.exposure, error)


def clean(before: Floats, after: Floats, load: Floats | None) -> Clean:
    """`load`, of the after-period and in requests a sample, is the exposure of a share; without one each sample is one trial."""
    known = np.isfinite(after)
    samples = float(known.sum())
    exposure = samples if load is None else float(np.nansum(load[known]))
    seen = float((after[known] > 0).sum())
    mean = float(after[known].mean()) if samples else math.nan
    return Clean(float(np.isfinite(before).sum()), samples, seen, mean, max(exposure, 0.0))
