"""The spine on one sagittal slice: image region, contours and display window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, Volume
from discmri.results.pictures.canvas import window
from discmri.results.residual import border_mm

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

_ANTERIOR_MARGIN_MM = 40.0
_POSTERIOR_MARGIN_MM = 65.0
_VERTICAL_MARGIN_MM = 28.0
_CANAL_MM = 20.0


@dataclass(frozen=True, eq=False)
class ShownSlice:
    """A sagittal slice as displayed, anterior on the left, cranial up.

    ``across`` and ``up`` are array axes.  ``signs`` orient them so that x increases posteriorly and y
    cranially, both in millimetres from voxel (0, 0).
    """

    image: Volume
    across: int
    up: int
    number: int
    signs: tuple[float, float]

    def project(self, points_mm: Array) -> Array:
        """Return (n, 2) display coordinates of (n, 3) RAS+ points, in mm, from patient left."""
        index = self.image.grid.to_index(points_mm)[:, [self.across, self.up]]
        spacing = self.image.spacing_mm[[self.across, self.up]]
        return np.asarray(index * spacing * np.array(self.signs))

    def pixels(self) -> Array:
        """(rows, columns) with rows along y, cranial first, and columns along x."""
        plane = np.moveaxis(self.image.array, self.image.sagittal_axis, 0)[self.number]
        if self.across > self.up:
            plane = plane.T
        plane = plane[:: int(self.signs[0]), :: -int(self.signs[1])]
        return np.asarray(plane.T, dtype=np.float32)

    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top edge of the slice, mm."""
        edges = []
        for axis, sign in zip((self.across, self.up), self.signs, strict=True):
            spacing = float(self.image.spacing_mm[axis])
            ends = sorted((-0.5 * spacing * sign, (self.image.shape[axis] - 0.5) * spacing * sign))
            edges += ends
        return edges[0], edges[1], edges[2], edges[3]


@dataclass(frozen=True, eq=False)
class SpineView:
    """The slice with the borders of the discs, cropped to the spine."""

    shown: ShownSlice
    contours: Mapping[DiscLevel, Array]  # (n, 2) border of each disc in display coordinates, mm
    residuals: Mapping[DiscLevel, Array]  # the same of residual discs, closed
    # left, right, bottom and top edge of the displayed region, mm
    region: tuple[float, float, float, float]
    window: tuple[float, float]  # signal displayed as black and as white

    @classmethod
    def of(cls, result: StudyResult) -> SpineView:
        """The slice closest to the mid-sagittal planes of the discs."""
        shown = shown_slice(result)
        contours = {
            level: shown.project(border.contour_world_mm)
            for level, border in result.borders.items()
        }
        residuals = {
            level: shown.project(border_mm(mask)) for level, mask in result.residual_masks.items()
        }
        measured = list(contours.values())
        return cls(
            shown,
            contours,
            residuals,
            _region(shown, [*measured, *residuals.values()]),
            window(_near_spine(shown, shown.pixels(), measured)),
        )


def shown_slice(result: StudyResult) -> ShownSlice:
    """The slice closest to the mid-sagittal planes of the discs."""
    image = result.image
    sagittal = image.sagittal_axis
    in_plane = [axis for axis in range(3) if axis != sagittal]
    up = max(in_plane, key=lambda axis: abs(image.grid.directions[2, axis]))
    across = next(axis for axis in in_plane if axis != up)
    origins = [border.frame.origin_mm for border in result.borders.values()]
    middle = image.grid.to_index(np.array(origins))[:, sagittal].mean() if origins else None
    count = image.shape[sagittal]
    number = count // 2 if middle is None else int(np.clip(round(float(middle)), 0, count - 1))
    signs = (
        -float(np.sign(image.grid.directions[1, across]) or 1.0),
        float(np.sign(image.grid.directions[2, up]) or 1.0),
    )
    return ShownSlice(image, across, up, number, signs)


def _near_spine(shown: ShownSlice, pixels: Array, contours: Sequence[Array]) -> Array:
    """Pixels around discs and canal, so that distant bright fat does not affect the window."""
    if not contours:
        return pixels
    left, right, bottom, top = shown.extent()
    points = np.vstack(contours)
    x = np.linspace(left, right, pixels.shape[1])
    y = np.linspace(top, bottom, pixels.shape[0])
    across = (x > points[:, 0].min()) & (x < points[:, 0].max() + _CANAL_MM)
    up = (y > points[:, 1].min()) & (y < points[:, 1].max())
    return pixels[np.ix_(up, across)]


def _region(shown: ShownSlice, contours: Sequence[Array]) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of the discs with a margin, within the slice, mm."""
    left, right, bottom, top = shown.extent()
    if not contours:
        return left, right, bottom, top
    points = np.vstack(contours)
    return (
        max(left, float(points[:, 0].min()) - _ANTERIOR_MARGIN_MM),
        min(right, float(points[:, 0].max()) + _POSTERIOR_MARGIN_MM),
        max(bottom, float(points[:, 1].min()) - _VERTICAL_MARGIN_MM),
        min(top, float(points[:, 1].max()) + _VERTICAL_MARGIN_MM),
    )
