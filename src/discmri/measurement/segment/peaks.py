"""Peaks of a curve as by ``scipy.signal.find_peaks``, without the slow import of scipy.signal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import Array


def find_peaks(curve: Array, distance: float, prominence: float) -> NDArray[np.intp]:
    """Indices of prominent local maxima, ascending.

    Parameters
    ----------
    curve
        (n,) values; the peak of a plateau is its middle; the ends are no peaks.
    distance
        Of two peaks closer than this the lower one is dropped, starting with the highest peak.
    prominence
        Smallest height above the higher one of the two valleys around a peak.  A valley is the
        lowest value between the peak and the next higher value or the end.

    >>> find_peaks(np.array([0.0, 2.0, 1.9, 2.1, 0.0, 1.0, 1.0, 0.0]), 1, 0.5).tolist()
    [3, 5]
    """
    peaks = _local_maxima(curve)
    kept = np.ones(len(peaks), dtype=bool)
    for n in np.argsort(curve[peaks])[::-1]:
        if kept[n]:
            kept &= (np.abs(peaks - peaks[n]) >= np.ceil(distance)) | (peaks == peaks[n])
    return np.array([k for k in peaks[kept] if _prominence(curve, k) >= prominence], dtype=np.intp)


def _local_maxima(curve: Array) -> NDArray[np.intp]:
    starts = np.flatnonzero(np.diff(curve, prepend=np.nan) != 0)  # of runs of equal values
    ends = np.append(starts[1:], len(curve)) - 1
    runs = curve[starts]
    higher = np.zeros(len(runs), dtype=bool)
    higher[1:-1] = (runs[1:-1] > runs[:-2]) & (runs[1:-1] > runs[2:])
    return np.asarray((starts + ends)[higher] // 2)


def _prominence(curve: Array, peak: int) -> float:
    valleys = []
    for way in (curve[peak::-1], curve[peak:]):
        beyond = np.flatnonzero(way > curve[peak])
        valleys.append(way[: beyond[0] if beyond.size else None].min())
    return float(curve[peak] - max(valleys))
