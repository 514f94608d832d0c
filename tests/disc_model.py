"""One disc between two bodies as plain formulas, with its truth read off a very fine grid.

Local coordinates (x, y, left) point anterior, cranial and left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from discmri.core.labels import NumberingMethod, SpineLabels
from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.volume import Grid, SoftMask

LEVEL = DiscLevel.L3_L4
PATIENT = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]])  # rows x, y, left in RAS+


def rotation(about_x_deg=0.0, about_y_deg=0.0, about_z_deg=0.0):
    """Rotation matrix about the patient axes R, A, S in turn."""
    matrix = np.eye(3)
    for axis, angle in enumerate((about_x_deg, about_y_deg, about_z_deg)):
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        one = np.eye(3)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        one[i, i] = one[j, j] = c
        one[i, j], one[j, i] = -s, s
        matrix = one @ matrix
    return matrix


@dataclass(frozen=True)
class DiscModel:
    height: float = 9.0
    wedge_deg: float = 8.0
    depth: float = 34.0
    width: float = 46.0
    hollow_upper: float = 1.2
    hollow_lower: float = 0.7
    bulge_front: float = 0.8
    bulge_back: float = 0.6
    slip: float = 0.0
    body_height: float = 27.0
    gap: float = 0.5
    turn: np.ndarray = field(default_factory=lambda: np.eye(3))
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def to_local(self, points):
        return (points - np.array(self.centre)) @ (PATIENT @ self.turn.T).T

    def upper(self, x, left):
        u = x - self.slip / 2
        hollow = np.maximum(0, 1 - (2 * u / self.depth) ** 2 - (2 * left / self.width) ** 2)
        return (
            self.height / 2
            + np.tan(np.radians(self.wedge_deg / 2)) * x
            + self.hollow_upper * hollow
        )

    def lower(self, x, left):
        u = x + self.slip / 2
        hollow = np.maximum(0, 1 - (2 * u / self.depth) ** 2 - (2 * left / self.width) ** 2)
        return (
            -self.height / 2
            - np.tan(np.radians(self.wedge_deg / 2)) * x
            - self.hollow_lower * hollow
        )

    def disc(self, x, y, left):
        top, bottom = self.upper(x, left), self.lower(x, left)
        t = np.clip((2 * y - top - bottom) / np.maximum(top - bottom, 0.1), -1, 1)
        u = x - self.slip / 2 * t
        bulge = np.where(u > 0, self.bulge_front, self.bulge_back) * (1 - t**2)
        u = u * (1 - bulge / np.maximum(np.abs(u), self.depth / 4))
        return (y < top) & (y > bottom) & (self.foot(u, left) < 1)

    def foot(self, u, left, scale=1.0):
        return (
            np.abs(2 * u / self.depth / scale) ** 2.4 + np.abs(2 * left / self.width / scale) ** 2.4
        )

    def body(self, x, y, left, side):
        u = x - side * self.slip / 2
        start = self.upper(x, left) + self.gap if side > 0 else -(self.lower(x, left) - self.gap)
        z = side * y
        rim = self.height / 2 + self.gap
        t = np.clip((z - rim) / self.body_height, 0, 1) * 2 - 1
        scale = 1 - 0.08 * (1 - t**2)
        return (z > start) & (z < rim + self.body_height) & (self.foot(u, left, scale) < 1)

    def canal(self, x, y, left):
        centre = -self.depth / 2 - 11.0
        return ((x - centre) / 8.0) ** 2 + (left / 11.0) ** 2 + 0 * y < 1

    # truth, in the mid-plane and on the whole

    @cached_property
    def _mid(self):
        step = 0.02
        x = np.arange(-self.depth / 2 - 8, self.depth / 2 + 8, step) + 0.003
        y = np.arange(-self.height - 6, self.height + 6, step) + 0.003
        inside = self.disc(x[:, None], y[None, :], np.zeros((1, 1)))
        return x, inside.sum(axis=1) * step, step, inside

    @property
    def truth(self):
        x, column, step, inside = self._mid
        held = np.flatnonzero(column)
        front, back = x[held[-1]] + step / 2, x[held[0]] - step / 2
        width = front - back

        def at(share):
            return float(np.interp(front - share * width, x, column))

        shares = np.linspace(0.1, 0.9, 801)
        slope = np.tan(np.radians(self.wedge_deg / 2))
        half, shift = self.depth / 2, self.slip / 2

        def corner(end, side):
            return np.array(
                [
                    end * half + side * shift,
                    side * (self.height / 2 + slope * (end * half + side * shift)),
                ]
            )

        a = np.linalg.norm(corner(1, 1) - corner(1, -1))
        p = np.linalg.norm(corner(-1, 1) - corner(-1, -1))
        chord = np.linalg.norm(corner(1, 1) - corner(-1, 1))
        m = self._middle(corner)
        return {
            "height_columns_mm": float(np.mean([at(s) for s in shares])),
            "height_area_mm": float(inside.sum() * step**2 / width),
            "height_dabbs_mm": float(a + p) / 2,
            "height_hurxthal_mm": m,
            "height_three_point_mm": float(a + p + m) / 3,
            "height_anterior_mm": at(0.1),
            "height_middle_mm": at(0.5),
            "height_posterior_mm": at(0.9),
            "dhi_ap": float((a + p) / (2 * chord)),
            "width_ap_mm": float(width),
            "area_mm2": float(inside.sum() * step**2),
            "wedge_deg": self.wedge_deg,
            "listhesis_mm": self.slip,
        }

    def _middle(self, corner):
        points = []
        for side, surface in ((1, self.upper), (-1, self.lower)):
            middle = (corner(1, side) + corner(-1, side)) / 2
            along = corner(1, side) - corner(-1, side)
            normal = np.array([-along[1], along[0]]) / np.linalg.norm(along)
            t = np.linspace(-6, 6, 24001)
            line = middle[:, None] + normal[:, None] * t
            beyond = surface(line[0], np.zeros_like(t)) - line[1]
            points.append(line[:, np.argmin(np.abs(beyond))])
        return float(np.linalg.norm(points[0] - points[1]))

    @cached_property
    def truth_3d(self):
        step = np.array([0.25, 0.1, 0.25])
        axes = [
            np.arange(-self.depth / 2 - 4, self.depth / 2 + 4, step[0]) + 0.01,
            np.arange(-self.height - 4, self.height + 4, step[1]) + 0.01,
            np.arange(-self.width / 2 - 4, self.width / 2 + 4, step[2]) + 0.01,
        ]
        inside = self.disc(axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :])
        volume = inside.sum() * step.prod()
        face = inside.any(axis=1)
        return {
            "volume_mm3": float(volume),
            "height_3d_mm": float(volume / (face.sum() * step[0] * step[2])),
            "width_lr_mm": float(face.any(axis=0).sum() * step[2]),
        }


def sagittal_grid(
    spacing=0.7, between=4.0, slices=13, extent=(58.0, 74.0), turn=None, centre=(0.0, -4.0, 0.0)
):
    """A sagittal stack around a point, turned by a rotation matrix."""
    rows, columns = (round(e / spacing) for e in extent)
    directions = PATIENT.T if turn is None else turn @ PATIENT.T
    affine = np.eye(4)
    affine[:3, :3] = directions * (spacing, spacing, between)
    middle = (np.array([rows, columns, slices]) - 1) / 2
    affine[:3, 3] = np.array(centre) - affine[:3, :3] @ middle
    return Grid((rows, columns, slices), affine)


def rasterised(inside, model, grid, thickness=None, samples=(3, 3, 4)):
    """(i, j, k) share of each voxel that lies inside; slices are ``thickness`` thick.

    Only voxels whose neighbours' centres differ are looked into.
    """
    extent = np.ones(3)
    if thickness is not None:
        extent[grid.sagittal_axis] = thickness / grid.spacing_mm[grid.sagittal_axis]

    def share(index, offsets):
        total = np.zeros(len(index))
        for offset in offsets:
            x, y, left = model.to_local(grid.to_world(index + offset * extent)).T
            total += inside(x, y, left)
        return total / len(offsets)

    index = np.indices(grid.shape).reshape(3, -1).T.astype(float)
    centres = share(index, [np.zeros(3)]).reshape(grid.shape)
    border = (maximum_filter(centres, 3) != minimum_filter(centres, 3)).ravel()
    filled = centres.ravel()
    steps = [(np.arange(n) + 0.5) / n - 0.5 for n in samples]
    steps.insert(grid.sagittal_axis, steps.pop())
    fine = np.array(np.meshgrid(*steps)).reshape(3, -1).T
    filled[border] = share(index[border], fine)
    return filled.reshape(grid.shape)


def disc_labels(
    model, grid, thickness=None, *, hard=False, bodies=True, canal=True, samples=(3, 3, 4)
):
    """Soft (or hard) masks of the model's structures on a grid."""

    def mask(inside):
        array = rasterised(inside, model, grid, thickness, samples)
        return SoftMask.from_fractions((array >= 0.5) * 1.0 if hard else array, grid.affine)

    vertebrae = {}
    if bodies:
        vertebrae = {
            Vertebra.L3: mask(lambda x, y, left: model.body(x, y, left, 1)),
            Vertebra.L4: mask(lambda x, y, left: model.body(x, y, left, -1)),
        }
    return SpineLabels(
        grid=grid,
        discs={LEVEL: mask(model.disc)},
        vertebrae=vertebrae,
        canal=mask(model.canal) if canal else None,
        confidence={LEVEL: 1.0},
        numbering=NumberingMethod.MASKS,
    )
