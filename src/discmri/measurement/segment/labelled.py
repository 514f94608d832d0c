"""The structures of a label map, named by a scheme.

Structures keep the resolution of the map: nothing is resampled to the image.
"""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from discmri.core.labels import FoundDisc, FoundSpine
from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.volume import Array, Grid, SoftMask
from discmri.measurement.segment.joint import split_bodies, split_discs
from discmri.measurement.segment.schemes.scheme import MaskScheme

log = logging.getLogger(__name__)

Labels = NDArray[np.int32]


def labelled_spine(labels: Labels, grid: Grid, scheme: MaskScheme) -> FoundSpine | None:
    """Every structure that a scheme names; ``None`` if there is no disc.

    Parameters
    ----------
    labels
        (i, j, k) numbers.
    grid
        Voxel grid of ``labels``.
    scheme
        Meaning of the numbers.
    """
    joint = _joint_discs(labels, grid, scheme)
    discs = [_disc(where, grid, None) for where in joint] + _named_discs(labels, grid, scheme)
    if not discs:
        return None
    canal = _structure(np.isin(labels, scheme.canal), grid)
    return FoundSpine(
        grid=grid,
        discs=tuple(sorted(discs, key=lambda d: -d.mask.centroid_mm[2])),
        bodies=_bodies(labels, grid, scheme, joint, canal),
        sacrum=_structure(np.isin(labels, scheme.sacrum), grid),
        canal=canal,
    )


def misnamed_vertebrae(labels: Labels, grid: Grid, scheme: MaskScheme, found: FoundSpine) -> str:
    """Problem if most vertebrae lie on the wrong side of the discs with their names, else empty."""
    heights_mm = {
        vertebra: float(grid.to_world(np.argwhere(where))[:, 2].mean())
        for number, vertebra in scheme.vertebrae.items()
        if (where := labels == number).any()
    }
    sides = [
        (heights_mm[vertebra] - disc.mask.centroid_mm[2]) * side > 0
        for disc in found.discs
        if disc.level is not None
        for vertebra, side in ((disc.level.above, 1), (disc.level.below, -1))
        if vertebra in heights_mm
    ]
    wrong = len(sides) - sum(sides)
    if 2 * wrong <= len(sides):
        return ""
    return f"its vertebrae and discs are named differently ({wrong} of {len(sides)} are not neighbours)"


def _structure(where: NDArray[np.bool_], grid: Grid) -> SoftMask | None:
    if not where.any():
        return None
    return SoftMask.from_fractions(where.astype(np.float32), grid.affine)


def _main_piece(where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected part."""
    from scipy import ndimage

    parts, count = ndimage.label(where, structure=np.ones((3, 3, 3)))
    if count <= 1:
        return where
    return np.asarray(parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]))


def _joint_discs(labels: Labels, grid: Grid, scheme: MaskScheme) -> list[NDArray[np.bool_]]:
    if scheme.joint_discs is None:
        return []
    return split_discs(labels == scheme.joint_discs, labels == scheme.joint_vertebrae, grid)


def _named_discs(labels: Labels, grid: Grid, scheme: MaskScheme) -> list[FoundDisc]:
    present = set(np.unique(labels).tolist())
    six = any(
        number in present for number, v in scheme.vertebrae.items() if v is Vertebra.L6
    ) or any(number in present for number, d in scheme.discs.items() if d is DiscLevel.L5_L6)
    return [
        _disc(_main_piece(labels == number), grid, _with_sixth_body(level, number, scheme, six))
        for number, level in scheme.discs.items()
        if number in present
    ]


def _disc(where: NDArray[np.bool_], grid: Grid, level: DiscLevel | None) -> FoundDisc:
    return FoundDisc(SoftMask.from_fractions(where.astype(np.float32), grid.affine), 1.0, level)


def _with_sixth_body(level: DiscLevel, number: int, scheme: MaskScheme, six: bool) -> DiscLevel:
    """Rename the lowest discs if the map also holds a sixth lumbar body."""
    if not six or level is not DiscLevel.L5_S1:
        return level
    # A scheme that numbers discs by the body above uses the number of L5-S1 for L5-L6.
    by_body_above = any(d is DiscLevel.L6_S1 for d in scheme.discs.values())
    log.debug("label %d renamed for a sixth lumbar body", number)
    return DiscLevel.L5_L6 if by_body_above else DiscLevel.L6_S1


def _bodies(
    labels: Labels,
    grid: Grid,
    scheme: MaskScheme,
    joint: list[NDArray[np.bool_]],
    canal: SoftMask | None,
) -> tuple[SoftMask, ...]:
    """Vertebral bodies, cranial to caudal, without posterior elements."""
    if scheme.joint_vertebrae is not None:
        wheres = split_bodies(labels == scheme.joint_vertebrae, joint, grid)
    else:
        wheres = [where for n in scheme.vertebrae if (where := labels == n).any()]
        if scheme.whole_vertebrae:
            wheres = [_in_front_of(canal, where, grid) for where in wheres]
        wheres = [_main_piece(where) for where in wheres]
    found = [_structure(where, grid) for where in wheres]
    bodies = [body for body in found if body is not None]
    return tuple(sorted(bodies, key=lambda body: -body.centroid_mm[2]))


def _in_front_of(canal: SoftMask | None, where: NDArray[np.bool_], grid: Grid) -> NDArray[np.bool_]:
    """The part of a vertebra in front of the canal's anterior border at the same height."""
    if canal is None:
        return where
    inside = canal.grid.to_world(np.argwhere(canal.array > 0.5))
    heights = np.round(inside[:, 2]).astype(int)
    levels = np.unique(heights)
    front = np.array([inside[heights == level, 1].max() for level in levels])
    index = np.argwhere(where)
    points = grid.to_world(index)
    limit: Array = np.interp(points[:, 2], levels, front)
    kept = index[points[:, 1] > limit]
    body = np.zeros_like(where)
    body[tuple(kept.T)] = True
    return body
