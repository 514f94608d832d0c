"""Selection of the pieces of a mask that are one disc."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from discmri.measurement.segment.column import VertebralColumn
from discmri.measurement.segment.network import Channel, Float
from discmri.measurement.segment.parts import Mask, box_around

_STACKED_MM = 4.0  # pieces further apart along the column are different structures ...
_STACKED_SLOPE = 0.75  # ... unless their slope is possible for a disc
_PARTED_BY_BONE = 0.5  # mean share of bone between two pieces of different structures


def one_disc(mask: Mask, column: VertebralColumn) -> Mask:
    """The pieces that are one disc.

    Pieces are separate if bone lies between them or one lies below the other, such as a spot within
    the sacrum or a vertebral body.  Of all sets of pieces that are not separate, the one with the
    largest anteroposterior extent is kept.
    """
    from scipy.ndimage import label

    box = box_around(mask, margin=0)
    pieces: NDArray[np.int32] = np.zeros(mask.shape, dtype=np.int32)
    pieces[box], count = label(mask[box], structure=np.ones((3, 3, 3)))
    if count < 2:
        return mask
    bone = column.shares[[Channel.BODY, Channel.SACRUM]].sum(axis=0)
    where = [np.argwhere(pieces == n) for n in range(1, count + 1)]
    middle = [
        [np.nanmean(column_mm[tuple(place[:, 1:].T)]) for place in where]
        for column_mm in (column.along_mm, column.behind_mm)
    ]
    together = np.eye(count, dtype=bool)
    for a, b in combinations(range(count), 2):
        down, back = (abs(at[a] - at[b]) for at in middle)
        stacked = down > max(_STACKED_MM, _STACKED_SLOPE * back)
        together[a, b] = together[b, a] = not stacked and not _parted(where[a], where[b], bone)
    by_size = sorted(range(count), key=lambda n: -len(where[n]))
    sets = [_joined(pieces, seed, by_size, together) for seed in by_size]
    return max(sets, key=lambda one: float(np.ptp(column.behind_mm[one.any(axis=0)])))


def _joined(pieces: NDArray[np.int32], seed: int, order: Sequence[int], together: Mask) -> Mask:
    """The seed with all other pieces, in order, that may be joined with it and with each other."""
    members = [seed]
    for n in order:
        if n != seed and together[n, members].all():
            members.append(n)
    return np.isin(pieces, 1 + np.array(members))


def _parted(one: NDArray[np.intp], other: NDArray[np.intp], bone: Float) -> bool:
    """Whether most of the shortest line between two sets of (slice, row, column) is bone."""
    from scipy.ndimage import distance_transform_edt

    corner = np.minimum(one.min(axis=0), other.min(axis=0))
    away = np.ones(np.maximum(one.max(axis=0), other.max(axis=0)) - corner + 1, dtype=bool)
    away[tuple((other - corner).T)] = False
    distances, nearest = distance_transform_edt(away, return_indices=True)
    distance = distances[tuple((one - corner).T)]
    start = one[distance.argmin()]
    end = nearest[(slice(None), *(start - corner))] + corner
    steps = np.linspace(0, 1, 2 + int(distance.min()))[:, None]
    way = np.round(start + steps * (end - start)).astype(int)
    return bool(bone[tuple(way.T)].mean() > _PARTED_BY_BONE)
