"""Tolerances within which two header values count as equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

TE_WITHIN_MS = 0.3
TE_WITHIN = 0.005  # of the echo time
B_WITHIN_S_PER_MM2 = 1.0


def same_echo_time(a_ms: float | None, b_ms: float | None) -> bool:
    """Whether two echo times differ by rounding alone.

    Examples
    --------
    >>> same_echo_time(102.04, 102.06), same_echo_time(30.0, 31.0), same_echo_time(None, 30.0)
    (True, False, False)
    """
    if a_ms is None or b_ms is None:
        return a_ms is b_ms
    return abs(a_ms - b_ms) <= max(TE_WITHIN_MS, TE_WITHIN * max(a_ms, b_ms))


def common_values(
    values: Iterable[float], within: float, relative: float = 0.0
) -> dict[float, float]:
    """The most frequent of the values that lie close together, for each value.

    ``within`` and ``relative`` are the largest distance of neighbours that count as equal, absolute
    and as a share of the larger.

    Examples
    --------
    >>> common_values([102.04, 102.06, 102.06, 30.0], 0.3)
    {30.0: 30.0, 102.04: 102.06, 102.06: 102.06}
    """
    counts = Counter(values)
    ordered = sorted(counts)
    clusters = [ordered[:1]]
    for a, b in pairwise(ordered):
        if b - a <= max(within, relative * b):
            clusters[-1].append(b)
        else:
            clusters.append([b])
    return {
        value: max(cluster, key=lambda one: (counts[one], -one))
        for cluster in clusters
        for value in cluster
    }
