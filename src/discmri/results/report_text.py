"""Content of the report as plain data for the template."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from discmri.core.findings import MAIN_VALUES, MEANINGS, Severity
from discmri.core.grade import Grade
from discmri.core.quality import DiscQuality
from discmri.core.text import NOTICE, deviation, number, printable
from discmri.results.grade_text import criteria, reasons
from discmri.results.height import HEIGHT_METHODS
from discmri.results.jsonable import jsonable, present
from discmri.results.names import human, in_words, touched, unit
from discmri.results.pictures.canvas import LEVEL_COLOURS
from discmri.results.records import PARAMETER, PARAMETERS, DiscRecord
from discmri.results.residual import ResidualDisc

if TYPE_CHECKING:
    from discmri.core.facts import SeriesFacts
    from discmri.core.findings import Finding
    from discmri.results.model import StudyResult

_METHOD_WORDS = {"fit": "fitted", "map": "scanner's map"}
_NUMBERING_WORDS = {
    "sacrum": "counted from the lumbosacral junction",
    "reader": "given by the reader",
    "masks": "given by the label map",
    "assumed": "assumed, because the lumbosacral junction is unclear",
}
SIGN_TEXTS = {
    "depth_ratio": "the lowest disc has {:.2f} of the depth of the discs above",
    "height_ratio": "{:.2f} of their height",
    "width_ratio": "{:.2f} of their left-to-right extent",
    "taper_ratio": "the bone above it has at its lower end {:.2f} of the depth of its upper end",
    "bone_ratio": "{:.2f} of the depth of the bone above that",
    "wing_ratio": "{:.2f} of its left-to-right extent",
    "below_ratio": "the bone below has {:.2f} of that depth",
    "spacing_ratio": "the distance to the next disc is {:.2f} of the next distance",
    "tilt_deg": "its front is tilted down by {:.0f}°",
    "bend_deg": "by {:.0f}° more than the disc above",
    "promontory_deg": "the bone below it turns backwards by {:.0f}°",
    "canal_ratio": "the thecal sac behind it has {:.2f} of the depth higher up",
    "sacral_share": "the segmenter labels {:.0%} of the bone above it as sacrum",
    "bone_across": "along a fifth of its depth nothing across it is darker than {:.0%} of bone",
}
"""Sentence of each sign of ``numbering_signs``, in the order of the report."""
_GRADE_PARAMETERS = (
    "suggested_grade",
    "suggested_grade_probability",
    "suggested_signal",
    "suggested_collapse",
)


def content(result: StudyResult) -> dict[str, object]:
    """Data for the template; text from headers is printable but not yet escaped for HTML."""
    drawn = {name: _picture(png) for name, png in result.pictures.items()}
    has_adc = any(record.get("adc_disc_um2_ms") is not None for record in result.records)
    provenance = result.provenance
    return {
        "notice": NOTICE,
        "subject": printable(result.subject_id),
        "date": _date(printable(result.study_date)),
        "facts": _facts(result),
        "signs": _signs(result),
        "overview": drawn.get("overview"),
        "has_adc": has_adc,
        "discs": [_disc(result, record, drawn) for record in result.records],
        "study_findings": [
            _finding(f) for f in result.findings if f.level is None or not f.level.is_measured
        ],
        "series": [_series(entry) for entry in result.series],
        "dictionary": [_entry(p.name) for p in PARAMETERS],
        "settings": _pairs(jsonable(provenance.settings)),
        "versions": _pairs(provenance.versions),
        "segmenter": printable(provenance.segmenter),
        "inputs": [
            (one.role.value.replace("_", " "), len(one.sop_instance_uids), one.pixels_sha256[:16])
            for one in provenance.inputs
        ],
        "diffusion": _pairs(
            present(jsonable(replace(provenance.diffusion, matrix=(), series_uid="")))
            if provenance.diffusion
            else {}
        ),
    }


def readable(name: object) -> str:
    """A key as words, with its unit in brackets.

    >>> readable("reference_height_mm"), readable("b_values_s_per_mm2"), readable("csf_median")
    ('Reference height (mm)', 'B values (s/mm²)', 'CSF median')
    """
    text = printable(name)
    unit = ""
    endings = (
        ("_um2_ms", "µm²/ms"),
        ("_s_per_mm2", "s/mm²"),
        ("_mm2", "mm²"),
        ("_mm3", "mm³"),
        ("_mm", "mm"),
        ("_deg", "°"),
        ("_ms", "ms"),
    )
    for ending, written in endings:
        if text.endswith(ending):
            text, unit = text.removesuffix(ending), f" ({written})"
            break
    parts = [_ACRONYMS.get(part, part) for part in text.split("_")]
    sentence = " ".join(part for part in parts if part)
    return sentence[:1].upper() + sentence[1:] + unit


_ACRONYMS = {
    word.lower(): word
    for word in (
        "ADC",
        "CSF",
        "AP",
        "LR",
        "T1",
        "T2",
        "UID",
        "SD",
        "DHI",
        "VB",
        "3D",
        "DWI",
        "SHA256",
        "SNR",
        *(part for one in HEIGHT_METHODS.values() for part in one.label.split()),
    )
}


def quality_text(quality: DiscQuality | None) -> str:
    """The quality of a disc with its reasons; empty if unknown.

    >>> from discmri.core.quality import Quality
    >>> quality_text(DiscQuality(Quality.CHECK, ("border_step", "low_confidence")))
    'check: border step, low confidence'
    """
    if quality is None:
        return ""
    reasons = ", ".join(reason.replace("_", " ") for reason in quality.reasons)
    return f"{quality.verdict.value}: {reasons}" if reasons else quality.verdict.value


def _facts(result: StudyResult) -> list[tuple[str, str]]:
    spacing = " × ".join(number(float(s), 2) for s in sorted(result.image.spacing_mm))
    names = [record.level.value for record in result.records]
    span = f"{len(names)}: {names[0]} to {names[-1]}" if names else "none"
    return [
        ("Subject", printable(result.subject_id)),
        ("Study date", _date(printable(result.study_date)) or "not given"),
        ("Discs", span),
        *(("Residual disc", _residual(disc)) for disc in result.residual_discs),
        ("Levels", _levels(result)),
        ("Images", images_in_words(result)),
        ("Voxel size", f"{spacing} mm"),
        ("Segmenter", printable(result.provenance.segmenter)),
        ("Study UID", printable(result.study_uid)),
    ]


def images_in_words(result: StudyResult) -> str:
    """Description and timing of the measured series, and the scanner it comes from."""
    series = next((one for one in result.series if one.uid == result.series_uid), None)
    if series is None:
        return ""
    field = "" if series.field_t is None else f"{series.field_t:g} T"
    scanner = " ".join(word for word in (series.manufacturer, series.model, field) if word)
    times = (("TR", series.tr_ms), ("TE", series.te_ms))
    said = [scanner, *(f"{name} {value:.0f} ms" for name, value in times if value)]
    known = ", ".join(filter(None, said))
    return printable(f"{series.description} ({known})" if known else series.description)


def _residual(disc: ResidualDisc) -> str:
    size = f"{number(disc.depth_mm, 0)} mm deep, {number(disc.height_mm, 1)} mm high"
    return f"{disc.level.value}, {size}: shown dashed, not measured"


def _levels(result: StudyResult) -> str:
    """Source of the levels, and the probability of L5-S1 if below 1."""
    words = "" if result.numbering is None else _NUMBERING_WORDS[result.numbering.value]
    probability = result.numbering_probability
    if probability is None or probability >= 1:
        return words
    return (
        f"{words}; probability {min(probability, 0.999):.3g} that L5-S1 is correct, given five "
        "lumbar vertebrae (a lumbar MRI alone does not show whether there are six)"
    )


def _signs(result: StudyResult) -> str:
    """The visible signs of the lumbosacral junction as one sentence."""
    return "; ".join(
        text.format(result.numbering_signs[name])
        for name, text in SIGN_TEXTS.items()
        if name in result.numbering_signs
    )


def _method(record: DiscRecord) -> str:
    """Name of the definition of the primary height; its code if unknown to this version."""
    code = str(record.column("height_method") or "")
    return HEIGHT_METHODS[code].label if code in HEIGHT_METHODS else printable(code)


def _disc(
    result: StudyResult, record: DiscRecord, drawn: Mapping[str, object]
) -> dict[str, object]:
    name = record.level.value
    own = [f for f in result.findings if f.level is record.level]
    warnings = [f for f in own if f.is_flag and f.touches(*MAIN_VALUES)]
    sd = record.get("height_sd_mm")
    evidence = jsonable(record.evidence)
    grade = evidence.get("grade")
    suggested = _value(record, "suggested_grade", 0)
    shown = [p.name for p in PARAMETERS if p.name not in _GRADE_PARAMETERS]
    return {
        "level": name,
        "colour": LEVEL_COLOURS[record.level],
        "height": _value(record, "height_mm", 1),
        "height_sd": "" if sd is None else deviation(float(sd), 1),
        "height_method": _method(record),
        "anterior": _value(record, "height_anterior_mm", 1),
        "middle": _value(record, "height_middle_mm", 1),
        "posterior": _value(record, "height_posterior_mm", 1),
        "dhi": _value(record, "dhi_vb", 2),
        "signal": _value(record, "signal_ratio_csf", 2),
        "adc": _value(record, "adc_disc_um2_ms", 2),
        "adc_sd": _value(record, "adc_disc_sd_um2_ms", 2),
        "adc_source": _METHOD_WORDS.get(str(record.column("adc_source") or ""), ""),
        "grade": suggested,
        "grade_probability": _percent(record.get("suggested_grade_probability")),
        "grade_signal": _value(record, "suggested_signal", 0),
        "grade_collapse": _value(record, "suggested_collapse", 0),
        "quality": "" if record.quality is None else record.quality.verdict.value,
        "quality_text": quality_text(record.quality),
        "flags": list(dict.fromkeys(MEANINGS[finding.code] for finding in warnings)),
        "findings": [_finding(finding) for finding in own],
        "picture": drawn.get(name),
        "adc_picture": drawn.get(f"{name}-adc"),
        "values": [(*_entry(p), _value(record, p)) for p in shown if record.get(p) is not None],
        "missing": [human(p) for p in shown if record.get(p) is None],
        "criteria": criteria(Grade.parse(suggested)) if suggested else [],
        "reasons": reasons(grade) if isinstance(grade, Mapping) else [],
        "evidence": _pairs({k: v for k, v in evidence.items() if k != "grade"}),
    }


def _value(record: DiscRecord, parameter: str, decimals: int | None = None) -> str:
    """A value as text, ``""`` if missing."""
    value = record.get(parameter)
    if value is None:
        return ""
    if isinstance(value, str):
        return printable(value)
    digits = PARAMETER[parameter].decimals if decimals is None else decimals
    return number(float(value), min(digits, 2) if decimals is None else digits)


def _percent(share: float | int | str | None) -> str:
    """A probability in whole per cent, ``""`` if missing."""
    return "" if share is None else f"{100 * float(share):.0f} %"


def _entry(parameter: str) -> tuple[str, str, str]:
    """Name, unit and meaning."""
    name = human(parameter)
    return name[:1].upper() + name[1:], unit(parameter), PARAMETER[parameter].meaning


def _finding(finding: Finding) -> dict[str, str]:
    severity = {Severity.INFO: "note", Severity.WARNING: "warning", Severity.ERROR: "error"}
    return {
        "severity": severity[finding.severity],
        "text": in_words(printable(finding.text)),
        "meaning": MEANINGS[finding.code],
        "touched": touched(finding),
    }


def _series(one: SeriesFacts) -> dict[str, str]:
    """Main facts of a series; all others are in ``study.json``."""
    times = (("TR", one.tr_ms), ("TE", one.te_ms), ("TI", one.ti_ms))
    size = " × ".join(number(float(side), 2) for side in one.spacing_mm or ())
    b_values = ", ".join(f"{b:g}" for b in one.b_values_s_per_mm2)
    facts = [
        f"{one.plane.value}, {one.slices} slices",
        f"{size} mm" if size else "",
        *(f"{name} {value:g} ms" for name, value in times if value),
        f"b {b_values} s/mm²" if b_values else "",
        "fat-suppressed" if one.fat_suppressed else "",
    ]
    notes = [one.problem, *(finding.text for finding in one.findings)]
    number_ = "" if one.number is None else f"{one.number} "
    return {
        "name": printable(f"{number_}{one.description or one.uid}"),
        "role": printable(one.role.value.replace("_", " ")),
        "facts": printable(", ".join(filter(None, facts))),
        "reasons": printable("; ".join(one.reasons)),
        "notes": printable("; ".join(filter(None, notes))),
    }


def _pairs(data: Mapping[str, object], above: str = "") -> list[tuple[str, str]]:
    """Nested data as a flat list of names and values."""
    pairs: list[tuple[str, str]] = []
    for key, value in jsonable(data).items():
        name = f"{above}{readable(key)}"
        if isinstance(value, Mapping):
            pairs += _pairs(value, f"{name}: ")
        elif value is not None and value not in ("", []):
            pairs.append((name, _as_text(value)))
    return pairs


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        if len(value) > _LONG_LIST:
            return f"{len(value)} entries, listed in study.json"
        return "; ".join(_as_text(entry) for entry in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{readable(k).lower()} {_as_text(v)}" for k, v in value.items())
    return printable(value)


_LONG_LIST = 12


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text


def _picture(png: bytes) -> dict[str, object]:
    """A picture as a data URI with its size in pixels from the PNG header."""
    uri = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    width, height = struct.unpack(">II", png[16:24])
    return {"uri": uri, "width": width, "height": height, "shape": f"{width / height:.3f}"}
