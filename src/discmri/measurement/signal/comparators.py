"""Reference tissues for a disc's signal: cerebrospinal fluid, marrow and presacral fat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.volume import Array, SoftMask, Volume
from discmri.measurement.signal.samples import inside_of, median, percentile
from discmri.results.outline import DiscFrame

CSF_REACH_MM = 12.0  # along the spine, either side of the disc
CSF_NEIGHBOURS_MM = 60.0  # range that contains the discs above and below
CSF_SAME = 0.75  # smallest ratio of CSF signals that count as equal
CSF_MIN_VOXELS = 8
MARROW_MIN_VOXELS = 20
FAT_BAND_MM = (3.0, 12.0)  # in front of the sacrum
FAT_MIN_POINTS = 40
FAT_UNIFORM = 1.35  # largest 90th percentile of fat over its median
FAT_OVER_MARROW = 1.15  # least; the marrow of the sacrum is partly fat
DISC_OVER_FAT = 1.05  # least, of the brightest disc: fat separates grades 2 and 3
BRIGHT_FROM = 0.8  # of the 95th percentile: fluid without roots


@dataclass(frozen=True)
class SpineComparators:
    """Reference tissues of a spine, common to all its discs; signal in units of the image.

    Parameters
    ----------
    marrow
        Median over the vertebral bodies of the median signal of each.  ``None`` without bodies or
        with fat suppression, because marrow is largely fat.
    fat
        Presacral fat; ``None`` if it was not found or is brighter than every disc.
    why_no_fat
        Why ``fat`` is ``None``.
    """

    marrow: float | None
    fat: float | None
    why_no_fat: str = ""


def spine_comparators(
    image: Volume, labels: SpineLabels, fat_suppressed: bool = False
) -> SpineComparators:
    """Marrow and presacral fat of a spine.

    Parameters
    ----------
    image
        T2 image after bias-field correction.
    labels
        Named structures.
    fat_suppressed
        Whether fat is suppressed; then neither is used.

    Returns
    -------
    SpineComparators
        Signal of both, or the reason why there is none.

    Examples
    --------
    >>> shared = spine_comparators(image, labels)  # doctest: +SKIP
    >>> shared.fat, shared.why_no_fat  # doctest: +SKIP
    (None, 'presacral fat is brighter than every disc of this spine')
    """
    fat, why = comparing_fat(image, labels, fat_suppressed)
    return SpineComparators(None if fat_suppressed else _marrow(image, labels), fat, why)


def _marrow(image: Volume, labels: SpineLabels) -> float | None:
    inside = _inside_bodies(image, labels)
    bodies = [median(values) for values in inside if len(values) > MARROW_MIN_VOXELS]
    return median(np.array(bodies)) if bodies else None


def _inside_bodies(image: Volume, labels: SpineLabels) -> list[Array]:
    """Signal of the marrow of each vertebral body."""
    bodies = (mask for name, mask in labels.vertebrae.items() if name is not Vertebra.SACRUM)
    return [inside_of(image, mask, 0.95)[1] for mask in bodies]


def csf_beside(image: Volume, canal: SoftMask | None, frame: DiscFrame) -> tuple[float | None, str]:
    """Signal of CSF at a disc, and the part of the canal that was used.

    Values above 80 % of the 95th percentile are used, which leaves out roots, conus and flow voids.
    If the canal beside the disc has less than 75 % of the whole canal's value (stenosis, crowded
    roots, a flow void), the whole canal is used.  If the neighbours have less than 75 % of the
    value beside the disc (a cyst, a flow artefact), the neighbours are used.
    """
    if canal is None:
        return None, ""
    points, values = inside_of(image, canal, 0.8)
    if len(values) < CSF_MIN_VOXELS:
        return None, ""
    near = frame.to_frame(points)
    along = np.abs(near[:, 1])
    beside = values[(along <= CSF_REACH_MM) & (np.abs(near[:, 2]) <= CSF_REACH_MM)]
    around = values[(along > CSF_REACH_MM) & (along <= CSF_NEIGHBOURS_MM)]
    whole = _bright(values)
    if len(beside) < CSF_MIN_VOXELS or _bright(beside) < CSF_SAME * whole:
        return whole, "canal"
    if len(around) >= CSF_MIN_VOXELS and _bright(beside) * CSF_SAME > _bright(around):
        return _bright(around), "neighbours"
    return _bright(beside), "level"


def csf_at(
    image: Volume, canal: SoftMask, frames: Mapping[DiscLevel, DiscFrame]
) -> dict[DiscLevel, float | None]:
    """Signal of CSF beside each disc; ``None`` for fewer than 8 voxels.

    Parameters
    ----------
    image
        T2-weighted signal.
    canal
        The thecal sac with its contents.
    frames
        Position of each disc.

    Returns
    -------
    dict
        Median of the values above 80 % of the 95th percentile, in the image's unit.

    Examples
    --------
    >>> image = Volume(np.full((8, 8, 8), 90.0), np.eye(4))
    >>> canal = SoftMask.from_fractions(np.ones((8, 8, 8), np.float32), np.eye(4))
    >>> right, anterior, cranial = np.eye(3)
    >>> frame = DiscFrame(np.zeros(3), anterior, cranial, -right)
    >>> csf_at(image, canal, {DiscLevel.L4_L5: frame})
    {<DiscLevel.L4_L5: 'L4-L5'>: 90.0}
    """
    points, values = inside_of(image, canal, 0.5)
    beside = {level: values[_is_beside(points, frame)] for level, frame in frames.items()}
    return {
        level: _bright(found) if len(found) >= CSF_MIN_VOXELS else None
        for level, found in beside.items()
    }


def fluid_over_marrow(image: Volume, labels: SpineLabels) -> float | None:
    """Ratio of the signal of CSF to that of vertebral marrow; ``None`` if either is missing.

    It is above 1 on T2, with and without fat suppression, and below 1 on T1, so it checks the
    contrast that the header states.

    Parameters
    ----------
    image
        T1- or T2-weighted signal.
    labels
        Vertebral bodies and canal are used.

    Returns
    -------
    float or None
        Ratio without unit.

    Examples
    --------
    >>> fluid_over_marrow(image, labels)  # doctest: +SKIP
    3.1
    """
    marrow = _inside_bodies(image, labels)
    bone = np.concatenate(marrow) if marrow else np.empty(0)
    fluid = inside_of(image, labels.canal, 0.8)[1] if labels.canal is not None else np.empty(0)
    if len(fluid) < CSF_MIN_VOXELS or len(bone) < CSF_MIN_VOXELS or not median(bone) > 0:
        return None
    return percentile(fluid, 95) / median(bone)


def comparing_fat(
    image: Volume, labels: SpineLabels, fat_suppressed: bool
) -> tuple[float | None, str]:
    """Signal of presacral fat, or ``None`` and the reason."""
    if fat_suppressed:
        return None, "the image is fat-suppressed, so there is no comparison with fat"
    fat = _presacral_fat(image, labels)
    if fat is None:
        return None, "no presacral fat was found"
    insides = [inside_of(image, mask, 0.98)[1] for mask in labels.discs.values()]
    brightest = max((percentile(inside, 75) for inside in insides if len(inside)), default=0.0)
    if brightest < DISC_OVER_FAT * fat:
        return None, "presacral fat is brighter than every disc of this spine"
    return fat, ""


def _presacral_fat(image: Volume, labels: SpineLabels) -> float | None:
    """Signal of the fat in front of the sacrum; ``None`` if none was found.

    Fat is a uniform bright layer: the brighter half of the band in front of the sacrum must be
    uniform and brighter than the sacrum's marrow.
    """
    sacrum = labels.vertebrae.get(Vertebra.SACRUM)
    if sacrum is None:
        return None
    border = _anterior_border(sacrum)
    depths = np.arange(FAT_BAND_MM[0], FAT_BAND_MM[1] + 0.5, 1.0)
    band = border[:, None, :] + depths[None, :, None] * np.array([0.0, 1.0, 0.0])
    values = image.sample(band.reshape(-1, 3), outside=-1.0)
    values = values[values > 0]
    _, marrow = inside_of(image, sacrum, 0.95)
    if len(values) < FAT_MIN_POINTS or not len(marrow):
        return None
    bright = values[values >= np.median(values)]
    level = median(bright)
    uniform = percentile(bright, 90) <= FAT_UNIFORM * level
    return level if uniform and level > FAT_OVER_MARROW * median(marrow) else None


def _anterior_border(mask: SoftMask) -> Array:
    """(n, 3) most anterior points of a mask in its three central sagittal slices."""
    index = np.argwhere(mask.array >= 0.5)
    points = mask.grid.to_world(index)
    slices = index[:, mask.sagittal_axis]
    central = np.abs(slices - np.median(slices)) <= 1
    points, slices = points[central], slices[central]
    rows = np.round(points[:, 2] / 2.0).astype(int)
    groups = sorted({(int(s), int(r)) for s, r in zip(slices, rows, strict=True)})
    found = []
    for at_slice, at_row in groups:
        these = points[(slices == at_slice) & (rows == at_row)]
        found.append(these[np.argmax(these[:, 1])])
    return np.array(found)


def _is_beside(points_mm: Array, frame: DiscFrame) -> NDArray[np.bool_]:
    near = frame.to_frame(points_mm)
    return np.asarray((np.abs(near[:, 1]) <= CSF_REACH_MM) & (np.abs(near[:, 2]) <= CSF_REACH_MM))


def _bright(values: Array) -> float:
    """Median of the values above 80 % of the 95th percentile."""
    return median(values[values >= BRIGHT_FROM * percentile(values, 95)])
