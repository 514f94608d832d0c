"""Limits of ``discmri qualify``, each with its reason.

To set them again, for example after a new training of the segmenter: run ``discmri qualify`` and add
a margin for other processors and libraries to the column *found* of its sheet.
``python -m benchmarks qualification`` prints found values and limits side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from discmri.results.names import human
from discmri.validation.statistics import ErrorSummary
from discmri.validation.validate import Validation

_GEOMETRY = "with true masks, errors come only from tracing and from voxels"
_SEGMENTER = "found on these phantoms: bias 0.0, SD 0.4 mm, most in dark discs; with a margin"
_DIFFUSION = "errors come from noise at SNR 30, distortion, alignment and fit"


@dataclass(frozen=True)
class Limit:
    """One figure with its limits."""

    segmenter: str  # `masks` (true masks) or `builtin`
    parameter: str  # column of the value; empty for figures of the whole set
    figure: str  # name in FIGURES or WHOLE
    low: float
    high: float
    reason: str

    @property
    def name(self) -> str:
        """Its name on the sheet."""
        return f"{human(self.parameter)}: {self.figure}" if self.parameter else self.figure

    def found(self, validation: Validation) -> float | None:
        """The figure; ``None`` if it cannot be computed."""
        if self.figure in WHOLE:
            return WHOLE[self.figure](validation)
        for one in validation.overall():
            if one.parameter == self.parameter:
                return FIGURES[self.figure](one)
        return None

    def holds(self, found: float | None) -> bool:
        """Whether the figure exists and is within the limits."""
        return found is not None and self.low <= found <= self.high


FIGURES: dict[str, Callable[[ErrorSummary], float | None]] = {
    "bias": lambda one: one.bias,
    "SD": lambda one: one.sd,
    "bias in %": lambda one: one.bias_percent,
    "SD in %": lambda one: one.sd_percent,
    "discs measured": lambda one: float(one.discs),
    "share within two stated uncertainties": lambda one: one.within_2_sd,
}
"""Figures of one value over all discs."""

WHOLE: dict[str, Callable[[Validation], float | None]] = {
    "studies without a result": lambda v: float(len(v.naming.failed)),
    "discs missed": lambda v: float(v.naming.missed),
    "false discs": lambda v: float(v.naming.extra),
    "discs with a wrong name": lambda v: float(v.naming.misnamed),
    "share of suggested grades at most one off": (
        lambda v: None if v.grades is None else v.grades.within_one
    ),
}
"""Figures of the whole set."""


def _naming(segmenter: str) -> tuple[Limit, ...]:
    reason = "all discs and the sacrum of these phantoms are clearly visible"
    return tuple(
        Limit(segmenter, "", figure, 0, 0, reason)
        for figure in (
            "studies without a result", "discs missed", "false discs", "discs with a wrong name",
        )
    )  # fmt: skip


def _spread(
    segmenter: str, parameter: str, bias: float, sd: float, reason: str, unit: str = ""
) -> tuple[Limit, ...]:
    return (
        Limit(segmenter, parameter, f"bias{unit}", -bias, bias, reason),
        Limit(segmenter, parameter, f"SD{unit}", 0.0, sd, reason),
    )


LIMITS: tuple[Limit, ...] = (
    *_naming("masks"),
    *_spread("masks", "height_columns_mm", 0.1, 0.2, _GEOMETRY),
    *_spread("masks", "height_area_mm", 0.1, 0.2, _GEOMETRY),
    *_spread("masks", "height_3d_mm", 0.1, 0.2, _GEOMETRY),
    *_spread("masks", "adc_disc_um2_ms", 1.0, 3.0, _DIFFUSION, " in %"),
    Limit("masks", "height_mm", "share within two stated uncertainties", 0.85, 1.0,
          "0.95 is expected, with a margin for the small number of discs"),
    *_naming("builtin"),
    *_spread("builtin", "height_columns_mm", 0.5, 0.6, _SEGMENTER),
    *_spread("builtin", "adc_disc_um2_ms", 2.0, 4.0, _DIFFUSION, " in %"),
    Limit("builtin", "height_mm", "share within two stated uncertainties", 0.85, 1.0,
          "0.95 is expected, with a margin for the small number of discs"),
    Limit("builtin", "", "share of suggested grades at most one off", 0.85, 1.0,
          "errors of the segmenter's heights change some of the grades 6 to 8 by one"),
)  # fmt: skip
