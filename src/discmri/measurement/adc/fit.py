"""Iterated weighted log-linear least squares of diffusion images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from discmri.core.diffusion import BValue, DiffusionSeries, DirectionKind
from discmri.core.findings import Code, MeasurementError
from discmri.core.volume import Array, Volume
from discmri.measurement.adc.noise import estimate_noise

ITERATIONS = 3
CHUNK = 1 << 14  # voxels per step, so that they fit into the processor's cache
FLOOR_ITERATIONS = 6
LEAST_B_RANGE_S_PER_MM2 = 50.0
FITTED_FROM_NOISE = 3.0  # times the noise, at the lowest b-value; the rest is air
FLOOR_SNR = 3.0  # below it the noise floor raises the logarithm noticeably
TRACE_DIRECTIONS = 3  # usual number of directions of a trace image


@dataclass(frozen=True, eq=False)
class AdcFit:
    """Fitted ADC, signal and noise, on the grid of the diffusion images.

    Parameters
    ----------
    adc
        um2/ms; exactly 0 in voxels without signal.
    s0
        Fitted signal without diffusion weighting.
    noise
        Standard deviation of the noise of one image at the highest b-value, in units of the signal.
    b_s_per_mm2
        Distinct b-values that were fitted, ascending.
    images
        Number of images of each b-value.
    """

    adc: Volume
    s0: Volume
    noise: float
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
    weights n S^2 (n images, S the signal predicted by the previous fit): one unweighted round, then
    three weighted ones.

    Noise floor: the logarithm of a Rician magnitude exceeds that of its amplitude A on
    average by E1(A^2 / 2 sigma^2) / 2 (E1 the exponential integral).  This excess, computed with
    the predicted A, is subtracted in voxels whose A at the highest b-value is below three times the
    noise.  The noise is estimated from one image each of the lowest and the highest b-value
    (:func:`estimate_noise`).  An image of m averages counts m times, with the noise divided by
    the square root of m.

    Parameters
    ----------
    series
        Images with at least two different b-values.

    Returns
    -------
    AdcFit
        ADC in um2/ms and signal at b = 0, (i, j, k) each.

    Raises
    ------
    MeasurementError
        ``ADC_NOT_FITTED`` if no two b-values are at least 50 s/mm² apart, or without signal.

    Examples
    --------
    >>> signal = np.stack([np.full((4, 4, 4), 100.0 * np.exp(-b * 1.5e-3)) for b in (0, 800)], axis=-1)
    >>> series = DiffusionSeries(signal, np.eye(4), (BValue(0.0, ""), BValue(800.0, "")))
    >>> round(float(fit_adc(series).adc.array[0, 0, 0]), 3)
    1.5
    """
    groups = _groups(series)
    b_values = np.array(sorted(groups))
    if len(b_values) < 2 or np.ptp(b_values) < LEAST_B_RANGE_S_PER_MM2:
        raise MeasurementError(
            Code.ADC_NOT_FITTED,
            f"the fit needs two b-values at least 50 s/mm2 apart, got {b_values.tolist()}",
        )
    ends = [groups[b][0][0] for b in b_values[[0, -1]]]
    averages = _relative_averages(series)
    noise = estimate_noise(
        [_as_acquired(series.signal[..., n], averages[n]) for n in ends],
        [TRACE_DIRECTIONS if series.b_values[n].kind is DirectionKind.TRACE else 1 for n in ends],
    )
    signal = series.signal.reshape(-1, series.signal.shape[-1])
    first = signal[:, groups[b_values[0]][0][0]]
    at_b = np.array([_noise_factor(averages, groups[b]) for b in b_values], dtype=np.float32)
    where = np.flatnonzero(first > FITTED_FROM_NOISE * noise * float(at_b[0]))
    if not where.size:
        raise MeasurementError(Code.ADC_NOT_FITTED, "the diffusion images hold no signal")
    images = [sum(map(len, groups[b])) for b in b_values]
    counts = np.array([sum(averages[n] for d in groups[b] for n in d) for b in b_values])
    counts = counts.astype(np.float32)
    maps = np.zeros((2, len(signal)), dtype=np.float32)
    per_ms = (b_values * 1e-3).astype(np.float32)
    for start in range(0, len(where), CHUNK):
        chunk = where[start : start + CHUNK]
        samples = np.ascontiguousarray(signal[chunk].T, dtype=np.float32)
        np.maximum(samples, max(0.1 * noise * float(at_b.min()), 1e-6), out=samples)
        logs = np.log(samples)
        mean_logs = np.stack([_combined(logs, groups[b], averages) for b in b_values])
        maps[:, chunk] = _fit(mean_logs, per_ms, counts, noise * at_b)
    adc, s0 = (m.reshape(series.signal.shape[:3]) for m in maps)
    return AdcFit(
        adc=Volume(adc, series.affine, "um2/ms"),
        s0=Volume(s0, series.affine),
        noise=noise * float(at_b[-1]),
        b_s_per_mm2=tuple(float(b) for b in b_values),
        images=tuple(images),
    )


def _groups(series: DiffusionSeries) -> dict[float, list[list[int]]]:
    """Image numbers by b-value, then by direction, with repeats of a direction in one list.

    If a b-value has trace images, directional images are used only with three directions or more;
    otherwise the trace images are used alone.
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
    """A key that is equal for equal and for opposite directions."""
    if b_value.kind is DirectionKind.NONE:
        return "none"
    if b_value.direction is None:
        return n
    rounded = np.round(b_value.direction, 2) + 0.0
    leading = rounded[np.flatnonzero(rounded)[0]] if rounded.any() else 1.0
    return tuple((rounded * np.sign(leading)).tolist())


def _relative_averages(series: DiffusionSeries) -> Array:
    """(n,) number of averages of each image / the smallest number; ones if unknown."""
    if len(series.averages) != series.signal.shape[-1]:
        return np.ones(series.signal.shape[-1])
    stated = np.array(series.averages, dtype=float)
    return np.asarray(stated / stated.min())


def _as_acquired(image: Array, averages: float) -> Array:
    """An image scaled to the noise of an image with the fewest averages."""
    return image if averages == 1 else np.asarray(image * np.float32(np.sqrt(averages)))


def _noise_factor(averages: Array, directions: list[list[int]]) -> float:
    """Noise of an image of a b-value / noise of an image with the fewest averages."""
    return float(np.mean([averages[n] for d in directions for n in d]) ** -0.5)


def _combined(logs: Array, directions: list[list[int]], averages: Array) -> Array:
    """Mean of the logarithms over directions; repeats are first averaged, weighted by averages."""
    if len(directions) == 1 and len(directions[0]) == 1:
        return np.asarray(logs[directions[0][0]])
    if all(np.ptp(averages[d]) == 0 for d in directions):
        return np.asarray(np.mean([np.mean(logs[d], axis=0) for d in directions], axis=0))
    means = [np.average(logs[d], axis=0, weights=averages[d]) for d in directions]
    return np.asarray(np.mean(means, axis=0), dtype=logs.dtype)


def _fit(logs: Array, b: Array, counts: Array, noise: Array) -> Array:
    """(2, v): ADC in um2/ms and S0 from (b, v) logarithms; ``b`` in ms/um2, (b,) noise."""
    weights = np.repeat(counts[:, None], logs.shape[1], axis=1)
    intercept, adc = _line(logs, b, weights)
    for _ in range(ITERATIONS):
        _decay(b, adc, counts, weights)
        intercept, adc = _line(logs, b, weights)
    if noise[-1] > 0:
        low = np.flatnonzero(intercept - b[-1] * adc < np.log(FLOOR_SNR * noise[-1]))
        if low.size:
            start = intercept[low], adc[low]
            intercept[low], adc[low] = _above_floor(logs[:, low], b, counts, noise, start)
    return np.stack([adc, np.exp(intercept)])


def _decay(b: Array, adc: Array, counts: Array, out: Array) -> None:
    """Weights n exp(-2 b ADC), the squared signal up to a factor that cancels."""
    np.multiply(-2.0 * b[:, None], np.clip(adc, -1.0, 8.0), out=out)
    np.exp(out, out=out)
    out *= counts[:, None]


def _line(y: Array, b: Array, w: Array) -> tuple[Array, Array]:
    """Weighted straight line y = a - b d through (b, v) points, in closed form."""
    sw, swb, swbb, swy, swby = np.zeros((5, y.shape[1]), dtype=y.dtype)
    for b_i, y_i, w_i in zip(b, y, w, strict=True):
        wy = w_i * y_i
        sw += w_i
        swy += wy
        if b_i != 0:
            swb += b_i * w_i
            swbb += b_i * b_i * w_i
            wy *= b_i
            swby += wy
    d = (swb * swy - sw * swby) / (sw * swbb - swb * swb)
    return (swy + swb * d) / sw, d


def _above_floor(
    logs: Array, b: Array, counts: Array, noise: Array, start: tuple[Array, Array]
) -> tuple[Array, Array]:
    """The weighted fit after subtracting the mean excess of the Rician logarithm."""
    at, table = _excess_table()
    # Plain numbers keep the arrays in single precision.
    lowest, per_step = float(at[0]), float(1 / (at[1] - at[0]))
    log_noise = np.log(noise)[:, None]
    intercept, adc = start
    weights = np.empty_like(logs)
    for _ in range(FLOOR_ITERATIONS):
        log_snr = intercept - b[:, None] * np.clip(adc, -1.0, 8.0) - log_noise
        place = (log_snr - lowest) * per_step
        excess = table[np.clip(place, 0, len(at) - 1).astype(np.intp)]
        _decay(b, adc, counts, weights)
        new_intercept, new_adc = _line(logs - excess, b, weights)
        intercept, adc = 0.5 * (intercept + new_intercept), 0.5 * (adc + new_adc)
    return intercept, adc


@cache
def _excess_table() -> tuple[Array, Array]:
    """Mean excess of a Rician logarithm, E1(r^2 / 2) / 2, as a function of ln r.

    It is constant below r = 0.7, where the logarithm no longer depends on the amplitude.
    """
    from scipy.special import exp1

    log_snr = np.linspace(np.log(0.7), np.log(6.0), 8000)
    return log_snr, np.asarray(0.5 * exp1(0.5 * np.exp(2 * log_snr)), dtype=np.float32)
