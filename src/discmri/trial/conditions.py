"""Under which conditions a scan was made, from what the reader found in its headers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from discmri.core.facts import SeriesFacts, StudyFacts
from discmri.results.model import StudyResult


@dataclass(frozen=True)
class SeriesConditions:
    """What of a series can fake a change; ``None`` or empty where the headers do not say.

    Parameters
    ----------
    clock_h
        Time of day, hours.
    scanner
        Manufacturer, model and a hash of the serial number.
    software, coil
        As in the header.
    field_t
        Field strength.
    te_ms, tr_ms
        Timing.
    b_values_s_per_mm2
        Ascending; empty without diffusion weighting.
    pixel_mm
        In the slice, the coarser of the two.
    thickness_mm, pitch_mm
        Of a slice, and from slice to slice.
    slice_normal
        RAS+ unit vector across the slices.
    fat_suppressed
        Whether fat is.
    """

    clock_h: float | None = None
    scanner: str = ""
    software: str = ""
    coil: str = ""
    field_t: float | None = None
    te_ms: float | None = None
    tr_ms: float | None = None
    b_values_s_per_mm2: tuple[float, ...] = ()
    pixel_mm: float | None = None
    thickness_mm: float | None = None
    pitch_mm: float | None = None
    slice_normal: tuple[float, float, float] | None = None
    fat_suppressed: bool = False


@dataclass(frozen=True)
class Conditions:
    """Of one scan.

    Parameters
    ----------
    sagittal
        The series that was segmented.
    diffusion
        What the ADC comes from; ``None`` without.
    segmenter
        Name with version, as far as it was measured already.
    software
        Version of discmri that measured it, as far as it was.
    adc_source
        ``fit`` or ``map``, as far as it was measured already.
    rest_min
        Before the scan, where the list of the trial says it.
    """

    sagittal: SeriesConditions
    diffusion: SeriesConditions | None = None
    segmenter: str = ""
    software: str = ""
    adc_source: str = ""
    rest_min: float | None = None


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
    """Hours since midnight of ``YYYYMMDDHHMMSS…`` or an ISO or plain time of day.

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


def of_study(result: StudyResult, rest_min: float | None = None) -> Conditions:
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
    )


def of_inspection(facts: StudyFacts, rest_min: float | None = None) -> Conditions:
    """Conditions of a study that was only looked at, from ``Study.describe()``."""
    chosen = facts.measured
    uid = chosen.diffusion[0] if chosen.diffusion else chosen.adc_map or ""
    return Conditions(
        sagittal=_of(facts.series, chosen.target or "") or SeriesConditions(),
        diffusion=_of(facts.series, uid, diffusion=True),
        adc_source="fit" if chosen.diffusion else "map" if uid else "",
        rest_min=rest_min,
    )


def _of(
    series: Sequence[SeriesFacts], uid: str, diffusion: bool = False
) -> SeriesConditions | None:
    """Of the series with a UID; of its parts, the one with b-values where those are asked for."""
    found = [one for one in series if uid and one.uid == uid]
    found.sort(key=lambda one: not (diffusion and one.b_values_s_per_mm2))
    return of_series(found[0]) if found else None


def _across(spacing: Sequence[float]) -> int:
    """Which spacing leads from slice to slice: the coarsest, the last of equals."""
    return max(range(len(spacing)), key=lambda n: (spacing[n], n)) if spacing else 2
