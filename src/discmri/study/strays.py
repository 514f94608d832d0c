"""Images of a measured series that are missing from its stack because their headers differ.

A missing image inside a stack leaves a gap; one at its end is only found here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from discmri.core.findings import Code, Finding, warning
from discmri.core.volume import Grid
from discmri.study.series import Series

_MOST_IMAGES = 2
"""A part with more images counts as a separate stack."""
_NEXT_STEPS = 2.5
"""Largest distance of a stray image from the end of the stack, in slice spacings."""


def strays(series: Sequence[Series], used: Sequence[Series]) -> Iterator[Finding]:
    """A warning for each stray part of a used series.

    A stray part has at most two images, which have no position or lie next to the stack.
    """
    for one in series:
        if one.slices > _MOST_IMAGES or any(one is other for other in used):
            continue
        kin = next((other for other in used if _is_kin(one, other)), None)
        if kin is not None and kin.slices > _MOST_IMAGES:
            reason = one.problem or f"their headers differ ({one.part or one.role.value})"
            text = f"{kin.name}: {one.slices} of its images are missing from its stack: {reason}"
            yield warning(Code.SLICE_MISSING, text, None, kin.uid)


def _is_kin(one: Series, other: Series) -> bool:
    same = one.uid == other.uid or (one.number, one.description) == (
        other.number,
        other.description,
    )
    if not same or other.grid is None:
        return False
    return one.grid is None or _continues(one.grid, other.grid)


def _continues(grid: Grid, stack: Grid) -> bool:
    """Whether a slice lies next to an end of a stack."""
    if grid.shape[:2] != stack.shape[:2]:
        return False
    index = stack.to_index(grid.to_world((0, 0, 0)))
    beside = np.abs(index[:2]).max() < 1.0
    beyond = max(-index[2], index[2] - (stack.shape[2] - 1))
    return bool(beside and 0.5 < beyond < _NEXT_STEPS)
