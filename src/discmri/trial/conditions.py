"""Scan conditions from headers and from the list of a trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from discmri.core.facts import SeriesFacts, StudyFacts
from discmri.core.tables import Row
from discmri.core.text import one_line
from discmri.results.model import StudyResult


@dataclass(frozen=True)
class SeriesConditions:
    """Conditions of a series that can cause an apparent change; ``None`` or empty if unknown."""

    clock_h: float | None = None  # time of day, hours
    scanner: str = ""  # manufacturer, model and a hash of the serial number
    software: str = ""
    coil: str = ""
    field_t: float | None = None
    te_ms: float | None = None
    tr_ms: float | None = None
    b_values_s_per_mm2: tuple[float, ...] = ()  # ascending; empty without diffusion weighting
    pixel_mm: float | None = None  # larger of the two in-plane spacings
    thickness_mm: float | None = None
    pitch_mm: float | None = None  # distance of neighbouring slices
    # RAS+ unit vector perpendicular to the slices
    slice_normal: tuple[float, float, float] | None = None
    fat_suppressed: bool = False


@dataclass(frozen=True)
class Conditions:
    """Conditions of one scan."""

    sagittal: SeriesConditions  # conditions of the segmented series
    # conditions of the source of the ADC; None without ADC
    diffusion: SeriesConditions | None = None
    segmenter: str = ""  # name with version; empty before measuring
    software: str = ""  # version of discmri; empty before measuring
    adc_source: str = ""  # `fit` or `map`
    rest_min: float | None = None  # rest before the scan from the list of the trial, min
    rise_h: float | None = None  # clock time of rising from the list of the trial, h

    @property
    def up_h(self) -> float | None:
        """Hours from rising to the scan; ``None`` if unknown."""
        clock = self.sagittal.clock_h
        return None if clock is None or self.rise_h is None else (clock - self.rise_h) % 24.0


def of_series(facts: SeriesFacts) -> SeriesConditions:
    """Conditions of one described series."""
    spacing = facts.spacing_mm or ()
    across = _across(spacing)
    scanner = f"{facts.manufacturer} {facts.model} {facts.station}"
    return SeriesConditions(
        clock_h=clock_h(facts.acquired),
        scanner=" ".join(scanner.split()),
        software=facts.software,
        coil=facts.coil,
        field_t=facts.field_t,
        te_ms=facts.te_ms,
        tr_ms=facts.tr_ms,
        b_values_s_per_mm2=facts.b_values_s_per_mm2,
        pixel_mm=max((s for n, s in enumerate(spacing) if n != across), default=None),
        thickness_mm=facts.thickness_mm,
        pitch_mm=spacing[across] if spacing else None,
        slice_normal=facts.slice_normal,
        fat_suppressed=facts.fat_suppressed,
    )


def clock_h(acquired: str) -> float | None:
    """Hours since midnight of ``YYYYMMDDHHMMSS…``, an ISO time or a time of day.

    >>> clock_h("20240102093000.0"), clock_h("2024-01-02T14:45:00"), clock_h("08:30:00.0")
    (9.5, 14.75, 8.5)
    >>> clock_h("20240102"), clock_h("")
    (None, None)
    """
    text = acquired.replace("T", " ").split(" ")[-1]
    if ":" in text:
        digits = text.replace(":", "")
    else:
        digits = text[8:] if len(text.split(".")[0]) >= 12 else text if len(text) < 8 else ""
    digits = digits.split(".")[0]
    if not digits.isdecimal() or len(digits) < 4:
        return None
    hours = int(digits[:2]) + int(digits[2:4]) / 60
    return hours if hours < 24 else None


def of_study(
    result: StudyResult, rest_min: float | None = None, rise_h: float | None = None
) -> Conditions:
    """Conditions of a measured study."""
    provenance = result.provenance
    diffusion, inputs = provenance.diffusion, provenance.inputs
    source = "" if diffusion is None else diffusion.source
    uid = inputs[1].series_uid if len(inputs) > 1 else ""
    uid = uid if diffusion is None else diffusion.series_uid or uid
    return Conditions(
        sagittal=_of(result.series, result.series_uid) or SeriesConditions(),
        diffusion=_of(result.series, uid, diffusion=True),
        segmenter=provenance.segmenter,
        software=provenance.versions.get("discmri", ""),
        adc_source=source,
        rest_min=rest_min,
        rise_h=rise_h,
    )


def of_inspection(
    facts: StudyFacts, rest_min: float | None = None, rise_h: float | None = None
) -> Conditions:
    """Conditions of a study that was not measured, from ``Study.describe()``."""
    chosen = facts.measured
    uid = chosen.diffusion[0] if chosen.diffusion else chosen.adc_map or ""
    return Conditions(
        sagittal=_of(facts.series, chosen.target or "") or SeriesConditions(),
        diffusion=_of(facts.series, uid, diffusion=True),
        adc_source="fit" if chosen.diffusion else "map" if uid else "",
        rest_min=rest_min,
        rise_h=rise_h,
    )


def _of(
    series: Sequence[SeriesFacts], uid: str, diffusion: bool = False
) -> SeriesConditions | None:
    """Conditions of the series with a UID; for diffusion, of its part with b-values."""
    found = [one for one in series if uid and one.uid == uid]
    found.sort(key=lambda one: not (diffusion and one.b_values_s_per_mm2))
    return of_series(found[0]) if found else None


def _across(spacing: Sequence[float]) -> int:
    """Axis from slice to slice: the one with the greatest spacing, the last if equal."""
    return max(range(len(spacing)), key=lambda n: (spacing[n], n)) if spacing else 2


# ------------------------------------------------------------------ as cells of a table
_WORDS = {"scanner": "scanner", "scanner_software": "software", "coil": "coil"}
_NUMBERS = {
    "field_t": "field_t", "te_ms": "te_ms", "tr_ms": "tr_ms", "pixel_mm": "pixel_mm",
    "thickness_mm": "thickness_mm", "slice_distance_mm": "pitch_mm",
}  # fmt: skip
_DIFFUSION = {
    "dwi_te_ms": "te_ms", "dwi_pixel_mm": "pixel_mm", "dwi_thickness_mm": "thickness_mm",
    "dwi_slice_distance_mm": "pitch_mm",
}  # fmt: skip
CONDITION_CELLS = (
    "time", "rise_time", "rest_min", *_WORDS, *_NUMBERS, "fat_suppressed", "b_values", *_DIFFUSION,
    "segmenter", "software", "adc_source",
)  # fmt: skip
"""Columns of a table of values with the conditions of the scan."""


def cells_of(found: Conditions) -> dict[str, str]:
    """Conditions of a scan as cells, empty if unknown."""
    sagittal, diffusion = found.sagittal, found.diffusion
    cells = {
        "time": clock_text(sagittal.clock_h),
        "rise_time": clock_text(found.rise_h),
        "rest_min": _digits(found.rest_min),
        "fat_suppressed": "yes" if sagittal.fat_suppressed else "",
        "segmenter": found.segmenter,
        "software": found.software,
        "adc_source": found.adc_source,
    }
    cells |= {column: getattr(sagittal, name) for column, name in _WORDS.items()}
    cells |= {column: _digits(getattr(sagittal, name)) for column, name in _NUMBERS.items()}
    if diffusion is not None:
        cells["b_values"] = " ".join(map(_digits, diffusion.b_values_s_per_mm2)) or "none"
        cells |= {column: _digits(getattr(diffusion, name)) for column, name in _DIFFUSION.items()}
    return cells


def of_cells(row: Row) -> Conditions:
    """Conditions of a scan from the cells of a table; ``CellError`` if one is invalid."""
    numbers = {name: row.number(column) for column, name in _NUMBERS.items()}
    words = {name: row.text(column) for column, name in _WORDS.items()}
    sagittal = SeriesConditions(
        clock_h=clock(row, "time"), fat_suppressed=row.text("fat_suppressed").lower() == "yes",
        **numbers, **words,  # type: ignore[arg-type]
    )  # fmt: skip
    diffusion = None
    if row.text("b_values"):
        more = {name: row.number(column) for column, name in _DIFFUSION.items()}
        diffusion = SeriesConditions(b_values_s_per_mm2=_b_values(row), **more)  # type: ignore[arg-type]
    return Conditions(
        sagittal, diffusion, row.text("segmenter"), row.text("software"), row.text("adc_source"),
        row.number("rest_min", 0.0), clock(row, "rise_time"),
    )  # fmt: skip


def clock(row: Row, column: str) -> float | None:
    """A time of day in hours; raises :class:`CellError` for other text."""
    text = row.text(column)
    hours = clock_h(text) if ":" in text else None
    if text and hours is None:
        problem = f"{one_line(text)[:40]!r} is not a time of day; write one such as 07:30"
        raise row.error(column, problem)
    return hours


def clock_text(hours: float | None) -> str:
    """A time of day as ``HH:MM``.

    >>> clock_text(9.5), clock_text(None)
    ('09:30', '')
    """
    if hours is None:
        return ""
    minutes = round(60 * hours)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _b_values(row: Row) -> tuple[float, ...]:
    text = row.text("b_values")
    try:
        return () if text == "none" else tuple(float(part) for part in text.split())
    except ValueError:
        problem = f"{one_line(text)[:40]!r} are not b-values; write them like 0 50 800"
        raise row.error("b_values", problem) from None


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.9g}"
