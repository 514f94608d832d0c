"""The border of one disc in its own frame: what every height and shape is computed from.

The frame sits in the disc: ``anterior`` lies along the disc axis (bisector of the two
endplates), ``cranial`` is the disc normal, ``left`` completes it.  The mid-sagittal plane is
the disc's own, so a scoliotic or rotated disc is not shortened.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from discmri.volume import Array, SoftMask


@dataclass(frozen=True, eq=False)
class DiscFrame:
    """A right-angled frame in a disc.

    Parameters
    ----------
    origin_mm
        (3,) RAS+, in the middle of the disc on its mid-sagittal plane.
    anterior, cranial, left
        (3,) orthogonal unit vectors, RAS+.
    """

    origin_mm: Array
    anterior: Array
    cranial: Array
    left: Array

    @property
    def axes(self) -> Array:
        """(3, 3) rows anterior, cranial, left."""
        return np.stack([self.anterior, self.cranial, self.left])

    def to_world(self, points: Array) -> Array:
        """Frame coordinates (..., 3) = (anterior, cranial, left) mm to RAS+ mm."""
        return np.asarray(np.asarray(points, dtype=float) @ self.axes + self.origin_mm)

    def to_frame(self, points_mm: Array) -> Array:
        """RAS+ mm (..., 3) to frame coordinates (anterior, cranial, left) mm."""
        return np.asarray((np.asarray(points_mm, dtype=float) - self.origin_mm) @ self.axes.T)


@dataclass(frozen=True, eq=False)
class Section:
    """One sagittal cut through a disc, parallel to its mid-sagittal plane.

    Parameters
    ----------
    left_mm
        Position of the cut along the frame's left axis.
    x_mm
        (n,) column positions along the anterior axis, ascending (posterior to anterior).
    upper_mm, lower_mm
        (n,) cranial coordinates of the upper and the lower border in each column.
    contour_mm
        (m, 2) closed border (anterior, cranial), sub-voxel, m >= 4.
    """

    left_mm: float
    x_mm: Array
    upper_mm: Array
    lower_mm: Array
    contour_mm: Array


@dataclass(frozen=True, eq=False)
class Corners:
    """Four corners of a disc or of a vertebral body in the mid-sagittal plane.

    Each is (2,): (anterior, cranial) in the disc's frame, millimetres.
    """

    upper_anterior: Array
    upper_posterior: Array
    lower_anterior: Array
    lower_posterior: Array


@dataclass(frozen=True, eq=False)
class DiscOutline:
    """All borders of one disc.

    Parameters
    ----------
    frame
        The disc's own frame.
    mid
        The cut at the mid-sagittal plane.
    sections
        The central cuts, left to right, ``mid`` among them; one per central slice.
    corners
        Ends of the two endplates on the disc's border.
    mask
        The soft mask that was traced.
    above, below
        Corners of the adjacent bodies in this disc's frame; ``None`` where not found
        (``below`` is ``None`` for the sacrum except for its upper corners, which
        are then repeated as lower ones).
    border_sd_mm
        Standard uncertainty of a border position from softness and resolution.
    """

    frame: DiscFrame
    mid: Section
    sections: tuple[Section, ...]
    corners: Corners
    mask: SoftMask
    above: Corners | None
    below: Corners | None
    border_sd_mm: float
