"""ADC of one disc, on the voxels of the diffusion images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discmri.core.diffusion import AdcMap
from discmri.core.findings import Code, Finding, MeasurementError, info, warning
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.core.volume import Array, Grid
from discmri.measurement.adc.fit import AdcFit
from discmri.measurement.align import Alignment
from discmri.measurement.regions import NUCLEUS_ALONG, NUCLEUS_UP, disc_coordinates
from discmri.results.outline import DiscOutline
from discmri.results.records import Measurement

MIN_HEIGHT_VOXELS = 4.0
MIN_ADC_UM2_MS = 0.2  # lower than in any living disc
LOW_SNR = 3.0
FLOOR_MET = 1.5
"""Below this SNR the mean of a Rician magnitude exceeds the signal by 20 % or more."""
MANY_REJECTED = 0.05
TOO_MANY_REJECTED = 0.5


@dataclass(frozen=True, eq=False)
class DiscAdc:
    """ADC of one disc in um2/ms.

    Parameters
    ----------
    mean, median, sd
        Over the used voxels of the whole disc, eroded by one diffusion voxel.
    nucleus
        Mean over the nucleus region; ``None`` if it has too few voxels.
    voxels, rejected
        Number of used voxels, and of voxels left out (above free water, or not above zero).
    source
        ``"fit"`` or ``"map"`` (the scanner's).
    residual_mm
        Remaining distance between the disc on T2 and on the aligned diffusion images.
    findings
        Findings about these values.
    """

    mean: float
    median: float
    sd: float
    nucleus: float | None
    voxels: int
    rejected: int
    source: str
    residual_mm: float
    findings: tuple[Finding, ...] = ()

    @property
    def measurements(self) -> Mapping[str, Measurement]:
        """Values by column name, without missing values."""
        values: dict[str, float | int | None] = {
            "adc_disc_um2_ms": self.mean,
            "adc_disc_median_um2_ms": self.median,
            "adc_disc_sd_um2_ms": self.sd,
            "adc_nucleus_um2_ms": self.nucleus,
            "adc_voxels": self.voxels,
            "adc_rejected_voxels": self.rejected,
            "adc_residual_mm": self.residual_mm,
        }
        return {
            name: Measurement(name, round(value, 6), self.source)
            for name, value in values.items()
            if value is not None
        }


def measure_adc(
    adc: AdcFit | AdcMap,
    alignment: Alignment,
    level: DiscLevel,
    outline: DiscOutline,
    settings: Settings,
) -> DiscAdc:
    """ADC of one disc and its nucleus.

    A diffusion voxel belongs to the eroded disc if it and the eight points one voxel away from it
    in its slice lie inside the disc's T2 mask after alignment.  This is required at the middle and
    at both faces of the slice.  The nucleus region (central 60 % of the width, 55 % of the height,
    three central slices) is a part of the eroded disc.

    Parameters
    ----------
    adc
        The fit of the diffusion images, or the scanner's map.
    alignment
        Diffusion images to T2 (:func:`discmri.measurement.align.align`).
    level, outline
        The disc and its borders on T2.
    settings
        ``adc_ceiling_um2_ms`` and ``adc_min_voxels`` are used.

    Returns
    -------
    DiscAdc
        ADC in um2/ms, with the numbers of voxels used and left out.

    Raises
    ------
    MeasurementError
        ``ADC_FEW_VOXELS`` if the disc is lower than four diffusion voxels or has too few of them,
        ``ADC_MISALIGNED`` if the disc's residual is unknown or too large, ``ADC_IMPLAUSIBLE`` if
        the mean is too low or most voxels were left out.

    Examples
    --------
    >>> found = measure_adc(fit, alignment, level, outline, Settings())  # doctest: +SKIP
    >>> found.mean, found.voxels  # doctest: +SKIP
    (1.42, 61)
    """
    image = adc.adc if isinstance(adc, AdcFit) else adc.volume
    residual_mm = alignment.residual_of(level)
    _tall_enough(image.grid, level, outline)
    index, points = _eroded(image.grid, alignment, outline)
    values = image.array[tuple(index.T)].astype(float)
    good = (values > 0) & (values <= settings.adc_ceiling_um2_ms)
    used, rejected = int(good.sum()), int((~good).sum())
    what = f"{level.value}: {used} usable diffusion voxels lie safely inside the disc"
    if used + rejected < settings.adc_min_voxels:
        raise MeasurementError(Code.ADC_FEW_VOXELS, f"{what}, {settings.adc_min_voxels} are needed")
    mean = float(values[good].mean()) if used else 0.0
    if mean < MIN_ADC_UM2_MS or rejected > TOO_MANY_REJECTED * (used + rejected):
        raise MeasurementError(
            Code.ADC_IMPLAUSIBLE,
            f"{what}, {rejected} have impossible values; mean {mean:.2f} um2/ms",
        )
    nucleus = good & _in_nucleus(image.grid, outline, points)
    enough = int(nucleus.sum()) >= settings.adc_min_voxels
    findings = [*_on_rejected(level, used, rejected, settings), *_on_noise(adc, index, level)]
    if not enough:
        text = (
            f"{level.value}: {int(nucleus.sum())} diffusion voxels lie in the nucleus, "
            f"{settings.adc_min_voxels} are needed"
        )
        findings.append(warning(Code.ADC_FEW_VOXELS, text, level))
    return DiscAdc(
        mean=mean,
        median=float(np.median(values[good])),
        sd=float(values[good].std(ddof=1)) if used > 1 else 0.0,
        nucleus=float(values[nucleus].mean()) if enough else None,
        voxels=used,
        rejected=rejected,
        source="fit" if isinstance(adc, AdcFit) else "map",
        residual_mm=residual_mm,
        findings=tuple(findings),
    )


def _tall_enough(grid: Grid, level: DiscLevel, outline: DiscOutline) -> None:
    """Refuse a disc lower than four diffusion voxels, because all would contain endplate."""
    voxel_mm = float(np.linalg.norm((outline.frame.cranial @ grid.directions) * grid.spacing_mm))
    columns = outline.mid.upper_mm - outline.mid.lower_mm
    t = (outline.mid.x_mm - outline.mid.x_mm[0]) / np.ptp(outline.mid.x_mm)
    height_mm = float(np.mean(columns[(t >= 0.1) & (t <= 0.9)]))
    if height_mm < MIN_HEIGHT_VOXELS * voxel_mm:
        raise MeasurementError(
            Code.ADC_FEW_VOXELS,
            f"{level.value}: the disc is {height_mm / voxel_mm:.1f} diffusion voxels high "
            f"({height_mm:.1f} mm), {MIN_HEIGHT_VOXELS:g} are needed",
        )


def _eroded(
    grid: Grid, alignment: Alignment, outline: DiscOutline
) -> tuple[NDArray[np.intp], Array]:
    """Diffusion voxels of the eroded disc: (n, 3) indices and (n, 3) RAS+ points on T2."""
    mask = outline.mask
    corners = np.array(np.meshgrid(*([0.0, n - 1.0] for n in mask.shape))).reshape(3, -1).T
    box = grid.to_index(alignment.to_diffusion(mask.grid.to_world(corners)))
    start = np.maximum(np.floor(box.min(axis=0)).astype(int) - 1, 0)
    stop = np.minimum(np.ceil(box.max(axis=0)).astype(int) + 2, grid.shape)
    ranges = [np.arange(a, b) for a, b in zip(start, stop, strict=True)]
    index = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    points = alignment.to_image(grid.to_world(index))
    inside = mask.sample(points) >= 0.5
    index, points = index[inside], points[inside]
    for offset in _erosion_offsets(grid.sagittal_axis):
        inside = mask.sample(alignment.to_image(grid.to_world(index + offset))) >= 0.5
        index, points = index[inside], points[inside]
    return index, points


def _erosion_offsets(slice_axis: int) -> Array:
    """(n, 3) voxel offsets: the centre and eight at distance one, at three depths in the slice."""
    angles = np.arange(8) * np.pi / 4
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ring = np.concatenate([np.zeros((1, 2)), ring])
    levels = [np.insert(ring, slice_axis, depth, axis=1) for depth in (0.0, -0.5, 0.5)]
    return np.concatenate(levels)


def _in_nucleus(grid: Grid, outline: DiscOutline, points: Array) -> NDArray[np.bool_]:
    """Whether points lie in the nucleus region on the three central diffusion slices."""
    if not len(points):
        return np.zeros(0, dtype=bool)
    place = disc_coordinates(outline, points)
    reach = 1.5 * float(grid.spacing_mm[grid.sagittal_axis])
    return place.within(NUCLEUS_ALONG, NUCLEUS_UP) & (np.abs(place.left_mm) <= reach)


def _on_rejected(level: DiscLevel, used: int, rejected: int, settings: Settings) -> list[Finding]:
    """Finding on voxels that were left out; a flag only if they are many."""
    if not rejected:
        return []
    text = (
        f"{level.value}: {rejected} of {used + rejected} diffusion voxels are not within 0 to "
        f"{settings.adc_ceiling_um2_ms:g} um2/ms and were left out"
    )
    many = rejected > MANY_REJECTED * (used + rejected)
    return [(warning if many else info)(Code.ADC_ABOVE_FREE_WATER, text, level)]


def _on_noise(adc: AdcFit | AdcMap, index: NDArray[np.intp], level: DiscLevel) -> list[Finding]:
    """Finding on diffusion images close to the noise; none for the scanner's map."""
    if isinstance(adc, AdcMap):
        return []
    snr = float(np.median(adc.lowest_snr.array[tuple(index.T)]))
    if snr >= LOW_SNR:
        return []
    b, value = adc.b_s_per_mm2[-1], float(np.median(adc.adc.array[tuple(index.T)]))
    text = (
        f"{level.value}: at b {b:g} s/mm2 and {value:.2f} um2/ms (b ADC = {b * value / 1000:.1f}) "
        f"the signal is {snr:.1f} times the noise"
    )
    if snr < FLOOR_MET:
        text += ": at the noise floor, so the ADC is probably too low"
    return [warning(Code.ADC_LOW_SNR, text, level)]
