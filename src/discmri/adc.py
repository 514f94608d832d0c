"""Apparent diffusion coefficient: fitting the diffusion images, measuring the discs.

The fit is iterated weighted log-linear least squares.  Numbers are taken on the diffusion
images' own voxels: the disc's soft mask is carried to them, the ADC is never resampled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discmri.align import Alignment
from discmri.diffusion import AdcMap, BValue, DiffusionSeries, DirectionKind
from discmri.findings import Code, Finding, MeasurementError, info, warning
from discmri.levels import DiscLevel
from discmri.outline import DiscOutline
from discmri.records import Measurement
from discmri.regions import NUCLEUS_ALONG, NUCLEUS_UP, locate
from discmri.settings import Settings
from discmri.volume import Array, Grid, Volume

ITERATIONS = 3
CHUNK = 1 << 14  # voxels at a time: fits the processor's cache
FLOOR_SNR = 3.0  # below it the noise floor lifts the logarithm noticeably
MIN_HEIGHT_VOXELS = 4.0
MIN_ADC_UM2_MS = 0.2  # no living disc diffuses more slowly
LOW_SNR = 3.0
MANY_REJECTED = 0.05
TOO_MANY_REJECTED = 0.5


# ------------------------------------------------------------------ the fit
@dataclass(frozen=True, eq=False)
class AdcFit:
    """ADC and what is needed to judge it, on the grid of the diffusion images.

    Parameters
    ----------
    adc
        um2/ms; exactly 0 where there is no signal to fit.
    s0
        Fitted signal without diffusion weighting.
    noise
        Standard deviation of the noise of one image, in units of the signal.
    residual
        Root mean square of measured minus fitted signal, in units of the signal.
    b_s_per_mm2
        Distinct b-values that were fitted, ascending.
    images
        How many images went into each of them.
    """

    adc: Volume
    s0: Volume
    noise: float
    residual: Volume
    b_s_per_mm2: tuple[float, ...]
    images: tuple[int, ...]

    @property
    def lowest_snr(self) -> Volume:
        """Fitted signal at the highest b-value / noise."""
        decay = np.exp(-self.b_s_per_mm2[-1] * 1e-3 * self.adc.array)
        return Volume(self.s0.array * decay / max(self.noise, 1e-12), self.adc.affine)


def fit_adc(series: DiffusionSeries) -> AdcFit:
    """Fit S(b) = S0 exp(-b ADC) in every voxel.

    Images of one b-value are combined by the geometric mean, which over three orthogonal
    directions gives the trace.  The logarithms are then fitted by least squares with the
    weights n S^2 (n images, S the signal that the fit before predicts; three rounds after
    an unweighted one).

    Noise floor: the logarithm of a Rician magnitude exceeds that of its amplitude A on
    average by E1(A^2 / 2 sigma^2) / 2 (E1 the exponential integral).  That is subtracted,
    with A as predicted, wherever A at the highest b-value is below three times the noise.
    The noise is that of the images of lowest and highest b-value (:func:`estimate_noise`).

    Parameters
    ----------
    series
        Images with at least two different b-values.

    Raises
    ------
    MeasurementError
        ``ADC_NOT_FITTED`` for fewer than two b-values or an empty picture.
    """
    groups = _groups(series)
    b_values = np.array(sorted(groups))
    if len(b_values) < 2 or np.ptp(b_values) < 50:
        raise MeasurementError(
            Code.ADC_NOT_FITTED,
            f"the fit needs two b-values at least 50 s/mm2 apart, got {b_values.tolist()}",
        )
    noise = estimate_noise([series.signal[..., groups[b][0][0]] for b in b_values[[0, -1]]])
    signal = series.signal.reshape(-1, series.signal.shape[-1])
    first = signal[:, groups[b_values[0]][0][0]]
    where = np.flatnonzero(first > max(3.0 * noise, 0.0))
    if not where.size:
        raise MeasurementError(Code.ADC_NOT_FITTED, "the diffusion images hold no signal")
    counts = np.array([sum(map(len, groups[b])) for b in b_values], dtype=np.float32)
    maps = np.zeros((3, len(signal)), dtype=np.float32)
    per_ms = (b_values * 1e-3).astype(np.float32)
    for start in range(0, len(where), CHUNK):
        chunk = where[start : start + CHUNK]
        samples = np.ascontiguousarray(signal[chunk].T, dtype=np.float32)
        np.maximum(samples, max(0.1 * noise, 1e-6), out=samples)
        logs = np.log(samples)
        mean_logs = np.stack([_combined(logs, groups[b]) for b in b_values])
        maps[:, chunk] = _fit(mean_logs, per_ms, counts, noise)
    adc, s0, residual = (m.reshape(series.signal.shape[:3]) for m in maps)
    return AdcFit(
        adc=Volume(adc, series.affine, "um2/ms"),
        s0=Volume(s0, series.affine),
        noise=noise,
        residual=Volume(residual, series.affine),
        b_s_per_mm2=tuple(float(b) for b in b_values),
        images=tuple(int(n) for n in counts),
    )


def _groups(series: DiffusionSeries) -> dict[float, list[list[int]]]:
    """Images by b-value, and within one by direction: repeats of a direction stand together.

    Directional images win over trace images of the same b-value where they span space
    (three directions or more); otherwise the trace images are used alone, if there are any.
    """
    by_b: dict[float, list[int]] = {}
    for n, b in enumerate(series.b_s_per_mm2):
        by_b.setdefault(float(b), []).append(n)
    groups = {}
    for b, images in by_b.items():
        trace = [n for n in images if series.b_values[n].kind is DirectionKind.TRACE]
        others = [n for n in images if n not in trace]
        directions: dict[object, list[int]] = {}
        for n in others:
            directions.setdefault(_direction_key(series.b_values[n], n), []).append(n)
        if trace and len(directions) < 3:
            groups[b] = [trace]
        else:
            groups[b] = list(directions.values())
    return groups


def _direction_key(b_value: BValue, n: int) -> object:
    """What tells one direction from another; opposite gradients weight alike."""
    if b_value.kind is DirectionKind.NONE:
        return "none"
    if b_value.direction is None:
        return n
    rounded = np.round(b_value.direction, 2) + 0.0
    leading = rounded[np.flatnonzero(rounded)[0]] if rounded.any() else 1.0
    return tuple((rounded * np.sign(leading)).tolist())


def _combined(logs: Array, directions: list[list[int]]) -> Array:
    """Mean of the logarithms over directions, each the mean over its repeats."""
    if len(directions) == 1 and len(directions[0]) == 1:
        return np.asarray(logs[directions[0][0]])
    return np.asarray(np.mean([np.mean(logs[d], axis=0) for d in directions], axis=0))


def _fit(logs: Array, b: Array, counts: Array, noise: float) -> Array:
    """(3, v): ADC in um2/ms, S0 and residual from (b, v) logarithms; ``b`` in ms/um2."""
    weights = np.repeat(counts[:, None], logs.shape[1], axis=1)
    intercept, adc = _line(logs, b, weights)
    for _ in range(ITERATIONS):
        _decay(b, adc, counts, weights)
        intercept, adc = _line(logs, b, weights)
    if noise > 0:
        low = np.flatnonzero(intercept - b[-1] * adc < np.log(FLOOR_SNR * noise))
        if low.size:
            start = intercept[low], adc[low]
            intercept[low], adc[low] = _above_floor(logs[:, low], b, counts, noise, start)
    fitted = np.exp(intercept - b[:, None] * adc)
    misfit = np.exp(logs) - fitted
    residual = np.sqrt(np.einsum("bv,bv->v", misfit, misfit) / len(b))
    return np.stack([adc, np.exp(intercept), residual])


def _decay(b: Array, adc: Array, counts: Array, out: Array) -> None:
    """Weights n exp(-2 b ADC), the squared signal up to a factor that cancels."""
    np.multiply(-2.0 * b[:, None], np.clip(adc, -1.0, 8.0), out=out)
    np.exp(out, out=out)
    out *= counts[:, None]


def _line(y: Array, b: Array, w: Array) -> tuple[Array, Array]:
    """Weighted straight line y = a - b d through (b, v) points, in closed form."""
    wb = w * b[:, None]
    sw, swb, swbb = w.sum(axis=0), wb.sum(axis=0), np.einsum("bv,b->v", wb, b)
    swy, swby = np.einsum("bv,bv->v", w, y), np.einsum("bv,bv->v", wb, y)
    d = (swb * swy - sw * swby) / (sw * swbb - swb * swb)
    return (swy + swb * d) / sw, d


def _above_floor(
    logs: Array, b: Array, counts: Array, noise: float, start: tuple[Array, Array]
) -> tuple[Array, Array]:
    """The weighted fit with the mean excess of the Rician logarithm taken off."""
    from scipy.special import exp1

    intercept, adc = start
    weights = np.empty_like(logs)
    for _ in range(8):
        amplitude = np.exp(intercept - b[:, None] * np.clip(adc, -1.0, 8.0)) / noise
        excess = 0.5 * exp1(0.5 * np.clip(amplitude, 0.7, 30.0) ** 2)
        _decay(b, adc, counts, weights)
        new_intercept, new_adc = _line(logs - excess, b, weights)
        intercept, adc = 0.5 * (intercept + new_intercept), 0.5 * (adc + new_adc)
    return intercept, adc


def estimate_noise(images: Sequence[Array]) -> float:
    """Standard deviation of the noise of magnitude images (i, j, k), 0 for empty ones.

    The lowest estimate from air counts, since tissue near the noise can only raise it.
    Where no image shows air (blanked, or the body fills the picture), the median of the
    first image's finest diagonal detail is used (Donoho and Johnstone 1994).
    """
    from_air = [sigma for image in images if (sigma := _noise_of_air(image)) is not None]
    return min(from_air) if from_air else _noise_of_detail(images[0])


def _noise_of_air(image: Array) -> float | None:
    """Noise of the air around the body, or ``None`` where there is none.

    In air the magnitude is Rayleigh distributed, so its median is 1.1774 times the noise;
    the estimate is repeated below 3.5 times itself until it stands, and believed where the
    quartiles there stand in a Rayleigh distribution's proportion.
    """
    values = image[image > 0].astype(float)
    if values.size < 200:
        return None
    sigma, low = float(np.percentile(values, 2)), values
    for _ in range(60):
        low = values[values < 3.5 * sigma]
        if not low.size:
            return None
        before, sigma = sigma, float(np.median(low)) / 1.1774
        if abs(before - sigma) <= 1e-4 * sigma:
            break
    quartiles = np.percentile(low, [25, 75])
    enough = low.size >= max(200, 0.02 * image.size)
    return sigma if enough and abs(quartiles[1] / quartiles[0] - 2.195) < 0.25 else None


def _noise_of_detail(image: Array) -> float:
    """Noise from the finest diagonal differences within the slices, blanked voxels left out."""
    p = np.moveaxis(image, int(np.argmin(image.shape)), 0).astype(float)
    p = p[:, : p.shape[1] // 2 * 2, : p.shape[2] // 2 * 2]
    corners = [p[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    detail = 0.5 * (corners[0] - corners[1] - corners[2] + corners[3])
    detail = detail[np.min(corners, axis=0) > 0]
    return float(np.median(np.abs(detail)) / 0.6745) if detail.size else 0.0


# ------------------------------------------------------------------ one disc
@dataclass(frozen=True, eq=False)
class DiscAdc:
    """ADC of one disc in um2/ms.

    Parameters
    ----------
    mean, median, sd
        Over the voxels used of the whole disc, eroded by one diffusion voxel.
    nucleus
        Mean over the nucleus region; ``None`` where it holds too few voxels.
    voxels, rejected
        Used, and left out as impossible (free water exceeded, or not above zero).
    source
        ``"fit"`` or ``"map"`` (the scanner's).
    residual_mm
        How far the disc on T2 and on the aligned diffusion images still are apart.
    findings
        What was noticed.
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
        """The values that go into the table; what could not be had is absent."""
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

    A diffusion voxel belongs to the eroded disc where it and the points one voxel away from
    it, in eight directions in its slice, all lie inside the disc's T2 mask after alignment,
    at the middle and at both faces of the slice.  The nucleus region (central 60 % of the
    width, 55 % of the height, three central slices) is a part of the eroded disc.

    Parameters
    ----------
    adc
        The fit of the diffusion images, or the scanner's map.
    alignment
        Diffusion images to T2 (:func:`discmri.align.align`).
    level, outline
        Which disc and its borders on T2.
    settings
        ``adc_ceiling_um2_ms`` and ``adc_min_voxels`` are used.

    Raises
    ------
    MeasurementError
        ``ADC_FEW_VOXELS``, ``ADC_MISALIGNED`` or ``ADC_IMPLAUSIBLE``.
    """
    image = adc.adc if isinstance(adc, AdcFit) else adc.volume
    residual_mm = alignment.residual_of(level)
    _tall_enough(image.grid, level, outline)
    index, points = _eroded(image.grid, alignment, outline)
    values = image.array[tuple(index.T)].astype(float)
    good = (values > 0) & (values <= settings.adc_ceiling_um2_ms)
    used, rejected = int(good.sum()), int((~good).sum())
    what = f"{level.value}: {used} diffusion voxels lie safely inside the disc"
    if used + rejected < settings.adc_min_voxels:
        raise MeasurementError(
            Code.ADC_FEW_VOXELS, f"{what}, {settings.adc_min_voxels} are needed"
        )
    mean = float(values[good].mean()) if used else 0.0
    if mean < MIN_ADC_UM2_MS or rejected > TOO_MANY_REJECTED * (used + rejected):
        raise MeasurementError(
            Code.ADC_IMPLAUSIBLE,
            f"{what} and {rejected} more are impossible; mean {mean:.2f} um2/ms",
        )
    nucleus = good & _in_nucleus(image.grid, outline, points)
    enough = int(nucleus.sum()) >= settings.adc_min_voxels
    findings = [*_on_rejected(level, used, rejected, settings), *_on_noise(adc, index, level)]
    if not enough:
        text = f"{level.value}: {int(nucleus.sum())} diffusion voxels in the nucleus are too few"
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
    """Refuse a disc lower than four diffusion voxels: endplates would be in all of them."""
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
    """(n, 3) voxel offsets: eight at distance one in the slice and the middle, on its three levels."""
    angles = np.arange(8) * np.pi / 4
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ring = np.concatenate([np.zeros((1, 2)), ring])
    levels = [np.insert(ring, slice_axis, depth, axis=1) for depth in (0.0, -0.5, 0.5)]
    return np.concatenate(levels)


def _in_nucleus(grid: Grid, outline: DiscOutline, points: Array) -> NDArray[np.bool_]:
    """Which points lie in the nucleus region on the three central diffusion slices."""
    if not len(points):
        return np.zeros(0, dtype=bool)
    place = locate(outline, points)
    reach = 1.5 * float(grid.spacing_mm[grid.sagittal_axis])
    return place.within(NUCLEUS_ALONG, NUCLEUS_UP) & (np.abs(place.left_mm) <= reach)


def _on_rejected(level: DiscLevel, used: int, rejected: int, settings: Settings) -> list[Finding]:
    """Say when voxels were left out; a flag only where they are many."""
    if not rejected:
        return []
    text = (
        f"{level.value}: {rejected} of {used + rejected} diffusion voxels are not within 0 to "
        f"{settings.adc_ceiling_um2_ms:g} um2/ms and were left out"
    )
    many = rejected > MANY_REJECTED * (used + rejected)
    return [(warning if many else info)(Code.ADC_ABOVE_FREE_WATER, text, level)]


def _on_noise(adc: AdcFit | AdcMap, index: NDArray[np.intp], level: DiscLevel) -> list[Finding]:
    """Say when the images are close to the noise, or when only the scanner's map was had."""
    if isinstance(adc, AdcMap):
        return []
    snr = float(np.median(adc.lowest_snr.array[tuple(index.T)]))
    if snr >= LOW_SNR:
        return []
    text = f"{level.value}: the signal at the highest b-value is {snr:.1f} times the noise"
    return [warning(Code.ADC_LOW_SNR, text, level)]
