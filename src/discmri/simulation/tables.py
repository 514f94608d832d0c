"""Tables of values of whole trials, drawn from known parts of noise; no images.

A value is the disc's own, plus the effect of treatment, plus a part of its day and a part of its
scan.  Repeats of one session share the day's part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DISCS = 5
"""L1-L2 to L5-S1; the treated one goes round by subject."""


@dataclass(frozen=True)
class TableDesign:
    """A trial whose values are drawn."""

    active: int = 5  # subjects of the active arm
    control: int = 0  # subjects of the control arm; without any there is one group
    visits: int = 1  # after the first one
    repeats: int = 0  # subjects whose first visit is scanned twice
    # whether those repeats are made on another day; in the same session otherwise
    other_day: bool = False
    session_sd: float = 0.1  # of one disc from scan to scan of a session
    day_sd: float = 0.25  # of one disc from day to day
    shared: float = 0.0  # share of both variances that all discs of a scan have in common, 0 to 1
    effect: float = 0.0  # mean change of the treated disc in the active arm
    effect_sd: float = 0.0  # its standard deviation over subjects
    shift: float = 0.0  # change of all discs at every later visit, such as from the time of day

    @property
    def subjects(self) -> int:
        """Of both arms."""
        return self.active + self.control


@dataclass(frozen=True, eq=False)
class DrawnTable:
    """Values of one drawn trial."""

    design: TableDesign
    values: NDArray[np.float64]  # (subjects, visits with the first, DISCS)
    again: NDArray[np.float64]  # (repeats, DISCS), second scans of the first visit
    treated: NDArray[np.int_]  # (subjects,) place of the treated disc


def draw_table(design: TableDesign, rng: np.random.Generator) -> DrawnTable:
    """Draw the values of one trial; the same generator state gives the same table."""
    n, scans = design.subjects, design.visits + 1
    base = rng.normal(9.0, 1.5, (n, 1, DISCS)).clip(4.0)
    day = _noise(rng, (n, scans, DISCS), design.day_sd, design.shared)
    values = base + day + _noise(rng, (n, scans, DISCS), design.session_sd, design.shared)
    treated = np.arange(n) % DISCS
    gain = rng.normal(design.effect, design.effect_sd, n) * (np.arange(n) < design.active)
    values[:, 1:, :] += design.shift
    values[np.arange(n), 1:, treated] += gain[:, None]
    k = design.repeats
    other = _noise(rng, (k, DISCS), design.day_sd, design.shared)
    again = base[:k, 0] + (other if design.other_day else day[:k, 0])
    again = again + _noise(rng, (k, DISCS), design.session_sd, design.shared)
    return DrawnTable(design, values, again, treated)


def _noise(rng: np.random.Generator, shape: tuple[int, ...], sd: float, shared: float) -> Any:
    """Noise of discs (last axis), of whose variance a share is common to all of them."""
    common = rng.normal(0.0, 1.0, (*shape[:-1], 1))
    return sd * (np.sqrt(shared) * common + np.sqrt(1.0 - shared) * rng.normal(0.0, 1.0, shape))
