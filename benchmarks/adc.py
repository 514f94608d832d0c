"""The fit of the ADC beside a Rician maximum-likelihood fit, on simulated voxels.

The likelihood fit is given the true noise and, for trace images, the three images that the scanner
combined: no fit of the same scan can be expected to do better.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from discmri.core.diffusion import BValue, DiffusionSeries, DirectionKind
from discmri.core.volume import Array
from discmri.measurement.adc import fit_adc

B_VALUES = ((0, 400), (50, 400, 800), (0, 200, 400, 800))
SNRS = (10, 20, 30, 60)
ADCS_UM2_MS = (0.6, 1.2, 1.8)
DIRECTIONS = np.eye(3)
ROUNDS = 40


@dataclass(frozen=True)
class Scan:
    """What is simulated: half a picture of one tissue, half of air.

    Parameters
    ----------
    b_s_per_mm2
        The b-values; above 0 three directions each, or their trace image.
    snr
        Signal without diffusion weighting over the noise.
    adc_um2_ms
        Of the tissue, alike in all directions.
    """

    b_s_per_mm2: tuple[int, ...]
    snr: float
    adc_um2_ms: float

    def images(self, shape: tuple[int, int, int]) -> list[tuple[float, Array]]:
        """b-value in ms/um2 and image of every direction; the noise's SD is 1."""
        random = np.random.default_rng(
            [*self.b_s_per_mm2, int(self.snr), int(10 * self.adc_um2_ms)]
        )
        tissue = np.zeros(shape)
        tissue[: shape[0] // 2] = self.snr
        made = []
        for b in self.b_s_per_mm2:
            for _ in DIRECTIONS if b > 0 else DIRECTIONS[:1]:
                real, imaginary = random.normal(size=(2, *shape))
                amplitude = tissue * np.exp(-1e-3 * b * self.adc_um2_ms)
                made.append((1e-3 * b, np.hypot(amplitude + real, imaginary)))
        return made


def main(quick: bool = False) -> None:
    """Print bias and SD of both fits by b-values, SNR and ADC."""
    shape = (32, 24, 4) if quick else (80, 64, 8)
    print(
        f"{'b (s/mm2)':18}{'SNR':>5}{'ADC':>6}   bias % and SD % of: trace, directions, likelihood"
    )
    excess = []
    for b, snr, adc in itertools.product(B_VALUES, SNRS[::3] if quick else SNRS, ADCS_UM2_MS):
        scan = Scan(b, snr, adc)
        images = scan.images(shape)
        found = [
            fit_adc(_series(images, trace)).adc.array[: shape[0] // 2].ravel()
            for trace in (True, False)
        ]
        tissue = np.array([image[: shape[0] // 2].ravel() for _, image in images])
        found.append(likelihood_fit(tissue, np.array([one for one, _ in images]), snr, adc))
        errors = [100 * (one / adc - 1) for one in found]
        shown = "".join(f"{e.mean():9.2f} ±{e.std():6.2f}" for e in errors)
        print(f"{'/'.join(map(str, b)):18}{snr:5}{adc:6.1f}{shown}")
        rms = [float(np.sqrt(np.mean(e**2))) for e in errors]
        excess.append((max(rms[:2]) / rms[2] - 1, f"{b}, SNR {snr}, ADC {adc}"))
    worst = max(excess)
    middle = float(np.median([one for one, _ in excess]))
    print(f"RMS error over that of the likelihood fit: median {100 * middle:+.1f} %, ", end="")
    print(f"worst {100 * worst[0]:+.1f} % ({worst[1]})")


def _series(images: list[tuple[float, Array]], trace: bool) -> DiffusionSeries:
    """The images as a scanner stores them."""
    pictures, values = [], []
    for b, group in itertools.groupby(images, key=lambda one: one[0]):
        stack = [image for _, image in group]
        if b == 0:
            kinds = [(stack[0], DirectionKind.NONE, None)]
        elif trace:
            mean = np.exp(np.mean(np.log(stack), axis=0))
            kinds = [(mean, DirectionKind.TRACE, None)]
        else:
            kinds = [
                (image, DirectionKind.DIRECTIONAL, tuple(way))
                for image, way in zip(stack, DIRECTIONS, strict=True)
            ]
        for image, kind, way in kinds:
            pictures.append(image)
            values.append(BValue(1e3 * b, "simulated", kind, way))
    return DiffusionSeries(
        np.stack(pictures, axis=-1), np.diag([2.0, 2.0, 4.0, 1.0]), tuple(values)
    )


def likelihood_fit(magnitudes: Array, b: Array, snr: float, adc: float) -> Array:
    """ADC of largest Rician likelihood by damped scoring from the truth; noise of SD 1.

    Parameters
    ----------
    magnitudes
        (images, voxels).
    b
        (images,) ms/um2.
    snr, adc
        Where the search starts.
    """
    from scipy.special import ive

    log_s0 = np.full(magnitudes.shape[1], np.log(snr))
    d = np.full(magnitudes.shape[1], adc)
    for _ in range(ROUNDS):
        amplitude = np.exp(log_s0 - b[:, None] * d)
        product = magnitudes * amplitude
        slope = (magnitudes * ive(1, product) / ive(0, product) - amplitude) * amplitude
        weight = amplitude**2
        s0, s1, s2 = (np.sum(weight * b[:, None] ** n, axis=0) for n in range(3))
        g0, g1 = slope.sum(axis=0), -(b[:, None] * slope).sum(axis=0)
        determinant = s0 * s2 - s1**2
        log_s0 = log_s0 + np.clip((s2 * g0 + s1 * g1) / determinant, -0.5, 0.5)
        d = d + np.clip((s1 * g0 + s0 * g1) / determinant, -0.5, 0.5)
    return np.asarray(d)
