"""Templates that say nearly the same, as one: twenty messages of one new problem are one row for whoever is woken by them.

Words weighted by how rare they are (tf-idf), cosine distance, average linkage cut at `distance`. Bounded: the first `most`
templates are compared with each other (quadratic: 1,000 take 8 MB), each later one stands alone.
"""

from __future__ import annotations

import numpy as np
from sklearn.cluster import AgglomerativeClustering
from sklearn.feature_extraction.text import TfidfVectorizer

MOST = 1000
DISTANCE = 0.6
_WORD = r"(?u)[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\w+"  # NoSuchMethodError is four words


def clusters_of(templates: list[str], distance: float = DISTANCE, most: int = MOST) -> list[int]:
    """The cluster of each, numbered from 0 in the order in which they are first met."""
    compared = templates[:most]
    labels = _labels(compared, distance) if len(compared) > 1 else [0] * len(compared)
    labels += [len(compared) + extra for extra in range(len(templates) - len(compared))]
    numbers: dict[int, int] = {}
    return [numbers.setdefault(label, len(numbers)) for label in labels]


def _labels(templates: list[str], distance: float) -> list[int]:
    try:
        words = TfidfVectorizer(token_pattern=_WORD, sublinear_tf=True).fit_transform(templates)
    except ValueError:  # no template has a word
        return list(range(len(templates)))
    far = 1 - (words @ words.T).toarray()
    np.clip(far, 0, None, out=far)
    np.fill_diagonal(far, 0)
    grouping = AgglomerativeClustering(n_clusters=None, metric="precomputed", linkage="average", distance_threshold=distance)
    return [int(label) for label in grouping.fit_predict(far)]
