"""Lines of the height measurements, for pictures."""

from __future__ import annotations

import numpy as np

from discmri.core.volume import Array
from discmri.results.height.stations import STATIONS
from discmri.results.outline import DiscOutline


def height_lines(outline: DiscOutline) -> dict[str, tuple[Array, Array]]:
    """World segments of the heights at the stations and of the corner distances.

    Parameters
    ----------
    outline
        Of one disc (:func:`trace_disc`).

    Returns
    -------
    dict
        ``anterior``, ``middle``, ``posterior`` (along the normal at 10, 50 and 90 % of the
        width) and ``corner_anterior``, ``corner_posterior``; each a pair of (3,) points in
        RAS+ mm, upper end first.

    Examples
    --------
    >>> upper_mm, lower_mm = height_lines(outline)["middle"]  # doctest: +SKIP
    >>> float(np.linalg.norm(upper_mm - lower_mm))  # doctest: +SKIP
    8.4
    """
    mid, corners = outline.mid, outline.corners
    lines = {}
    for name, share in STATIONS.items():
        x = mid.position(share)
        upper = np.interp(x, mid.x_mm, mid.upper_mm)
        lower = np.interp(x, mid.x_mm, mid.lower_mm)
        lines[name] = (np.array([x, upper]), np.array([x, lower]))
    lines["corner_anterior"] = (corners.upper_anterior, corners.lower_anterior)
    lines["corner_posterior"] = (corners.upper_posterior, corners.lower_posterior)
    return {name: (_world(outline, a), _world(outline, b)) for name, (a, b) in lines.items()}


def _world(outline: DiscOutline, point: Array) -> Array:
    return outline.frame.to_world(np.append(point, 0.0))
