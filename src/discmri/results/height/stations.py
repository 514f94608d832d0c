"""Heights along the normal at three stations of the AP width."""

from __future__ import annotations

import numpy as np

from discmri.results.height.definition import HeightDefinition
from discmri.results.height.published import BOOS_POINTS
from discmri.results.outline import DiscOutline

STATIONS = {"anterior": 0.10, "middle": 0.50, "posterior": 0.90}
"""Fraction of the AP width, from the front."""
_WINDOW = 0.03


def _station(
    code: str, sdtm_code: str, factor: float, phantom_sd: tuple[float, float]
) -> HeightDefinition:
    share = STATIONS[code]
    place = f"at {100 * share:.0f} % of the AP width"

    def height(outline: DiscOutline) -> float:
        """Line fitted to the columns within 3 % of the width, evaluated at the station, mm."""
        x, upper, lower = outline.mid.between(share - _WINDOW, share + _WINDOW)
        return float(np.polyfit(x - outline.mid.position(share), upper - lower, 1)[1])

    return HeightDefinition(
        code=code, label=f"{code}, {place}", measure=height,
        meaning=f"Endplate to endplate along the disc normal {place}.", sdtm_code=sdtm_code,
        uncertainty_factor=1.9, segmenter_factor=factor, published=BOOS_POINTS,
        phantom_sd=dict(zip(("masks", "builtin"), phantom_sd, strict=True)),
    )  # fmt: skip


ANTERIOR = _station("anterior", "DSCHANT", 2.0, (0.2, 0.16))
MIDDLE = _station("middle", "DSCHMID", 1.4, (0.24, 0.15))
POSTERIOR = _station("posterior", "DSCHPOS", 1.6, (0.2, 0.13))
