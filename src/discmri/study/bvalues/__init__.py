"""b-values from the DICOM headers of all vendors.

Each module here reads the headers of one vendor, except :mod:`~discmri.study.bvalues.private`,
which finds private tags for them.  To add a vendor, write one module with a :data:`BValueReader`
and list it in :data:`READERS`; before ``standard`` only if the vendor's private tag is more
reliable than the standard one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pydicom import Dataset

from discmri.core.diffusion import B0_BELOW_S_PER_MM2, BValue, DirectionKind
from discmri.study.bvalues import canon, ge, philips, siemens, standard, text, uih

BValueReader = Callable[[Dataset], BValue | None]

# The nominal value of UIH and GE's offset and "T2" kind are known only to their private
# tags, so those two come before the standard tag; free text is the last resort.
READERS: tuple[BValueReader, ...] = (
    uih.read,
    ge.read,
    standard.read,
    siemens.read,
    philips.read,
    canon.read,
    text.read,
)

LARGEST_B_S_PER_MM2 = 20_000.0
DECLARED_FROM_S_PER_MM2 = 0.1  # a smaller value is not reported as different from zero


def read_b_value(ds: Dataset) -> BValue | None:
    """Diffusion weighting of one image.

    ``ds`` is the header of a single-frame image, or the flattened functional groups of one frame.
    The first reader that finds a value wins; kind and direction that it lacks come from later
    readers that found the same value.  ``None`` if no tag holds a value between 0 and 20 000 s/mm²,
    or if the image is a map computed from several b-values.

    Examples
    --------
    >>> ds = Dataset()
    >>> ds.DiffusionBValue, ds.DiffusionDirectionality = 800.0, "ISOTROPIC"
    >>> read_b_value(ds)
    BValue(value_s_per_mm2=800.0, source='(0018,9087)', kind=<DirectionKind.TRACE: 'trace'>, ...)
    """
    if ge.is_computed_map(ds):
        return None
    best: BValue | None = None
    for reader in READERS:
        if reader is text.read and best is not None:
            break
        found = reader(ds)
        if found is None or not 0 <= found.value_s_per_mm2 <= LARGEST_B_S_PER_MM2:
            continue
        if best is None:
            best = found
        elif abs(found.value_s_per_mm2 - best.value_s_per_mm2) <= 1.0:
            best = _completed(best, found)
    if best is not None and best.value_s_per_mm2 < B0_BELOW_S_PER_MM2:
        stated = best.value_s_per_mm2 if best.value_s_per_mm2 >= DECLARED_FROM_S_PER_MM2 else None
        best = replace(
            best,
            value_s_per_mm2=0.0,
            kind=DirectionKind.NONE,
            direction=None,
            declared_s_per_mm2=stated,
        )
    return best


def absent_means_zero(manufacturer: str, software_versions: Sequence[str]) -> bool:
    """Whether headers of this scanner omit a b-value of zero.

    True for Canon (Toshiba) and for GE from release 27; only meaningful in a series with other
    images of b > 0.

    >>> absent_means_zero("TOSHIBA", ["V5.0"])
    True
    >>> absent_means_zero("GE MEDICAL SYSTEMS", ["28", "LX", "MR29.1_EA_2039.g"])
    True
    >>> absent_means_zero("SIEMENS", ["syngo MR E11"])
    False
    """
    name = manufacturer.upper()
    if canon.is_canon(name):
        return True
    return name.startswith("GE") and (ge.release(software_versions) or 0) >= 27


def _completed(best: BValue, other: BValue) -> BValue:
    kind = other.kind if best.kind is DirectionKind.UNKNOWN else best.kind
    direction = best.direction
    if direction is None and kind is other.kind:
        direction = other.direction
    return replace(best, kind=kind, direction=direction)
