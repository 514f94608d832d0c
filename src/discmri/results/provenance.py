"""Provenance of a result: versions, settings, inputs, diffusion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from discmri.core.facts import SeriesInput
from discmri.core.settings import Settings


class Status(Enum):
    """Whether a study was measured."""

    MEASURED = "measured"
    NOTHING = "nothing_to_measure"


@dataclass(frozen=True)
class DiffusionFacts:
    """Provenance of the ADC.

    Parameters
    ----------
    source
        ``fit`` or ``map``.
    series_uid
        Series of the diffusion images or of the scanner's map.
    b_s_per_mm2, images, b_value_sources, noise
        For a fit: b-values, images per b-value, source tags, and noise of the signal.
    unit_source
        For a map: tag or rule from which its unit is known.
    shift_mm, matrix
        Alignment: greatest shift of a disc, and (4, 4) affine, RAS+ mm.
    explained_before, explained_after
        Fraction of the image explained by the diffusion images before and after alignment.
    distortion_corrected
        Whether distortion along the phase axis was corrected.
    phase_axis, phase_superior_mm, phase_shift_mm
        Correction of distortion: RAS+ unit vector, and displacement along it at RAS+ z positions.
    """

    source: str = ""
    series_uid: str = ""
    b_s_per_mm2: tuple[float, ...] | None = None
    images: tuple[int, ...] | None = None
    b_value_sources: tuple[str, ...] | None = None
    noise: float | None = None
    unit_source: str | None = None
    shift_mm: float = 0.0
    explained_before: float = 0.0
    explained_after: float = 0.0
    distortion_corrected: bool = False
    matrix: tuple[tuple[float, ...], ...] = ()
    phase_axis: tuple[float, ...] = ()
    phase_superior_mm: tuple[float, ...] = ()
    phase_shift_mm: tuple[float, ...] = ()


@dataclass(frozen=True)
class Provenance:
    """Provenance of a result."""

    versions: Mapping[str, str]  # versions of discmri, Python and numerical libraries
    # every setting; of `masks` only the file name, so that no home folder is disclosed
    settings: Settings = field(default_factory=Settings)
    segmenter: str = ""  # name, version and hash of the weights
    inputs: tuple[SeriesInput, ...] = ()  # series used, the segmented one first
    diffusion: DiffusionFacts | None = None  # of the ADC; None without diffusion

    def __post_init__(self) -> None:
        masks = self.settings.masks
        if masks is not None and masks.name != str(masks):
            object.__setattr__(self, "settings", replace(self.settings, masks=Path(masks.name)))
