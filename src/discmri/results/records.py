"""The measured columns with units and meanings, and the record of one disc."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from discmri.core.levels import DiscLevel
from discmri.core.quality import DiscQuality
from discmri.results.height import DEFINITIONS
from discmri.results.jsonable import jsonable
from discmri.results.parameter import Parameter

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "height_mm", "mm", 3, "Primary disc height, by the chosen definition.", "DSCHGT",
    ),
    *(one.column for one in DEFINITIONS),
    Parameter("height_sd_mm", "mm", 3, "Standard uncertainty of the primary height.", "DSCHSD"),
    Parameter("width_ap_mm", "mm", 3, "Anteroposterior width in the mid-sagittal plane.", "DSCWAP"),
    Parameter("width_lr_mm", "mm", 3, "Left to right width.", "DSCWLR"),
    Parameter("area_mm2", "mm2", 2, "Mid-sagittal area.", "DSCAREA"),
    Parameter("volume_mm3", "mm3", 1, "Volume.", "DSCVOL"),
    Parameter(
        "wedge_deg", "deg", 2,
        "Angle between the endplates, positive if it opens anteriorly.", "DSCWEDG",
    ),
    Parameter(
        "bulge_posterior_mm", "mm", 3,
        "Greatest distance of the posterior border beyond the line between the posterior corners.",
        "DSCBULG",
    ),
    Parameter(
        "listhesis_mm", "mm", 3,
        "Displacement of the posterior corner of the upper body along the disc, positive forward.",
        "DSCLIST",
    ),
    Parameter(
        "signal_ratio_csf", "{ratio}", 4,
        "Median T2 signal of the nucleus / CSF at the level.", "DSCSIG",
    ),
    Parameter("signal_contrast", "{ratio}", 4, "(nucleus - annulus) / CSF signal.", "DSCSCON"),
    Parameter(
        "signal_bimodality", "{ratio}", 3,
        "Ashman's D of two Gaussians fitted to the disc's T2 histogram.", "DSCSBIM",
    ),
    Parameter(
        "adc_disc_um2_ms", "um2/ms", 4,
        "Mean ADC of the disc without a rim of one diffusion voxel.", "DSCADC",
    ),
    Parameter("adc_disc_median_um2_ms", "um2/ms", 4, "Median ADC of the same voxels.", "DSCADCM"),
    Parameter(
        "adc_disc_sd_um2_ms", "um2/ms", 4,
        "Standard deviation of the ADC over the same voxels.", "DSCADCSD",
    ),
    Parameter("adc_nucleus_um2_ms", "um2/ms", 4, "Mean ADC of the nucleus region.", "DSCADCN"),
    Parameter("adc_voxels", "1", 0, "Diffusion voxels used.", "DSCADCV"),
    Parameter(
        "adc_rejected_voxels", "1", 0,
        "Diffusion voxels inside the disc that were excluded as physically impossible.", "DSCADCR",
    ),
    Parameter(
        "adc_residual_mm", "mm", 2,
        "Distance between the disc on T2 and on the aligned diffusion images.", "DSCADCD",
    ),
    Parameter(
        "suggested_grade", "", 0,
        "Suggested modified Pfirrmann grade (Griffith 2007); a reader decides.", "MPFGRADE",
    ),
    Parameter(
        "suggested_grade_probability", "1", 2,
        "Probability of the suggested grade among all grades, 0 to 1.", "MPFPROB",
    ),
    Parameter("suggested_signal", "", 0, "Signal part of the suggestion, 1 to 5.", "MPFSIG"),
    Parameter(
        "suggested_collapse", "", 0,
        "Collapse part of the suggestion: 0 none, 6, 7 or 8.", "MPFCOLL",
    ),
    Parameter("confidence", "1", 3, "Confidence of the segmenter in this disc, 0 to 1.", "SEGCONF"),
)  # fmt: skip
PARAMETER: Mapping[str, Parameter] = {p.name: p for p in PARAMETERS}
# These columns follow the value whose method they give.
METHOD_COLUMNS: Mapping[str, str] = {
    "height_method": "height_mm",
    "adc_source": "adc_disc_um2_ms",
}


@dataclass(frozen=True)
class Measurement:
    """One value of one disc.

    Parameters
    ----------
    parameter
        Name of a :data:`PARAMETERS` entry.
    value
        Value in the unit of the parameter; never NaN.
    method
        Code of the definition or source.
    sd
        Standard uncertainty in the same unit; ``None`` if unknown.
    """

    parameter: str
    value: float | int | str
    method: str = ""
    sd: float | None = None

    def __post_init__(self) -> None:
        if self.parameter not in PARAMETER:
            raise ValueError(f"{self.parameter!r} is not a parameter; add it to PARAMETERS")
        if self.value != self.value or self.value in (float("inf"), float("-inf")):
            raise ValueError(f"{self.parameter} is {self.value}; raise MeasurementError instead")


@dataclass(frozen=True)
class DiscRecord:
    """Values of one disc.

    Parameters
    ----------
    level
        Level of the disc.
    values
        Measurements by parameter name.  A missing value is absent, with a finding.
    evidence
        JSON-like facts that explain the suggested grade and the uncertainty.
    quality
        Whether the values can be used; ``None`` in results of versions before 0.2.
    """

    level: DiscLevel
    values: Mapping[str, Measurement]
    evidence: Mapping[str, Any] = field(default_factory=dict)
    quality: DiscQuality | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "evidence", jsonable(self.evidence))

    def get(self, parameter: str) -> float | int | str | None:
        """The value of a parameter; ``None`` if missing."""
        found = self.values.get(parameter)
        return None if found is None else found.value

    def column(self, name: str) -> float | int | str | None:
        """The content of a measured column: a value, or the method of one."""
        if name in METHOD_COLUMNS:
            found = self.values.get(METHOD_COLUMNS[name])
            return None if found is None else found.method
        return self.get(name)


def measured_columns() -> tuple[str, ...]:
    """Names of the measured columns of ``discs.csv`` in order, method columns included."""
    after = {value: column for column, value in METHOD_COLUMNS.items()}
    columns: list[str] = []
    for parameter in PARAMETERS:
        columns.append(parameter.name)
        if parameter.name in after:
            columns.append(after[parameter.name])
    return tuple(columns)
