"""The standard: MR Diffusion Sequence of enhanced images, or the same tags at top level."""

from __future__ import annotations

from pydicom import Dataset

from discmri.core.diffusion import BValue, DirectionKind
from discmri.study.bvalues.private import direction_from_lps, floats, kind_of_vector

_TAGS = {0x00189087, 0x00189117}
_KINDS = {
    "NONE": DirectionKind.NONE,
    "ISOTROPIC": DirectionKind.TRACE,
    "DIRECTIONAL": DirectionKind.DIRECTIONAL,
    "BMATRIX": DirectionKind.DIRECTIONAL,
}


def read(ds: Dataset) -> BValue | None:
    """(0018,9087) with (0018,9075) and (0018,9089), inside (0018,9117) or beside it."""
    if not _TAGS & ds.keys():
        return None
    where, source = ds, "(0018,9087)"
    macro = ds.get("MRDiffusionSequence")
    if macro:
        where, source = macro[0], "(0018,9117) > (0018,9087)"
    value = floats(where.get("DiffusionBValue"))
    if not value:
        return None
    gradient = where.get("DiffusionGradientDirectionSequence")
    holder = gradient[0] if gradient else where
    vector = floats(holder.get("DiffusionGradientOrientation"))
    kind = _KINDS.get(str(where.get("DiffusionDirectionality", "")).upper())
    if kind is None:
        kind = kind_of_vector(vector)
    direction = direction_from_lps(vector) if kind is DirectionKind.DIRECTIONAL else None
    return BValue(value[0], source, kind, direction)
