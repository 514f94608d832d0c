"""The level of the lowest disc, with its probability, from signs of the lumbosacral junction.

Two small logistic models combine the signs of :mod:`discmri.measurement.junction_signs`.  If the
image reaches the sacrum, the first one separates L5-S1 from a residual S1-S2 disc; otherwise the
second one separates L5-S1 from the discs above.  Both were fitted to SPIDER slices (van der Graaf
2024, CC BY 4.0) on which two readers named the junction, and to phantoms: the first one for squared S1
bodies and images of several slices, the second one for sacra of any slope.  ``python -m benchmarks.junction``
evaluates them, cross-validated by patient, and prints the coefficients.

A lumbar image does not show whether there are five or six lumbar vertebrae: the probability is that
of the junction, given five.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from discmri.core.labels import FoundDisc, FoundSpine
from discmri.core.levels import DiscLevel
from discmri.core.volume import Grid, SoftMask
from discmri.measurement.junction_signs import LEAST_DISCS, JunctionSigns, junction_signs

CERTAIN = 0.9
"""Below this probability the level names are marked as uncertain."""
FULL_DEPTH = 0.8
"""Smallest depth of a residual disc of full depth, as a share of the discs above."""
SQUARED = 0.95
"""Smallest depth of the lower end of a squared S1, as a share of its upper end.  A disc of full depth
below a squared S1 suggests a transitional vertebra (O'Driscoll type 4)."""
USUAL = 0.94
"""Share of SPIDER slices on which the lowest disc found above a sacrum is L5-S1 (190 of 201), used as
the probability if there are too few discs for signs."""
SACRUM_REACH = 1.3
"""Largest distance of the sacrum below the lowest disc, in halves of the usual distance between
discs."""
ROOM_BELOW = 1.6
"""An image that continues below the lowest disc by this multiple of the usual distance would show the
next lumbar disc."""
_SACRUM_MARGIN_MM = 5.0
_USUAL_DISTANCE_MM = 35.0


@dataclass(frozen=True)
class Term:
    """The contribution of one sign to a logit: ``weight * (value - usual)``, the value clipped.

    A sign that is not visible contributes nothing.
    """

    weight: float
    usual: float
    low: float
    high: float

    def of(self, value: float) -> float:
        """The contribution of this sign."""
        if not math.isfinite(value):
            return 0.0
        return self.weight * (min(max(value, self.low), self.high) - self.usual)


@dataclass(frozen=True)
class Model:
    """A logistic model of the signs."""

    intercept: float
    terms: Mapping[str, Term]

    def logit(self, signs: JunctionSigns) -> float:
        """Log odds of the model's outcome."""
        values = sign_values(signs)
        return self.intercept + sum(term.of(values[name]) for name, term in self.terms.items())


def sign_values(signs: JunctionSigns) -> dict[str, float]:
    """The signs for the models, with the decimal logarithm of the share of sacrum."""
    share = signs.sacral_share
    return {
        **vars(signs),
        "sacral_share_log10": math.log10(max(share, 1e-9)) if share >= 0 else float("nan"),
    }


RESIDUAL = Model(
    -2.21,
    {
        "sacral_share_log10": Term(1.142, -3.0, -4.0, 0.0),
        "depth_ratio": Term(-3.541, 0.80, 0.3, 1.3),
        "height_ratio": Term(-5.374, 0.70, 0.0, 1.0),
        "promontory_deg": Term(-0.136, 20.0, -20.0, 60.0),
        "width_ratio": Term(-6.005, 0.90, 0.3, 1.2),
        "wing_ratio": Term(6.051, 1.00, 0.8, 1.4),
    },
)
"""Log odds that the lowest disc above a sacrum is a residual S1-S2 disc."""
FUSED = Term(20.0, 0.65, 0.65, 0.9)
"""Addition to these log odds by the sign ``bone_across``.  It is chosen, not fitted: of 1,400 discs on
SPIDER slices none is above 0.68, of the remnants of less than 0.7 of the depth on phantoms that are
outlined beyond their ends all are above 0.84."""

CUT: Mapping[DiscLevel, Model] = {
    level: Model(
        intercept,
        {
            "tilt_deg": Term(tilt, 15.0, -20.0, 60.0),
            "bend_deg": Term(bend, 15.0, -10.0, 40.0),
            "promontory_deg": Term(promontory, 20.0, -20.0, 60.0),
            "below_ratio": Term(below, 0.95, 0.5, 1.2),
        },
    )
    for level, intercept, tilt, bend, promontory, below in (
        (DiscLevel.L5_S1, 0.12, 0.177, 0.015, 0.094, -11.59),
        (DiscLevel.L4_L5, 1.54, 0.024, -0.039, -0.009, -0.42),
        (DiscLevel.L3_L4, -1.66, -0.201, 0.024, -0.085, 12.02),
    )
}
"""Logits of the level of the lowest disc in an image that ends above the sacrum."""


@dataclass(frozen=True)
class Junction:
    """The level of the lowest disc.

    Parameters
    ----------
    lowest
        Level of the lowest disc that gets a name.
    skipped
        Number of discs below it, inside the sacrum, without a name.
    probability
        Of this level, 0 to 1.
    sacrum_seen
        Whether the sacrum lies directly below the lowest disc.
    signs
        ``None`` with too few discs.
    """

    lowest: DiscLevel
    skipped: int
    probability: float
    sacrum_seen: bool
    signs: JunctionSigns | None

    @property
    def transitional(self) -> bool:
        """Whether a full-depth S1-S2 disc lies below a squared S1 (O'Driscoll type 4)."""
        return self.lowest is DiscLevel.S1_S2 and _full_depth_below_squared(self.signs)

    @property
    def possibly_transitional(self) -> bool:
        """Whether the name L5-S1 is uncertain and the disc may be such an S1-S2 disc."""
        doubtful = self.sacrum_seen and self.probability < CERTAIN
        lumbar = self.lowest is DiscLevel.L5_S1
        return doubtful and lumbar and _full_depth_below_squared(self.signs)


def _full_depth_below_squared(signs: JunctionSigns | None) -> bool:
    return signs is not None and signs.depth_ratio >= FULL_DEPTH and signs.taper_ratio >= SQUARED


def find_junction(found: FoundSpine, discs: Sequence[FoundDisc]) -> Junction:
    """The level of the lowest disc.

    Parameters
    ----------
    found
        Output of the segmenter.
    discs
        Its discs, caudal to cranial; at least one.
    """
    seen = found.sacrum is not None and _reaches(found.sacrum, discs)
    if seen or _next_would_show(found.grid, discs):
        return _above_sacrum(found, discs, seen)
    return _without_sacrum(found, discs)


def _next_would_show(grid: Grid, discs: Sequence[FoundDisc]) -> bool:
    """Whether the image reaches far enough below the lowest disc to show one more."""
    below = discs[0].mask.centroid_mm - [0.0, 0.0, ROOM_BELOW * usual_distance(discs)]
    index = grid.to_index(below)
    return bool(((index > -0.5) & (index < np.array(grid.shape) - 0.5)).all())


def _above_sacrum(found: FoundSpine, discs: Sequence[FoundDisc], seen: bool) -> Junction:
    signs = junction_signs(found, discs)
    if signs is None and len(discs) > LEAST_DISCS:  # the lowest one is not on the column
        above = _above_sacrum(found, discs[1:], seen)
        return replace(above, skipped=above.skipped + 1, probability=min(above.probability, 0.5))
    if signs is None:
        return Junction(DiscLevel.L5_S1, 0, USUAL, seen, None)
    residual = _residual(signs)
    if residual <= 0.5:
        return Junction(DiscLevel.L5_S1, 0, 1 - residual, seen, signs)
    next_signs = junction_signs(found, discs[1:])
    deeper = 0.0 if next_signs is None else _residual(next_signs)
    if deeper > CERTAIN:  # a second residual disc is rare: none was found on 202 SPIDER slices
        return Junction(DiscLevel.S1_S2, 1, deeper, seen, next_signs)
    return Junction(DiscLevel.S1_S2, 0, min(residual, max(1 - deeper, 0.5)), seen, signs)


def _residual(signs: JunctionSigns) -> float:
    """Probability that the lowest disc above a sacrum is a residual S1-S2 disc."""
    return _sigmoid(RESIDUAL.logit(signs) + FUSED.of(signs.bone_across))


def _without_sacrum(found: FoundSpine, discs: Sequence[FoundDisc]) -> Junction:
    signs = junction_signs(found, discs)
    if signs is None:
        return Junction(DiscLevel.L5_S1, 0, 1 / len(CUT), False, None)
    logits = np.array([model.logit(signs) for model in CUT.values()])
    odds = np.exp(logits - logits.max())
    best = int(odds.argmax())
    return Junction(list(CUT)[best], 0, float(odds[best] / odds.sum()), False, signs)


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-min(max(logit, -50.0), 50.0)))


def usual_distance(discs: Sequence[FoundDisc]) -> float:
    """Median distance (mm) between neighbouring disc centres; 35 mm for a single disc."""
    centres = np.array([disc.mask.centroid_mm for disc in discs])
    if len(centres) < 2:
        return _USUAL_DISTANCE_MM
    return float(np.median(np.linalg.norm(np.diff(centres, axis=0), axis=1)))


def _reaches(sacrum: SoftMask, discs: Sequence[FoundDisc]) -> bool:
    """Whether the sacrum begins directly below the lowest disc."""
    inside = sacrum.grid.to_world(np.argwhere(sacrum.array > 0.5))
    if not len(inside):
        return False
    gap = np.linalg.norm(inside - discs[0].mask.centroid_mm, axis=1).min()
    return bool(gap < SACRUM_REACH * usual_distance(discs) / 2 + _SACRUM_MARGIN_MM)
