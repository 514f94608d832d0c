"""Diffusion-weighted images and ADC maps, in one form for all vendors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from discmri.core.volume import Array, Volume

B0_BELOW_S_PER_MM2 = 5.0
"""Smaller b-values count as zero."""


class DirectionKind(Enum):
    """The diffusion gradient of one image."""

    NONE = "none"  # b = 0
    DIRECTIONAL = "directional"  # one gradient direction
    TRACE = "trace"  # combined over directions (isotropic, trace-weighted)
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class BValue:
    """One image's diffusion weighting and where it was read.

    Parameters
    ----------
    value_s_per_mm2
        Nominal b-value; below :data:`B0_BELOW_S_PER_MM2` it counts as zero.
    source
        The tag it came from, such as ``"(0018,9087)"`` or ``"GE (0043,1039)"``.
    kind
        One gradient direction or a combination of directions.
    direction
        Unit vector in RAS+; ``None`` if unknown.
    measured_s_per_mm2
        The b-value that was really applied, if the header gives it and it differs.
    declared_s_per_mm2
        The b-value in the header, if it is so near zero that it counts as zero.
    """

    value_s_per_mm2: float
    source: str
    kind: DirectionKind = DirectionKind.UNKNOWN
    direction: tuple[float, float, float] | None = None
    measured_s_per_mm2: float | None = None
    declared_s_per_mm2: float | None = None


@dataclass(frozen=True, eq=False)
class DiffusionSeries:
    """All weightings of one acquisition on one grid.

    Parameters
    ----------
    signal
        (i, j, k, n) non-negative MR signal, comparable across n.
    affine
        (4, 4), voxel index to RAS+ millimetres.
    b_values
        n entries, in the order of the last axis.
    phase_axis
        RAS+ unit vector of the phase-encoding direction (sign unknown), along which EPI
        distorts; ``None`` if not in the header.
    frame_of_reference_uid
        Images with the same value share one patient space.
    series_uid
        Series Instance UID.
    averages
        Number of averaged acquisitions of each of the n images; empty if unknown.
    """

    signal: Array
    affine: Array
    b_values: tuple[BValue, ...]
    phase_axis: tuple[float, float, float] | None = None
    frame_of_reference_uid: str = ""
    series_uid: str = ""
    averages: tuple[float, ...] = ()

    @property
    def b_s_per_mm2(self) -> Array:
        """(n,) nominal b-values; near-zero ones are exactly zero."""
        b = np.array([v.value_s_per_mm2 for v in self.b_values], dtype=float)
        return np.where(b < B0_BELOW_S_PER_MM2, 0.0, b)

    def volume(self, n: int) -> Volume:
        """The n-th image."""
        return Volume(self.signal[..., n], self.affine)


@dataclass(frozen=True, eq=False)
class AdcMap:
    """A scanner's ADC map in known units.

    Parameters
    ----------
    volume
        Values in µm²/ms (10⁻³ mm²/s), unit ``"um2/ms"``.
    unit_source
        The tag or rule that gave the unit, such as ``"Real World Value Mapping (mm2/s)"``.
    frame_of_reference_uid, series_uid
        As in :class:`DiffusionSeries`.
    """

    volume: Volume
    unit_source: str
    frame_of_reference_uid: str = ""
    series_uid: str = ""
