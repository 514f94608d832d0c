"""T2 signal of a disc against cerebrospinal fluid, fat and its own annulus.

Everything is measured after the receive coil's shading was removed, on the central slices,
in places told by the disc's own borders (:mod:`discmri.regions`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from discmri.findings import Code, Finding, MeasurementError, info, warning
from discmri.labels import SpineLabels
from discmri.levels import DiscLevel, Vertebra
from discmri.outline import DiscFrame, DiscOutline
from discmri.records import Measurement
from discmri.regions import NUCLEUS_ALONG, NUCLEUS_UP, central_sections, part, straighten
from discmri.volume import Array, SoftMask, Volume

CENTRAL_SLICES = 3
MIDDLE_UP = (0.25, 0.75)  # rows away from both endplates
INNER_ALONG = (0.15, 0.85)  # nucleus and the inner fibres of the annulus
POSTERIOR_OUTER_ALONG = (0.02, 0.16)
POSTERIOR_INNER_ALONG = (0.20, 0.40)
ANTERIOR_OUTER_ALONG = (0.86, 0.97)
CSF_REACH_MM = 12.0  # along the spine, either side of the disc
CSF_MIN_VOXELS = 8
FAT_BAND_MM = (3.0, 12.0)  # in front of the sacrum
FAT_MIN_POINTS = 40


@dataclass(frozen=True, eq=False)
class DiscSignal:
    """T2 signal of one disc, in the arbitrary unit of the image unless said otherwise.

    Parameters
    ----------
    nucleus
        Median over the nucleus region.
    inner
        Median over nucleus and inner annulus, what Griffith's grades speak of.
    annulus
        Median over the outer annulus, anterior and posterior.
    outer_posterior
        Lowest robust signal along the posterior margin inside the disc.
    distinctness
        Step from the inner to the outer posterior annulus / CSF (or / nucleus without CSF).
    bimodality
        Ashman's D of two Gaussians fitted to the histogram; ``None`` where the fit fails.
    csf, csf_source
        Cerebrospinal fluid; ``"level"`` or ``"canal"`` (where the canal is narrow at this
        level); ``None`` and ``""`` where there is none.
    fat
        Presacral fat, ``None`` where it could not be told.
    findings
        What is missing and why.
    """

    nucleus: float
    inner: float
    annulus: float
    outer_posterior: float
    distinctness: float
    bimodality: float | None
    csf: float | None
    csf_source: str
    fat: float | None
    findings: tuple[Finding, ...] = ()

    @property
    def ratio_csf(self) -> float | None:
        """Nucleus / CSF."""
        return None if self.csf is None else self.nucleus / self.csf

    @property
    def contrast(self) -> float | None:
        """(nucleus - annulus) / CSF."""
        return None if self.csf is None else (self.nucleus - self.annulus) / self.csf

    @property
    def measurements(self) -> Mapping[str, Measurement]:
        """The values that go into the table; what could not be had is absent."""
        values = {
            "signal_ratio_csf": (self.ratio_csf, f"median/{self.csf_source}"),
            "signal_contrast": (self.contrast, f"median/{self.csf_source}"),
            "signal_bimodality": (self.bimodality, "ashman-d"),
        }
        return {
            name: Measurement(name, round(value, 6), method)
            for name, (value, method) in values.items()
            if value is not None
        }


# ------------------------------------------------------------------ shading of the coil
def flatten(image: Volume, labels: SpineLabels) -> Volume:
    """Remove the slow shading of the receive coil around the spine.

    Marrow of the bodies, marrow of the sacrum and CSF are each taken as one tissue of
    unknown but constant signal.  A cubic surface in the sagittal plane, common to all of
    them, is fitted to the logarithm of their signal (least squares with Huber's weights);
    its exponential is the shading.  Beyond the labelled spine the shading of its border is
    continued.  The mean over the discs is kept.  An image whose labels hold neither bodies
    nor canal is returned as it is.

    Parameters
    ----------
    image
        The segmented T2 image.
    labels
        Named structures on the image's grid.

    Returns
    -------
    Volume
        Same grid and unit.
    """
    tissues = _even_tissues(image, labels)
    if not tissues:
        return image
    plane = np.concatenate([points[:, 1:] for points, _ in tissues])
    centre, half = plane.mean(axis=0), np.maximum(np.ptp(plane, axis=0) / 2, 20.0)
    low, high = (np.percentile(plane, q, axis=0) for q in (1, 99))
    terms = np.concatenate([_surface((points[:, 1:] - centre) / half) for points, _ in tissues])
    constants = np.zeros((len(terms), len(tissues)))
    start = 0
    for n, (points, _) in enumerate(tissues):
        constants[start : start + len(points), n] = 1.0
        start += len(points)
    log_signal = np.concatenate([np.log(values) for _, values in tissues])
    balance = 1.0 / (constants.sum(axis=0) @ constants.T)
    surface = _huber(np.hstack([terms, constants]), log_signal, balance)[: terms.shape[1]]

    def shading(points_mm: Array) -> Array:
        """Logarithm of the shading at RAS+ points."""
        inside = np.clip(points_mm[..., 1:], low, high)
        return np.asarray(_surface((inside - centre) / half) @ surface)

    structures = list(labels.discs.values()) or list(labels.vertebrae.values())
    level = float(np.mean([shading(mask.centroid_mm) for mask in structures]))
    field = _on_grid(image, shading)
    return Volume(image.array * np.exp(level - field), image.affine, image.unit)


def _even_tissues(image: Volume, labels: SpineLabels) -> list[tuple[Array, Array]]:
    """Points and signal of each tissue that should look alike everywhere."""
    bodies = [m for v, m in labels.vertebrae.items() if v is not Vertebra.SACRUM]
    sacrum = [m for v, m in labels.vertebrae.items() if v is Vertebra.SACRUM]
    tissues = []
    for masks in (bodies, sacrum):
        inside = [_inside(image, mask, 0.98) for mask in masks]
        tissues.append(_joined(inside))
    if labels.canal is not None:
        points, values = _inside(image, labels.canal, 0.8)
        bins = np.floor(points[:, 2] / 10.0).astype(int)
        bright = [
            (points[at & (values >= 0.8 * top)], values[at & (values >= 0.8 * top)])
            for at in (bins == b for b in np.unique(bins))
            if (top := _percentile(values[at], 95)) > 0 and at.sum() >= 10
        ]
        tissues.append(_joined(bright))
    return [(points, values) for points, values in tissues if len(values) >= 50]


def _inside(image: Volume, mask: SoftMask, fraction: float) -> tuple[Array, Array]:
    """RAS+ centres and positive image values of (at most 4000) voxels well inside a mask."""
    index = np.argwhere(mask.array >= fraction)
    index = index[:: max(len(index) // 4000, 1)]
    points = mask.grid.to_world(index)
    values = image.sample(points)
    return points[values > 0], values[values > 0]


def _joined(pieces: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Several sets of points and values as one."""
    if not pieces:
        return np.empty((0, 3)), np.empty(0)
    return np.concatenate([p for p, _ in pieces]), np.concatenate([v for _, v in pieces])


def _surface(plane: Array) -> Array:
    """(..., 6) polynomial terms of (anterior, superior) coordinates within about -1 to 1."""
    a, s = plane[..., 0], plane[..., 1]
    return np.stack([a, s, a * a, a * s, s * s, s**3], axis=-1)


def _huber(design: Array, target: Array, weights: Array, rounds: int = 6) -> Array:
    """Least squares with Huber's weights and a trace of ridge against empty directions."""
    w = weights
    ridge = 1e-4 * np.trace(design.T @ (design * w[:, None])) / design.shape[1]
    solution = np.zeros(design.shape[1])
    for _ in range(rounds):
        normal = design.T @ (design * w[:, None]) + ridge * np.eye(design.shape[1])
        solution = np.linalg.solve(normal, design.T @ (target * w))
        residual = np.abs(target - design @ solution)
        knee = max(1.345 * 1.4826 * float(np.median(residual)), 1e-6)
        w = weights * np.minimum(1.0, knee / np.maximum(residual, 1e-12))
    return solution


def _on_grid(image: Volume, shading: Callable[[Array], Array]) -> Array:
    """A slow field on the grid of an image: every eighth voxel, the rest linearly between."""
    nodes = [np.unique(np.append(np.arange(0, n, 8), n - 1)) for n in image.shape]
    mesh = np.stack(np.meshgrid(*nodes, indexing="ij"), axis=-1)
    field = shading(image.grid.to_world(mesh)).astype(np.float32)
    for size, at in zip(image.shape, nodes, strict=True):
        hats = np.array([np.interp(np.arange(size), at, row) for row in np.eye(len(at))])
        field = np.tensordot(field, hats.astype(np.float32), axes=(0, 0))  # axes rotate once
    return field


# ------------------------------------------------------------------ measuring one disc
def measure_signal(
    image: Volume,
    labels: SpineLabels,
    level: DiscLevel,
    outline: DiscOutline,
    fat_suppressed: bool = False,
) -> DiscSignal:
    """Signal of one disc and of what it is compared with.

    Parameters
    ----------
    image
        T2 image, flattened (:func:`flatten`).
    labels
        Named structures; canal and sacrum serve for the comparators.
    level, outline
        Which disc and its borders.
    fat_suppressed
        Fat is then no comparator and is not looked for.

    Raises
    ------
    MeasurementError
        ``SIGNAL_NOT_MEASURED`` where the disc itself holds no signal.
    """
    disc = straighten(image, outline, central_sections(outline, CENTRAL_SLICES))
    nucleus = _median(part(disc, NUCLEUS_ALONG, NUCLEUS_UP))
    if not nucleus > 0:
        raise MeasurementError(
            Code.SIGNAL_NOT_MEASURED, f"{level.value}: the image has no signal in the nucleus"
        )
    findings = []
    csf, csf_source = _csf(image, labels.canal, outline.frame)
    if csf is None:
        findings.append(warning(Code.CSF_NOT_FOUND, _no_csf(level, labels), level))
    fat = None if fat_suppressed else _presacral_fat(image, labels)
    if fat is None:
        why = "the image is fat-suppressed" if fat_suppressed else "none told before the sacrum"
        findings.append(info(Code.FAT_NOT_FOUND, f"no presacral fat to compare with: {why}", level))
    outer = _percentile(part(disc, POSTERIOR_OUTER_ALONG, MIDDLE_UP), 20)
    posterior_inner = _median(part(disc, POSTERIOR_INNER_ALONG, MIDDLE_UP))
    rims = [part(disc, where, MIDDLE_UP) for where in (POSTERIOR_OUTER_ALONG, ANTERIOR_OUTER_ALONG)]
    return DiscSignal(
        nucleus=nucleus,
        inner=_median(part(disc, INNER_ALONG, NUCLEUS_UP)),
        annulus=_median(np.concatenate([rim.ravel() for rim in rims])),
        outer_posterior=outer,
        distinctness=(posterior_inner - outer) / (csf or nucleus),
        bimodality=ashman_d(part(disc, (0.03, 0.97), (0.1, 0.9)).ravel()),
        csf=csf,
        csf_source=csf_source,
        fat=fat,
        findings=tuple(findings),
    )


def ashman_d(values: Array) -> float | None:
    """Separation of the two Gaussians that best make up a histogram.

    D = sqrt(2) |m1 - m2| / sqrt(s1^2 + s2^2); above 2 the two are cleanly apart (Ashman,
    Bird and Zepf 1994).  Fitted by expectation maximisation from the quartiles; the peaks of
    annulus and nucleus come together as a disc degenerates (Waldenberg 2018).

    Parameters
    ----------
    values
        (n,) signal of the disc's voxels.

    Returns
    -------
    float or None
        ``None`` for fewer than 20 values or a constant picture.
    """
    values = np.asarray(values, dtype=float)
    spread = float(np.std(values)) if values.size >= 20 else 0.0
    if spread == 0.0:
        return None
    z = (values - values.mean()) / spread
    mean, sd = np.percentile(z, [25, 75]), np.array([0.7, 0.7])
    share = np.array([0.5, 0.5])
    for _ in range(200):
        density = share / sd * np.exp(-0.5 * ((z[:, None] - mean) / sd) ** 2) + 1e-300
        belongs = density / density.sum(axis=1, keepdims=True)
        total = belongs.sum(axis=0) + 1e-9
        before = mean
        mean = (belongs * z[:, None]).sum(axis=0) / total
        sd = np.sqrt((belongs * (z[:, None] - mean) ** 2).sum(axis=0) / total + 1e-4)
        share = total / len(z)
        if np.abs(mean - before).max() < 1e-6:
            break
    return float(np.sqrt(2.0) * abs(mean[1] - mean[0]) / np.hypot(*sd))


def _csf(image: Volume, canal: SoftMask | None, frame: DiscFrame) -> tuple[float | None, str]:
    """Signal of CSF at a disc and where it was found.

    The bright part of the canal, above 80 % of its 95th percentile, leaves out roots, conus
    and flow voids.  Where the canal beside the disc reaches less than three quarters of what
    the whole canal shows (stenosis, roots crowded together), the canal's value serves.
    """
    if canal is None:
        return None, ""
    points, values = _inside(image, canal, 0.8)
    if len(values) < CSF_MIN_VOXELS:
        return None, ""
    near = frame.to_frame(points)
    beside = values[(np.abs(near[:, 1]) <= CSF_REACH_MM) & (np.abs(near[:, 2]) <= CSF_REACH_MM)]
    whole = _bright(values)
    if len(beside) >= CSF_MIN_VOXELS and _bright(beside) >= 0.75 * whole:
        return _bright(beside), "level"
    return whole, "canal"


def _no_csf(level: DiscLevel, labels: SpineLabels) -> str:
    """Why there is no CSF."""
    why = "no spinal canal was found" if labels.canal is None else "the canal is too narrow"
    return f"{level.value}: {why}, so there is no cerebrospinal fluid to compare with"


def _presacral_fat(image: Volume, labels: SpineLabels) -> float | None:
    """Signal of the fat in front of the sacrum, or ``None`` where nothing there is like fat.

    Fat shows as an even bright layer: of the band before the sacrum's anterior border the
    upper half must be even (90th percentile within 1.35 times the median of it) and brighter
    than the sacrum's own marrow, which is fat in part.
    """
    sacrum = labels.vertebrae.get(Vertebra.SACRUM)
    if sacrum is None:
        return None
    border = _anterior_border(sacrum)
    depths = np.arange(FAT_BAND_MM[0], FAT_BAND_MM[1] + 0.5, 1.0)
    band = border[:, None, :] + depths[None, :, None] * np.array([0.0, 1.0, 0.0])
    values = image.sample(band.reshape(-1, 3), outside=-1.0)
    values = values[values > 0]
    _, marrow = _inside(image, sacrum, 0.95)
    if len(values) < FAT_MIN_POINTS or not len(marrow):
        return None
    bright = values[values >= np.median(values)]
    level = _median(bright)
    even = _percentile(bright, 90) <= 1.35 * level
    return level if even and level > 1.15 * _median(marrow) else None


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


def _bright(values: Array) -> float:
    """Median of what reaches 80 % of the 95th percentile."""
    return _median(values[values >= 0.8 * _percentile(values, 95)])


def _median(values: Array) -> float:
    return float(np.median(values))


def _percentile(values: Array, q: float) -> float:
    return float(np.percentile(values, q))
