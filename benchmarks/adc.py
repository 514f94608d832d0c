"""The fit of the ADC beside a Rician maximum-likelihood fit and dipy's, on simulated voxels.

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

B_VALUES = ((0, 400), (0, 400, 800), (50, 400, 800), (0, 200, 400, 800))
SNRS = (10, 20, 30, 60)
ADCS_UM2_MS = (0.6, 1.2, 1.8)
DIRECTIONS = np.array(
    [[1, 1, 0], [1, -1, 0], [1, 0, 1], [1, 0, -1], [0, 1, 1], [0, 1, -1]]
) / np.sqrt(2)  # six, the least that dipy's tensor needs
ROUNDS = 40
DIPY = {
    (0, 400): {10: (29.5, 29.5), 20: (16.3, 16.3), 30: (10.8, 10.8), 60: (5.4, 5.4)},
    (0, 400, 800): {10: (17.8, 17.6), 20: (9.0, 9.0), 30: (6.0, 6.0), 60: (3.0, 3.0)},
    (50, 400, 800): {10: (13.4, 13.3), 20: (6.6, 6.6), 30: (4.5, 4.5), 60: (2.2, 2.2)},
    (0, 200, 400, 800): {10: (15.9, 15.6), 20: (7.8, 7.8), 30: (5.2, 5.2), 60: (2.6, 2.6)},
}
"""RMS error in % of the mean diffusivity by ``dipy.reconst.dti.TensorModel`` of dipy 1.12.1 on the
same images, 5120 voxels of each ADC: weighted and nonlinear least squares."""


@dataclass(frozen=True)
class Scan:
    """What is simulated: half a picture of one tissue, half of air.

    Parameters
    ----------
    b_s_per_mm2
        The b-values; above 0 some directions each, or their trace image.
    snr
        Signal without diffusion weighting over the noise.
    adc_um2_ms
        Of the tissue, alike in all directions.
    directions
        How many; a trace image is the mean of three.
    """

    b_s_per_mm2: tuple[int, ...]
    snr: float
    adc_um2_ms: float
    directions: int = len(DIRECTIONS)

    def images(self, shape: tuple[int, int, int]) -> list[tuple[float, Array]]:
        """b-value in ms/um2 and image of every direction; the noise's SD is 1."""
        random = np.random.default_rng(
            [*self.b_s_per_mm2, int(self.snr), int(10 * self.adc_um2_ms)]
        )
        tissue = np.zeros(shape)
        tissue[: shape[0] // 2] = self.snr
        made = []
        for b in self.b_s_per_mm2:
            for _ in range(self.directions if b > 0 else 1):
                real, imaginary = random.normal(size=(2, *shape))
                amplitude = tissue * np.exp(-1e-3 * b * self.adc_um2_ms)
                made.append((1e-3 * b, np.hypot(amplitude + real, imaginary)))
        return made


def main(quick: bool = False) -> None:
    """Print the RMS error and the largest bias of every fit by b-values and SNR."""
    shape = (32, 24, 4) if quick else (80, 64, 8)
    print("RMS error in % over ADCs of 0.6, 1.2 and 1.8 um2/ms (largest bias)")
    print(
        f"{'b (s/mm2)':15}{'SNR':>4}{'trace of 3':>15}{'likelihood':>15}"
        f"{'6 directions':>15}{'likelihood':>15}{'dipy WLS':>10}{'dipy NLLS':>10}"
    )
    excess = []
    for b, snr in itertools.product(B_VALUES, SNRS[::3] if quick else SNRS):
        errors = np.array([_errors(b, snr, adc, shape) for adc in ADCS_UM2_MS])
        rms = np.sqrt((errors**2).mean(axis=(0, 2)))
        bias = errors.mean(axis=2)
        worst = np.take_along_axis(bias, np.abs(bias).argmax(axis=0)[None], axis=0)[0]
        shown = "".join(f"{one:7.1f} ({most:+5.1f})" for one, most in zip(rms, worst, strict=True))
        print(
            f"{'/'.join(map(str, b)):15}{snr:4}{shown}" + "{:10.1f}{:10.1f}".format(*DIPY[b][snr])
        )
        own, best = np.sqrt((errors**2).mean(axis=2)).reshape(-1, 2, 2).transpose(2, 0, 1)
        excess += [
            (float(one), f"{b}, SNR {snr}, ADC {adc}, {what}")
            for adc, both in zip(ADCS_UM2_MS, own / best - 1, strict=True)
            for what, one in zip(("trace", "directions"), both, strict=True)
        ]
    most = max(excess)
    middle = float(np.median([one for one, _ in excess]))
    print(f"RMS error over that of the likelihood fit: median {100 * middle:+.1f} %, ", end="")
    print(f"worst {100 * most[0]:+.1f} % ({most[1]})")


def _errors(
    b_s_per_mm2: tuple[int, ...], snr: float, adc: float, shape: tuple[int, int, int]
) -> Array:
    """(4, voxels) errors in %: our fit and the likelihood fit, to trace images and to directions."""
    found, half = [], shape[0] // 2
    for directions in (3, 6):
        images = Scan(b_s_per_mm2, snr, adc, directions).images(shape)
        found.append(fit_adc(_series(images, directions == 3)).adc.array[:half].ravel())
        tissue = np.array([image[:half].ravel() for _, image in images])
        found.append(likelihood_fit(tissue, np.array([b for b, _ in images]), snr, adc))
    return np.asarray(100 * (np.array(found) / adc - 1))


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
