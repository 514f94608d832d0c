"""The outline of a disc: frame, sections and corners.

In the frame of a disc, ``anterior`` is the disc axis (bisector of the two endplates), ``cranial`` the
disc normal, and ``left`` perpendicular to both.  Each disc has its own mid-sagittal plane, so that
scoliosis or rotation does not shorten it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, SoftMask


@dataclass(frozen=True, eq=False)
class DiscFrame:
    """An orthonormal frame in a disc.

    Parameters
    ----------
    origin_mm
        (3,) RAS+, centre of the disc in its mid-sagittal plane.
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

    def turned(self, angle_rad: float) -> DiscFrame:
        """The frame rotated about ``left``, so that ``anterior`` rises by an angle in radians."""
        c, s = np.cos(angle_rad), np.sin(angle_rad)
        return DiscFrame(
            self.origin_mm,
            c * self.anterior + s * self.cranial,
            c * self.cranial - s * self.anterior,
            self.left,
        )

    def moved(self, offset: Array) -> DiscFrame:
        """The frame with its origin moved to frame coordinates ``offset`` (3,), mm."""
        return DiscFrame(self.to_world(offset), self.anterior, self.cranial, self.left)


@dataclass(frozen=True, eq=False)
class DiscSection:
    """A section through a disc parallel to its mid-sagittal plane.

    Parameters
    ----------
    left_mm
        Position along the left axis of the frame.
    x_mm
        (n,) column positions along the anterior axis, ascending from the posterior to the
        anterior end of the outline.
    upper_mm, lower_mm
        (n,) cranial coordinates of the upper and lower border of each column.
    contour_mm
        (m, 2) closed border (anterior, cranial), sub-voxel, m >= 4.
    """

    left_mm: float
    x_mm: Array
    upper_mm: Array
    lower_mm: Array
    contour_mm: Array

    @property
    def width_mm(self) -> float:
        """Extent along the anterior axis in mm, including bulges."""
        return float(self.x_mm[-1] - self.x_mm[0])

    @property
    def area_mm2(self) -> float:
        """Area inside the contour in mm² (shoelace formula)."""
        x, y = self.contour_mm.T
        return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)

    def position(self, share: float) -> float:
        """Anterior coordinate in mm at ``share`` of the width from the front."""
        return float(self.x_mm[-1] - share * self.width_mm)

    def between(self, first: float, last: float) -> tuple[Array, Array, Array]:
        """Columns x, upper, lower in mm between two shares of the width from the front.

        The two outer columns are interpolated.
        """
        back, front = self.position(last), self.position(first)
        inner = (self.x_mm > back) & (self.x_mm < front)
        x = np.concatenate([[back], self.x_mm[inner], [front]])
        return x, np.interp(x, self.x_mm, self.upper_mm), np.interp(x, self.x_mm, self.lower_mm)


@dataclass(frozen=True, eq=False)
class Corners:
    """Four corners of a disc or vertebral body in the mid-sagittal plane.

    Each is (2,): (anterior, cranial) in the frame of the disc, millimetres.
    """

    upper_anterior: Array
    upper_posterior: Array
    lower_anterior: Array
    lower_posterior: Array


class BodyEnd(Enum):
    """State of the end of a vertebral body that is far from the disc."""

    SEEN = "seen"
    SACRUM = "sacrum"
    CUT = "cut"


@dataclass(frozen=True, eq=False)
class BodyCorners(Corners):
    """Corners of a vertebral body with the middles of its endplates.

    Parameters
    ----------
    upper_middle, lower_middle
        (2,) points of the endplates half-way between their corners.
    far_end
        State of the far end.  If it is not ``SEEN``, its corners repeat those of the near end.
    """

    upper_middle: Array
    lower_middle: Array
    far_end: BodyEnd = BodyEnd.SEEN

    @property
    def height_mm(self) -> float | None:
        """Mean of the anterior, middle and posterior heights in mm; ``None`` if not seen."""
        if self.far_end is not BodyEnd.SEEN:
            return None
        pairs = (
            (self.upper_anterior, self.lower_anterior),
            (self.upper_middle, self.lower_middle),
            (self.upper_posterior, self.lower_posterior),
        )
        return float(np.mean([np.linalg.norm(top - bottom) for top, bottom in pairs]))


@dataclass(frozen=True, eq=False)
class DiscBorder:
    """The border of a disc in its mid-sagittal plane.

    Parameters
    ----------
    level
        Level of the disc.
    frame
        Frame of the disc.
    left_mm
        Position of the mid-sagittal plane along the left axis.
    contour_mm
        (m, 2) closed border, (anterior, cranial).
    """

    level: DiscLevel
    frame: DiscFrame
    left_mm: float
    contour_mm: Array

    @property
    def contour_world_mm(self) -> Array:
        """(m, 3) border in RAS+ millimetres."""
        left = np.full(len(self.contour_mm), self.left_mm)
        return self.frame.to_world(np.column_stack([self.contour_mm, left]))

    def line_mm(self, share: float) -> Array | None:
        """(2, 3) lower and upper end of the height at a share of the width from the front, RAS+ mm.

        ``None`` if the border is not crossed at this position.
        """
        contour = self.contour_mm
        front, back = contour[:, 0].max(), contour[:, 0].min()
        x = front - share * (front - back)
        start, stop = contour, np.roll(contour, -1, axis=0)
        crossed = (start[:, 0] <= x) != (stop[:, 0] <= x)
        if crossed.sum() < 2:
            return None
        (x0, y0), (x1, y1) = start[crossed].T, stop[crossed].T
        y = y0 + (x - x0) * (y1 - y0) / (x1 - x0)
        ends = np.array([[x, y.min(), self.left_mm], [x, y.max(), self.left_mm]])
        return self.frame.to_world(ends)


@dataclass(frozen=True, eq=False)
class DiscOutline:
    """The traced outline of one disc.

    Parameters
    ----------
    frame
        Frame of the disc.
    mid
        Section in the mid-sagittal plane.
    sections
        Sections at the central slices, left to right, including ``mid``.
    corners
        Ends of the two endplates on the border of the disc.
    mask
        The traced soft mask.
    above, below
        Corners of the adjacent bodies in the frame of this disc; ``None`` if not found.
    border_sd_mm
        Standard uncertainty of a border position due to blur and resolution.
    """

    frame: DiscFrame
    mid: DiscSection
    sections: tuple[DiscSection, ...]
    corners: Corners
    mask: SoftMask
    above: BodyCorners | None
    below: BodyCorners | None
    border_sd_mm: float

    def border(self, level: DiscLevel) -> DiscBorder:
        """The border in the mid-sagittal plane."""
        return DiscBorder(level, self.frame, self.mid.left_mm, self.mid.contour_mm)
