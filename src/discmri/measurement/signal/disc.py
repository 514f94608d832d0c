"""T2 signal of one disc and of its reference tissues.

It is measured after bias-field correction, on the central slices, in regions relative to the disc's
borders (:mod:`discmri.measurement.regions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from discmri.core.findings import Code, Finding, MeasurementError, info, warning
from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, Volume
from discmri.measurement.regions import (
    NUCLEUS_ALONG,
    NUCLEUS_UP,
    central_sections,
    region,
    small_picture,
    straighten,
)
from discmri.measurement.signal.comparators import SpineComparators, csf_beside
from discmri.measurement.signal.histogram import ashman_d
from discmri.measurement.signal.samples import median, percentile
from discmri.results.outline import DiscOutline
from discmri.results.records import Measurement

CENTRAL_SLICES = 3
MIDDLE_UP = (0.25, 0.75)  # rows away from both endplates
INNER_ALONG = (0.15, 0.85)  # nucleus and the inner fibres of the annulus
POSTERIOR_OUTER_ALONG = (0.02, 0.16)
POSTERIOR_INNER_ALONG = (0.20, 0.40)
ANTERIOR_OUTER_ALONG = (0.86, 0.97)
TEXTURE_UP = (0.18, 0.82)
CLEFT_ALONG = (0.25, 0.75)
CLEFT_UP = ((0.18, 0.44), (0.37, 0.63), (0.56, 0.82))  # rows below, in and above a dark cleft


@dataclass(frozen=True)
class DiscTexture:
    """Variation of the signal within a disc, in the unit of the image unless stated otherwise.

    Parameters
    ----------
    bright, upper_quartile, dim
        90th, 75th and 10th percentile of the nucleus.
    darkest
        10th percentile of the whole disc away from the endplates.
    variation
        Ratio of SD to mean in nucleus and inner annulus.
    cleft
        Signal of the rows above and below minus signal of the middle rows of the nucleus.
    """

    bright: float
    upper_quartile: float
    dim: float
    darkest: float
    variation: float
    cleft: float


@dataclass(frozen=True, eq=False)
class DiscSignal:
    """T2 signal of one disc, in the arbitrary unit of the image unless stated otherwise.

    Parameters
    ----------
    nucleus
        Median over the nucleus region.
    inner
        Median over nucleus and inner annulus, the region of Griffith's grades.
    annulus
        Median over the outer annulus, anterior and posterior.
    outer_posterior
        20th percentile in the outer posterior annulus.
    distinctness
        Step from the inner to the outer posterior annulus / CSF (or / nucleus without CSF).
    bimodality
        Ashman's D of two Gaussians fitted to the histogram; ``None`` if the fit fails.
    csf, csf_source
        Cerebrospinal fluid at this ``"level"``, of the whole ``"canal"`` (if it is dark at this
        level) or of the ``"neighbours"`` (if they are darker); ``None`` and ``""`` without CSF.
    fat, marrow
        Presacral fat and vertebral marrow as in :class:`SpineComparators`.
    texture
        Variation of the signal within the disc.
    picture
        Coarse picture (:func:`~discmri.measurement.regions.small_picture`).
    findings
        Missing reference tissues with reasons.
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
    marrow: float | None
    texture: DiscTexture
    picture: Array
    findings: tuple[Finding, ...] = ()

    @property
    def ratio_csf(self) -> float | None:
        """Nucleus / CSF."""
        return None if self.csf is None else self.nucleus / self.csf

    @property
    def step(self) -> float:
        """Step from the inner to the outer posterior annulus, in the unit of the image."""
        return self.distinctness * (self.csf or self.nucleus)

    @property
    def contrast(self) -> float | None:
        """(nucleus - annulus) / CSF."""
        return None if self.csf is None else (self.nucleus - self.annulus) / self.csf

    @property
    def measurements(self) -> Mapping[str, Measurement]:
        """Values by column name, without missing values."""
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


def measure_signal(
    image: Volume,
    labels: SpineLabels,
    level: DiscLevel,
    outline: DiscOutline,
    shared: SpineComparators,
) -> DiscSignal:
    """Signal of one disc and of its reference tissues.

    Parameters
    ----------
    image
        T2 image after bias-field correction (:func:`correct_bias_field`).
    labels
        Named structures; the canal holds the cerebrospinal fluid.
    level, outline
        The disc and its borders.
    shared
        Reference tissues of the spine (:func:`spine_comparators`).

    Returns
    -------
    DiscSignal
        Signal of regions of the disc and of CSF and fat, in units of the image.

    Raises
    ------
    MeasurementError
        ``SIGNAL_NOT_MEASURED`` if the nucleus has no signal.

    Examples
    --------
    >>> shared = spine_comparators(image, labels)  # doctest: +SKIP
    >>> signal = measure_signal(  # doctest: +SKIP
    ...     image, labels, DiscLevel.L4_L5, outline, shared
    ... )
    >>> signal.ratio_csf  # doctest: +SKIP
    0.42
    """
    sections = central_sections(outline, CENTRAL_SLICES)
    disc = straighten(image, outline, sections)
    nucleus = median(region(disc, NUCLEUS_ALONG, NUCLEUS_UP))
    if not nucleus > 0:
        raise MeasurementError(
            Code.SIGNAL_NOT_MEASURED, f"{level.value}: the image has no signal in the nucleus"
        )
    findings = []
    csf, csf_source = csf_beside(image, labels.canal, outline.frame)
    if csf is None:
        findings.append(warning(Code.CSF_NOT_FOUND, _no_csf(level, labels), level))
    if shared.fat is None:
        text = f"{level.value}: {shared.why_no_fat}"
        findings.append(info(Code.FAT_NOT_FOUND, text, level))
    outer = percentile(region(disc, POSTERIOR_OUTER_ALONG, MIDDLE_UP), 20)
    posterior_inner = median(region(disc, POSTERIOR_INNER_ALONG, MIDDLE_UP))
    rims = [
        region(disc, where, MIDDLE_UP) for where in (POSTERIOR_OUTER_ALONG, ANTERIOR_OUTER_ALONG)
    ]
    return DiscSignal(
        nucleus=nucleus,
        inner=median(region(disc, INNER_ALONG, NUCLEUS_UP)),
        annulus=median(np.concatenate([rim.ravel() for rim in rims])),
        outer_posterior=outer,
        distinctness=(posterior_inner - outer) / (csf or nucleus),
        bimodality=ashman_d(region(disc, (0.03, 0.97), (0.1, 0.9)).ravel()),
        csf=csf,
        csf_source=csf_source,
        fat=shared.fat,
        marrow=shared.marrow,
        texture=_texture(disc),
        picture=small_picture(image, outline, sections),
        findings=tuple(findings),
    )


def _texture(disc: Array) -> DiscTexture:
    nucleus = region(disc, NUCLEUS_ALONG, TEXTURE_UP)
    inside = region(disc, INNER_ALONG, TEXTURE_UP)
    lower, middle, upper = (
        np.median(region(disc, CLEFT_ALONG, rows), axis=(0, 2)) for rows in CLEFT_UP
    )
    return DiscTexture(
        bright=percentile(nucleus, 90),
        upper_quartile=percentile(nucleus, 75),
        dim=percentile(nucleus, 10),
        darkest=percentile(region(disc, (0.0, 1.0), TEXTURE_UP), 10),
        variation=float(np.std(inside)) / max(float(np.mean(inside)), 1e-9),
        cleft=float((lower.max() + upper.max()) / 2 - middle.min()),
    )


def _no_csf(level: DiscLevel, labels: SpineLabels) -> str:
    """Why there is no CSF."""
    why = "no spinal canal was found" if labels.canal is None else "the canal is too narrow"
    return f"{level.value}: {why}, so cerebrospinal fluid was not measured"
