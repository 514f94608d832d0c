"""The table of results: every column once, with its unit and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from discmri.core.levels import DiscLevel
from discmri.results.plain import plain


@dataclass(frozen=True)
class Parameter:
    """One measured column of ``discs.csv``.

    Parameters
    ----------
    name
        Column name; ends in its unit.
    unit
        UCUM-like unit for the long table, ``""`` for words and codes.
    decimals
        Digits after the point in the tables; more would be noise.
    meaning
        One sentence for the data dictionary and the report.
    """

    name: str
    unit: str
    decimals: int
    meaning: str


PARAMETERS: tuple[Parameter, ...] = (
    Parameter("height_mm", "mm", 3, "Primary disc height, by the method named beside it."),
    Parameter(
        "height_anterior_mm",
        "mm",
        3,
        "Endplate to endplate along the disc normal at 10 % of the AP width.",
    ),
    Parameter(
        "height_middle_mm",
        "mm",
        3,
        "Endplate to endplate along the disc normal at 50 % of the AP width.",
    ),
    Parameter(
        "height_posterior_mm",
        "mm",
        3,
        "Endplate to endplate along the disc normal at 90 % of the AP width.",
    ),
    Parameter("height_dabbs_mm", "mm", 3, "Mean of the anterior and posterior corner distances."),
    Parameter("height_hurxthal_mm", "mm", 3, "Distance between the endplates' mid-points."),
    Parameter(
        "height_three_point_mm", "mm", 3, "Mean of the anterior, middle and posterior distances."
    ),
    Parameter("height_area_mm", "mm", 3, "Mid-sagittal area divided by the AP width."),
    Parameter(
        "height_columns_mm",
        "mm",
        3,
        "Mean height of columns along the normal, 10 to 90 % of the AP width.",
    ),
    Parameter("height_3d_mm", "mm", 3, "Mean height of columns over the disc's whole face."),
    Parameter(
        "dhi_ap",
        "{ratio}",
        4,
        "(anterior + posterior corner distance) / (upper + lower disc depth).",
    ),
    Parameter("dhi_vb", "{ratio}", 4, "Three-point height / mean height of the adjacent bodies."),
    Parameter("height_sd_mm", "mm", 3, "Standard uncertainty of the primary height."),
    Parameter("width_ap_mm", "mm", 3, "Anteroposterior width in the mid-sagittal plane."),
    Parameter("width_lr_mm", "mm", 3, "Left to right width."),
    Parameter("area_mm2", "mm2", 2, "Mid-sagittal area."),
    Parameter("volume_mm3", "mm3", 1, "Volume."),
    Parameter(
        "wedge_deg", "deg", 2, "Angle between the endplates, positive where it opens anteriorly."
    ),
    Parameter(
        "bulge_posterior_mm",
        "mm",
        3,
        "Greatest distance of the posterior border beyond the line between the posterior corners.",
    ),
    Parameter(
        "listhesis_mm",
        "mm",
        3,
        "Displacement of the upper body's posterior corner along the disc, positive forward.",
    ),
    Parameter(
        "signal_ratio_csf", "{ratio}", 4, "Median T2 signal of the nucleus / CSF at the level."
    ),
    Parameter("signal_contrast", "{ratio}", 4, "(nucleus - annulus) / CSF signal."),
    Parameter(
        "signal_bimodality",
        "{ratio}",
        3,
        "Ashman's D of two Gaussians fitted to the disc's T2 histogram.",
    ),
    Parameter(
        "adc_disc_um2_ms", "um2/ms", 4, "Mean ADC of the disc, eroded by one diffusion voxel."
    ),
    Parameter("adc_disc_median_um2_ms", "um2/ms", 4, "Median ADC of the same voxels."),
    Parameter(
        "adc_disc_sd_um2_ms", "um2/ms", 4, "Standard deviation of the ADC over the same voxels."
    ),
    Parameter("adc_nucleus_um2_ms", "um2/ms", 4, "Mean ADC of the nucleus region."),
    Parameter("adc_voxels", "1", 0, "Diffusion voxels used."),
    Parameter(
        "adc_rejected_voxels",
        "1",
        0,
        "Diffusion voxels inside the disc that were left out as impossible.",
    ),
    Parameter(
        "adc_residual_mm",
        "mm",
        2,
        "Distance between the disc on T2 and on the aligned diffusion images.",
    ),
    Parameter(
        "suggested_grade",
        "",
        0,
        "Suggested modified Pfirrmann grade (Griffith 2007); a reader decides.",
    ),
    Parameter("suggested_signal", "", 0, "Signal part of the suggestion, 1 to 5."),
    Parameter("suggested_collapse", "", 0, "Collapse part of the suggestion: 0 none, 6, 7 or 8."),
    Parameter("confidence", "1", 3, "How much the segmenter trusts this disc, 0 to 1."),
)
PARAMETER: Mapping[str, Parameter] = {p.name: p for p in PARAMETERS}
# These two columns stand right after the value whose method they name.
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
        In that parameter's unit; never NaN.
    method
        Code of the definition or source.
    sd
        Standard uncertainty in the same unit, where known.
    """

    parameter: str
    value: float | int | str
    method: str = ""
    sd: float | None = None

    def __post_init__(self) -> None:
        if self.parameter not in PARAMETER:
            raise ValueError(f"{self.parameter!r} is no parameter; add it to PARAMETERS")
        if self.value != self.value or self.value in (float("inf"), float("-inf")):
            raise ValueError(f"{self.parameter} is {self.value}; raise MeasurementError instead")


@dataclass(frozen=True)
class DiscRecord:
    """All that is known of one disc.

    Parameters
    ----------
    level
        Which disc.
    values
        By parameter name; a value that could not be had is absent, with a finding.
    evidence
        JSON-like facts behind the suggested grade and the uncertainty, for a person.
    """

    level: DiscLevel
    values: Mapping[str, Measurement]
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "evidence", plain(self.evidence))

    def get(self, parameter: str) -> float | int | str | None:
        """The value, or ``None`` where it could not be had."""
        found = self.values.get(parameter)
        return None if found is None else found.value

    def column(self, name: str) -> float | int | str | None:
        """The cell of one measured column: a value, or the method of one."""
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
