"""Features of a disc for the model of the suggested grade.

Every feature is a ratio of signals, so the unit of the image does not matter.  Signals are compared
with cerebrospinal fluid (CSF), marrow and the disc itself, so that no single reference decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.core.volume import Array
from discmri.measurement.signal import DiscSignal

FLUID_OVER_MARROW = 1.0
"""CSF with less than this share of the signal of marrow is not used: in 107 of 109 T2 slices of
SPIDER the median ratio is 1.04 to 3.8, in the others 0.99 and 1.02."""
FAINTEST = 1e-3  # smallest ratio to a reference tissue
FAINTEST_CELL = 0.02  # of the coarse picture
BRIGHTEST_DISCS = 2
ABOVE_L1 = frozenset({DiscLevel.T10_T11, DiscLevel.T11_T12, DiscLevel.T12_L1})


class Comparators(Enum):
    """Reference tissues with which the signal of a disc was compared."""

    FAT = "csf and presacral fat"
    BOTH = "csf and marrow"
    CSF = "csf"
    MARROW = "marrow"


def comparators_of(signal: DiscSignal) -> Comparators | None:
    """The reference tissues of a disc that can be used; ``None`` without any."""
    csf, marrow = signal.csf, signal.marrow
    if csf is None and marrow is None:
        return None
    if csf is None or (marrow is not None and csf < FLUID_OVER_MARROW * marrow):
        return Comparators.MARROW
    if signal.fat is not None:
        return Comparators.FAT
    return Comparators.CSF if marrow is None else Comparators.BOTH


def features(
    level: DiscLevel,
    signal: DiscSignal,
    brightest: float,
    comparators: Comparators,
) -> dict[str, float]:
    """Features of one disc by name.

    ``brightest`` is the signal of the brightest discs of the spine (:func:`brightest_discs`).
    :attr:`Comparators.MARROW` compares with marrow alone, :attr:`Comparators.CSF` with CSF alone,
    any other with both.
    """
    texture = signal.texture
    fluid, marrow = _used(signal, comparators)
    found = {
        "above_darkest": _log(texture.upper_quartile, texture.darkest),
        "variation": texture.variation,
        "above_l1": float(level in ABOVE_L1),
    }
    if fluid is not None:
        found |= {
            "inner_to_csf": _log(signal.inner, fluid),
            "bright_to_csf": _log(texture.bright, fluid),
            "dim_to_csf": _log(texture.dim, fluid),
        }
    if marrow is not None:
        found |= {
            "inner_to_marrow": _log(signal.inner, marrow),
            "outer_to_marrow": _log(signal.outer_posterior, marrow),
            "brightest_to_marrow": _log(brightest, marrow),
        }
    unit = fluid or marrow
    if unit is not None:
        found |= {
            "contrast": (signal.nucleus - signal.annulus) / unit,
            "step": signal.step / unit,
            "cleft": texture.cleft / unit,
        }
    return found


def picture_features(signal: DiscSignal, comparators: Comparators) -> Array:
    """Logarithms of the ratios of a disc's coarse picture to CSF, then to marrow.

    ``comparators`` are as in :func:`features`.
    """
    units = [unit for unit in _used(signal, comparators) if unit is not None]
    ratios = [np.maximum(signal.picture / unit, FAINTEST_CELL) for unit in units]
    return np.asarray(np.log(np.ravel(ratios)))


def _used(signal: DiscSignal, comparators: Comparators) -> tuple[float | None, float | None]:
    """CSF and marrow, ``None`` if not compared with."""
    fluid = signal.csf if comparators is not Comparators.MARROW else None
    return fluid, signal.marrow if comparators is not Comparators.CSF else None


def brightest_discs(signals: Iterable[DiscSignal]) -> float:
    """Mean inner signal of the two brightest discs of a spine; 0 without any."""
    bright = sorted(one.inner for one in signals)[-BRIGHTEST_DISCS:]
    return float(np.mean(bright)) if bright else 0.0


def _log(value: float, comparator: float) -> float:
    return float(np.log(max(value / max(comparator, 1e-9), FAINTEST)))
