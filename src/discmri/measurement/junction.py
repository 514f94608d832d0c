"""Which level the lowest disc is, by the signs of the lumbosacral junction, and how likely.

Two small logistic models weigh the signs of :mod:`discmri.measurement.junction_signs`.  Where the
sacrum is in the picture, or would be, the question is whether the lowest disc is L5-S1 or a residual S1-S2
disc; where it is not, whether it is L5-S1 or a disc above.  Both were fitted to the SPIDER slices
(van der Graaf 2024, CC BY 4.0) whose junction two readers named by eye; ``python -m
benchmarks.junction`` scores them, cross-validated by patient, and prints the coefficients anew.

A lumbar picture cannot tell a sixth lumbar vertebra from a fifth: the probability is that of
finding the junction, for five lumbar vertebrae.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from discmri.core.labels import FoundDisc, FoundSpine
from discmri.core.levels import DiscLevel
from discmri.core.volume import Grid, SoftMask
from discmri.measurement.junction_signs import JunctionSigns, junction_signs

CERTAIN = 0.9
"""Below this probability the names of the levels are marked as uncertain."""
FULL_DEPTH = 0.8
"""A residual disc at least this deep, as a share of the discs above, has the full depth ..."""
SQUARED = 0.95
"""... and S1 is squared where its lower end has at least this share of its upper end's depth:
the look of a transitional vertebra (O'Driscoll type 4)."""
THIN = 0.45
"""A lowest disc lower than this share of the discs above, of full depth and below a squared body, is a
worn L5-S1 or a full-depth S1-S2 disc below a lumbar-like S1: no sign tells the two apart."""
THIN_RIGHT = 0.75
"""How likely such a disc is L5-S1: it was on 2 of 2 SPIDER slices (rule of succession: 3 / 4)."""
USUAL = 0.94
"""Share of SPIDER slices on which the lowest disc found above a sacrum is L5-S1 (190 of 201):
the probability where there are too few discs for any sign."""
SACRUM_REACH = 1.3
"""A sacrum further below the lowest disc than this multiple of half the usual distance between
discs is not the next bone."""
ROOM_BELOW = 1.6
"""A picture that goes on for this multiple of the usual distance below the lowest disc would
show another lumbar disc if there were one."""
_SACRUM_MARGIN_MM = 5.0
_USUAL_DISTANCE_MM = 35.0


@dataclass(frozen=True)
class Term:
    """The part of one sign in a logit: ``weight * (value - usual)``, the value clipped.

    A sign that is not visible counts as usual, and so not at all.
    """

    weight: float
    usual: float
    low: float
    high: float

    def of(self, value: float) -> float:
        """The part of this sign."""
        if not math.isfinite(value):
            return 0.0
        return self.weight * (min(max(value, self.low), self.high) - self.usual)


@dataclass(frozen=True)
class Model:
    """A logit made of the signs."""

    intercept: float
    terms: Mapping[str, Term]

    def logit(self, signs: JunctionSigns) -> float:
        """Log odds of what the model tells."""
        values = sign_values(signs)
        return self.intercept + sum(term.of(values[name]) for name, term in self.terms.items())


def sign_values(signs: JunctionSigns) -> dict[str, float]:
    """The signs as the models take them: the share of sacrum by its decimal logarithm."""
    share = signs.sacral_share
    return {
        **vars(signs),
        "sacral_share_log10": math.log10(max(share, 1e-9)) if share >= 0 else float("nan"),
    }


RESIDUAL = Model(
    -2.70,
    {
        "sacral_share_log10": Term(1.95, -3.0, -4.0, 0.0),
        "depth_ratio": Term(-4.88, 0.80, 0.3, 1.3),
        "height_ratio": Term(-1.85, 0.70, 0.0, 1.5),
        "bone_ratio": Term(-2.93, 0.92, 0.6, 1.3),
        "below_ratio": Term(-3.06, 0.75, 0.4, 1.2),
        "spacing_ratio": Term(-12.85, 0.95, 0.7, 1.3),
    },
)
"""Log odds that the lowest disc above a sacrum is a residual S1-S2 disc."""

CUT: Mapping[DiscLevel, Model] = {
    level: Model(
        intercept,
        {
            "tilt_deg": Term(tilt, 15.0, -20.0, 60.0),
            "bend_deg": Term(bend, 15.0, -10.0, 40.0),
            "bone_ratio": Term(bone, 1.0, 0.7, 1.3),
        },
    )
    for level, intercept, tilt, bend, bone in (
        (DiscLevel.L5_S1, -0.30, 0.234, 0.038, -11.74),
        (DiscLevel.L4_L5, 1.24, 0.016, -0.050, 1.75),
        (DiscLevel.L3_L4, -0.94, -0.250, 0.012, 9.99),
    )
}
"""Logits of the level of the lowest disc in a picture that ends above the sacrum."""


@dataclass(frozen=True)
class Junction:
    """What the lowest disc is taken for.

    Parameters
    ----------
    lowest
        Level of the lowest disc that gets a name.
    skipped
        How many discs below it lie deeper in the sacrum and get none.
    probability
        Of this naming, 0 to 1.
    sacrum_seen
        Whether the sacrum lies right below the lowest disc.
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
    def thin(self) -> bool:
        """Whether what is called L5-S1 may as well be such a disc: it is much lower than the others."""
        return self.lowest is DiscLevel.L5_S1 and _thin(self.signs)


def _full_depth_below_squared(signs: JunctionSigns | None) -> bool:
    return signs is not None and signs.depth_ratio >= FULL_DEPTH and signs.taper_ratio >= SQUARED


def _thin(signs: JunctionSigns | None) -> bool:
    return signs is not None and signs.height_ratio < THIN and _full_depth_below_squared(signs)


def find_junction(found: FoundSpine, discs: Sequence[FoundDisc]) -> Junction:
    """Decide which level the lowest disc is.

    Parameters
    ----------
    found
        What the segmenter returned.
    discs
        Its discs, caudal to cranial; at least one.
    """
    seen = found.sacrum is not None and _reaches(found.sacrum, discs)
    if seen or _next_would_show(found.grid, discs):
        return _above_sacrum(found, discs, seen)
    return _without_sacrum(found, discs)


def _next_would_show(grid: Grid, discs: Sequence[FoundDisc]) -> bool:
    """Whether the picture reaches so far below the lowest disc that one more would be seen."""
    below = discs[0].mask.centroid_mm - [0.0, 0.0, ROOM_BELOW * usual_distance(discs)]
    index = grid.to_index(below)
    return bool(((index > -0.5) & (index < np.array(grid.shape) - 0.5)).all())


def _above_sacrum(found: FoundSpine, discs: Sequence[FoundDisc], seen: bool) -> Junction:
    signs = junction_signs(found, discs)
    if signs is None:
        return Junction(DiscLevel.L5_S1, 0, USUAL, seen, None)
    residual = _sigmoid(RESIDUAL.logit(signs))
    if residual <= 0.5:
        most = THIN_RIGHT if _thin(signs) else 1.0
        return Junction(DiscLevel.L5_S1, 0, min(1 - residual, most), seen, signs)
    above = junction_signs(found, discs[1:])
    if above is not None and _sigmoid(RESIDUAL.logit(above)) > 0.5:
        probability = _sigmoid(RESIDUAL.logit(above))
        return Junction(DiscLevel.S1_S2, 1, probability, seen, above)
    return Junction(DiscLevel.S1_S2, 0, residual, seen, signs)


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
    """Median distance between neighbouring disc centres; 35 mm where there is one disc."""
    centres = np.array([disc.mask.centroid_mm for disc in discs])
    if len(centres) < 2:
        return _USUAL_DISTANCE_MM
    return float(np.median(np.linalg.norm(np.diff(centres, axis=0), axis=1)))


def _reaches(sacrum: SoftMask, discs: Sequence[FoundDisc]) -> bool:
    """Whether the sacrum begins right below the lowest disc."""
    inside = sacrum.grid.to_world(np.argwhere(sacrum.array > 0.5))
    if not len(inside):
        return False
    gap = np.linalg.norm(inside - discs[0].mask.centroid_mm, axis=1).min()
    return bool(gap < SACRUM_REACH * usual_distance(discs) / 2 + _SACRUM_MARGIN_MM)
