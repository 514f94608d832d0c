"""Registration of the spine between visits, which carries levels from the first visit to later ones.

Levels are determined once per subject, at the first visit.  Every possible pairing of the discs of two
visits gives a rigid transform of their centres; the pairing with the greatest correlation of the
images around the spine is used.  It does not depend on the levels of the later visit, so
contradictions are detected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, Volume
from discmri.results.outline import DiscBorder
from discmri.results.read import read_results

LEAST_PAIRS = 3
"""Minimum number of common discs of two visits."""
LEAST_CORRELATION = 0.35
"""Minimum correlation of the images around the spine."""
LEAST_LEAD = 0.08
"""Minimum difference of the correlations of the best and the next pairing."""
_BOX_MM = (26.0, 16.0, 8.0)  # half sizes around a disc: anterior, cranial, left
_STEP_MM = (2.0, 1.0, 4.0)


Spine = tuple[DiscBorder, ...]
"""Discs, cranial to caudal."""


@dataclass(frozen=True, eq=False)
class Registration:
    """Correspondence of the discs of a visit with those of the first visit."""

    # level at the first visit by level found at this visit; empty if registration failed
    names: Mapping[DiscLevel, DiscLevel]
    matrix: Array  # (4, 4) transform from RAS+ mm of the visit to RAS+ mm of the first
    correlation: float = 0.0  # correlation of the images around the spine, -1 to 1
    lead: float = 0.0  # difference to the correlation of the next best pairing
    residual_mm: float = 0.0  # root mean square distance of the disc centres after the transform
    problem: str = ""  # reason why registration failed; otherwise empty

    @property
    def contradicted(self) -> bool:
        """Whether the levels found at this visit differ from those of the first."""
        return any(own is not frozen for own, frozen in self.names.items())


def read_spine(folder: Path) -> Spine:
    """Discs of a results folder, cranial to caudal."""
    borders = read_results(folder).borders.values()
    return tuple(sorted(borders, key=lambda disc: -float(disc.frame.origin_mm[2])))


def register_visit(first: tuple[Spine, Volume], later: tuple[Spine, Volume]) -> Registration:
    """Carry the levels of the first visit to a later one, by discs and sagittal image of each."""
    (spine, image), (other, picture) = first, later
    tried = []
    for shift in range(-len(other) + LEAST_PAIRS, len(spine) - LEAST_PAIRS + 1):
        pairs = [
            (spine[n + shift], disc) for n, disc in enumerate(other) if 0 <= n + shift < len(spine)
        ]
        if len(pairs) < LEAST_PAIRS:
            continue
        matrix, residual = rigid_fit([p[1] for p in pairs], [p[0] for p in pairs])
        tried.append((_correlation(pairs, image, picture, matrix), residual, matrix, pairs))
    if not tried:
        found = f"{len(spine)} and {len(other)} discs were found; {LEAST_PAIRS} are needed"
        return Registration({}, np.eye(4), problem=found)
    tried.sort(key=lambda one: -one[0])
    correlation, residual, matrix, pairs = tried[0]
    lead = correlation - (tried[1][0] if len(tried) > 1 else -1.0)
    names = _all_names(pairs, other)
    problem = ""
    if correlation < LEAST_CORRELATION:
        problem = f"the spines do not match (correlation {correlation:.2f})"
    elif lead < LEAST_LEAD:
        problem = f"two pairings of the discs match equally well (difference {lead:.2f})"
    return Registration({} if problem else names, matrix, correlation, lead, residual, problem)


def _all_names(
    pairs: Sequence[tuple[DiscBorder, DiscBorder]], other: Spine
) -> dict[DiscLevel, DiscLevel]:
    """Levels of the paired discs, and of further discs outside the image of the first visit."""
    names = {own.level: frozen.level for frozen, own in pairs}
    if all(own is frozen for own, frozen in names.items()):
        names |= {disc.level: disc.level for disc in other}
    return names


def rigid_fit(moving: Sequence[DiscBorder], fixed: Sequence[DiscBorder]) -> tuple[Array, float]:
    """Rigid transform of discs to others (Kabsch), and residual distance in mm.

    Disc axes are used besides centres, which do not determine the rotation about the spine.
    """
    a, b = (np.concatenate([_points(disc) for disc in discs]) for discs in (moving, fixed))
    centre_a, centre_b = a.mean(axis=0), b.mean(axis=0)
    u, _, vt = np.linalg.svd((a - centre_a).T @ (b - centre_b))
    sign = np.sign(np.linalg.det(vt.T @ u.T))
    rotation = vt.T @ np.diag([1.0, 1.0, sign]) @ u.T
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = centre_b - rotation @ centre_a
    ends = np.array([disc.frame.origin_mm for disc in fixed])
    moved = np.array([disc.frame.origin_mm for disc in moving]) @ rotation.T + matrix[:3, 3]
    return matrix, float(np.sqrt(((moved - ends) ** 2).sum(axis=1).mean()))


def _points(disc: DiscBorder) -> Array:
    reach = 10.0 * np.array([[0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 0, 1], [0, 0, -1]])
    return disc.frame.to_world(reach)


def _correlation(
    pairs: Sequence[tuple[DiscBorder, DiscBorder]], image: Volume, picture: Volume, matrix: Array
) -> float:
    """Mean correlation of two images in boxes around the discs of the first visit.

    Boxes are compared separately to reduce the effect of shading and of single dark discs.
    """
    back = np.linalg.inv(matrix)
    steps = [
        np.arange(-half, half + 0.1, step) for half, step in zip(_BOX_MM, _STEP_MM, strict=True)
    ]
    lattice = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    values = []
    for disc, _ in pairs:
        points = disc.frame.to_world(lattice)
        fixed = image.sample(points)
        moved = picture.sample(points @ back[:3, :3].T + back[:3, 3])
        if fixed.std() > 0 and moved.std() > 0:
            values.append(float(np.corrcoef(fixed, moved)[0, 1]))
    return float(np.mean(values)) if values else 0.0
