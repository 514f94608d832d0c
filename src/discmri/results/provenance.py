"""How a result came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from discmri.core.facts import SeriesInput
from discmri.core.settings import Settings


class Status(Enum):
    """Whether a study gave a result."""

    MEASURED = "measured"
    NOTHING = "nothing_to_measure"


@dataclass(frozen=True)
class DiffusionFacts:
    """How the ADC came about.

    Parameters
    ----------
    source
        ``fit`` or ``map``.
    series_uid
        Of the diffusion images or the scanner's map.
    b_s_per_mm2, images, b_value_sources, noise
        Of a fit: b-values, images per b-value, the tags they came from, and noise of the signal.
    unit_source
        Of a map: the tag or rule that gave its unit.
    shift_mm, matrix
        The alignment: greatest shift of a disc, and (4, 4) RAS+ mm.
    explained_before, explained_after
        Share of the picture that the diffusion images explain, 0 to 1.
    distortion_corrected
        Whether distortion along the phase axis was corrected.
    phase_axis, phase_superior_mm, phase_shift_mm
        That correction: a RAS+ unit vector, and the displacement along it at RAS+ z positions.
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
    """How the result came about.

    Parameters
    ----------
    versions
        discmri, Python and the libraries that touch numbers.
    settings
        Every setting; of ``masks`` only the name, so that no home folder is told.
    segmenter
        Name with version and the hash of its weights.
    inputs
        The series that were used, the segmented one first.
    diffusion
        b-values, their sources, fit, alignment; ``None`` without diffusion.
    """

    versions: Mapping[str, str]
    settings: Settings = field(default_factory=Settings)
    segmenter: str = ""
    inputs: tuple[SeriesInput, ...] = ()
    diffusion: DiffusionFacts | None = None

    def __post_init__(self) -> None:
        masks = self.settings.masks
        if masks is not None and masks.name != str(masks):
            object.__setattr__(self, "settings", replace(self.settings, masks=Path(masks.name)))
