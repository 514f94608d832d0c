"""What a traced disc is made of: its frame, its cuts and its corners.

The frame sits in the disc: ``anterior`` lies along the disc axis (bisector of the two
endplates), ``cranial`` is the disc normal, ``left`` completes it.  The mid-sagittal plane is
the disc's own, so a scoliotic or rotated disc is not shortened.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, SoftMask


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

    def turned(self, angle_rad: float) -> DiscFrame:
        """The same frame turned about ``left`` so that ``anterior`` rises by an angle."""
        c, s = np.cos(angle_rad), np.sin(angle_rad)
        return DiscFrame(
            self.origin_mm,
            c * self.anterior + s * self.cranial,
            c * self.cranial - s * self.anterior,
            self.left,
        )

    def moved(self, offset: Array) -> DiscFrame:
        """The same axes with the origin at frame coordinates ``offset`` (3,)."""
        return DiscFrame(self.to_world(offset), self.anterior, self.cranial, self.left)


@dataclass(frozen=True, eq=False)
class Section:
    """One sagittal cut through a disc, parallel to its mid-sagittal plane.

    Parameters
    ----------
    left_mm
        Position of the cut along the frame's left axis.
    x_mm
        (n,) column positions along the anterior axis, ascending (posterior to anterior), from
        end to end of the outline.
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

    @property
    def width_mm(self) -> float:
        """Extent along the anterior axis, bulges included."""
        return float(self.x_mm[-1] - self.x_mm[0])

    @property
    def area_mm2(self) -> float:
        """Area inside the contour (shoelace formula)."""
        x, y = self.contour_mm.T
        return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)

    def position(self, share: float) -> float:
        """Anterior coordinate of the column at ``share`` of the width, counted from the front."""
        return float(self.x_mm[-1] - share * self.width_mm)

    def between(self, first: float, last: float) -> tuple[Array, Array, Array]:
        """Columns x, upper, lower from ``first`` to ``last`` share of the width from the front.

        The two bounding columns are interpolated, so the range is exact.
        """
        back, front = self.position(last), self.position(first)
        inner = (self.x_mm > back) & (self.x_mm < front)
        x = np.concatenate([[back], self.x_mm[inner], [front]])
        return x, np.interp(x, self.x_mm, self.upper_mm), np.interp(x, self.x_mm, self.lower_mm)


@dataclass(frozen=True, eq=False)
class Corners:
    """Four corners of a disc or of a vertebral body in the mid-sagittal plane.

    Each is (2,): (anterior, cranial) in the disc's frame, millimetres.
    """

    upper_anterior: Array
    upper_posterior: Array
    lower_anterior: Array
    lower_posterior: Array


class BodyEnd(Enum):
    """What is known of the end of a body that faces away from the disc."""

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
        Where it is not ``SEEN``, the corners that face the disc are repeated for it.
    """

    upper_middle: Array
    lower_middle: Array
    far_end: BodyEnd = BodyEnd.SEEN

    @property
    def height_mm(self) -> float | None:
        """Mean of the anterior, middle and posterior heights; ``None`` where not seen."""
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
    """Where a disc lies, and its border in its mid-sagittal plane.

    Parameters
    ----------
    level
        Which disc.
    frame
        The disc's own frame.
    left_mm
        Where the mid-sagittal plane lies, left of the frame's origin.
    contour_mm
        (m, 2) closed border there, (anterior, cranial).
    """

    level: DiscLevel
    frame: DiscFrame
    left_mm: float
    contour_mm: Array

    @property
    def contour_world_mm(self) -> Array:
        """(m, 3) the border in RAS+ millimetres."""
        left = np.full(len(self.contour_mm), self.left_mm)
        return self.frame.to_world(np.column_stack([self.contour_mm, left]))

    def line_mm(self, share: float) -> Array | None:
        """(2, 3) lower and upper end of the height at a share of the width from the front, RAS+.

        ``None`` where the border is not crossed there.
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
        Corners of the adjacent bodies in this disc's frame; ``None`` where not found.
    border_sd_mm
        Standard uncertainty of a border position from softness and resolution.
    """

    frame: DiscFrame
    mid: Section
    sections: tuple[Section, ...]
    corners: Corners
    mask: SoftMask
    above: BodyCorners | None
    below: BodyCorners | None
    border_sd_mm: float

    def border(self, level: DiscLevel) -> DiscBorder:
        """The border in the mid-sagittal plane, under a disc's name."""
        return DiscBorder(level, self.frame, self.mid.left_mm, self.mid.contour_mm)
