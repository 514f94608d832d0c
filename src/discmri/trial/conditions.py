"""Under which conditions a scan was made, from what the reader found in its headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Facts = Mapping[str, object]
"""A series as ``discmri inspect --json`` and ``study.json`` describe it."""


@dataclass(frozen=True)
class SeriesConditions:
    """What of a series can fake a change; ``None`` or empty where the headers do not say.

    Parameters
    ----------
    clock_h
        Time of day, hours.
    scanner
        Manufacturer, model and serial number.
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


def of_series(facts: Facts) -> SeriesConditions:
    """Conditions of one described series."""
    spacing = _numbers(facts.get("spacing_mm"))
    normal = _numbers(facts.get("slice_normal"))
    across = _across(spacing)
    scanner = " ".join(str(facts.get(name) or "") for name in ("manufacturer", "model", "station"))
    return SeriesConditions(
        clock_h=clock_h(str(facts.get("acquired") or "")),
        scanner=" ".join(scanner.split()),
        software=str(facts.get("software") or ""),
        coil=str(facts.get("coil") or ""),
        field_t=_number(facts.get("field_t")),
        te_ms=_number(facts.get("te_ms")),
        tr_ms=_number(facts.get("tr_ms")),
        b_values_s_per_mm2=tuple(_numbers(facts.get("b_values_s_per_mm2"))),
        pixel_mm=max((s for n, s in enumerate(spacing) if n != across), default=None),
        thickness_mm=_number(facts.get("thickness_mm")),
        pitch_mm=spacing[across] if spacing else None,
        slice_normal=(normal[0], normal[1], normal[2]) if len(normal) == 3 else None,
        fat_suppressed=bool(facts.get("fat_suppressed")),
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


def of_study(record: Mapping[str, object], rest_min: float | None = None) -> Conditions:
    """Conditions of a measured study from its ``study.json``."""
    series = _list(record.get("series"))
    inputs = [str(one.get("series_uid")) for one in _list(record.get("inputs"))]
    diffusion = record.get("diffusion")
    known = diffusion if isinstance(diffusion, Mapping) else {}
    versions = record.get("versions")
    software = str(versions.get("discmri") or "") if isinstance(versions, Mapping) else ""
    uid = str(known.get("series_uid") or (inputs[1] if len(inputs) > 1 else ""))
    weighted = _find(series, uid, diffusion=True) if uid else None
    return Conditions(
        sagittal=of_series(_find(series, str(record.get("series_uid"))) or {}),
        diffusion=None if weighted is None else of_series(weighted),
        segmenter=str(record.get("segmenter") or ""),
        software=software,
        adc_source=str(known.get("source") or ""),
        rest_min=rest_min,
    )


def of_inspection(description: Mapping[str, object], rest_min: float | None = None) -> Conditions:
    """Conditions of a study that was only looked at, from ``Study.describe()``."""
    series = _list(description.get("series"))
    measured = description.get("measured")
    chosen = measured if isinstance(measured, Mapping) else {}
    weighted = [str(uid) for uid in chosen.get("diffusion") or ()]
    source = weighted[0] if weighted else str(chosen.get("adc_map") or "")
    found = _find(series, source, diffusion=True) if source else None
    return Conditions(
        sagittal=of_series(_find(series, str(chosen.get("target"))) or {}),
        diffusion=None if found is None else of_series(found),
        adc_source="fit" if weighted else "map" if source else "",
        rest_min=rest_min,
    )


def _find(series: Sequence[Facts], uid: str, diffusion: bool = False) -> Facts | None:
    """The series with a UID; of its parts, the one with b-values where those are asked for."""
    found = [one for one in series if one.get("uid") == uid]
    found.sort(key=lambda one: not (diffusion and one.get("b_values_s_per_mm2")))
    return found[0] if found else None


def _list(value: object) -> list[Facts]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _numbers(value: object) -> list[float]:
    if not isinstance(value, (list, tuple)):
        return []
    return [float(one) for one in value if isinstance(one, (int, float))]


def _across(spacing: Sequence[float]) -> int:
    """Which spacing leads from slice to slice: the coarsest, the last of equals."""
    return max(range(len(spacing)), key=lambda n: (spacing[n], n)) if spacing else 2
