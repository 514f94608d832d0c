"""``values_sr.dcm``: every value of ``discs.csv`` as a coded report (TID 1500, for machines).

It has no coordinates; lines are in ``lines_sr.dcm``, because viewers draw no lines at all if one
group has none.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydicom import Dataset

from discmri.core.text import number
from discmri.results.dicom import tree
from discmri.results.dicom.codes import (
    B_VALUE,
    DERIVATION,
    FIT_METHOD,
    LEAST_SQUARES,
    LOWER_UNCERTAINTY,
    METHOD,
    MODEL,
    PER_B,
    UPPER_UNCERTAINTY,
    Concept,
    column_code,
    derivation,
    flag,
    grade,
    quantity,
    unit,
)
from discmri.results.dicom.report import GROUP, algorithm, report, site, subject
from discmri.results.dicom.segmentation import structures
from discmri.results.dicom.source import DicomSource
from discmri.results.export.csv_wide import cell
from discmri.results.records import PARAMETER, DiscRecord, Measurement

FLAG = Concept("FLAG", "99DISCMRI", "Remark")
GRADES = ("suggested_grade",)
_SEGMENT = Concept("121191", "DCM", "Referenced Segment")
_SOURCE_SERIES = Concept("121232", "DCM", "Source series for segmentation")
_TID_VOLUME = "1411"


def values_report(source: DicomSource, seg: Dataset) -> Dataset:
    """A structured report with one measurement group per disc, referring to segments of ``seg``."""
    segments = {one.name: number for number, one in enumerate(structures(source), 1)}
    rows = {str(row["level"]): row for row in source.result.rows()}
    groups = []
    for record in source.result.records:
        name = record.level.value
        reference = tree.reference(
            str(seg.SOPClassUID), str(seg.SOPInstanceUID), segment=segments.get(name)
        )
        children = [
            *subject(source, record.level, name),
            tree.image(_SEGMENT, reference),
            tree.uid(_SOURCE_SERIES, source.result.series_uid, "CONTAINS"),
            site(record.level),
            *algorithm(source),
            *_diffusion(source),
            *_values(record),
            *_words(rows[name]),
        ]
        groups.append(tree.container(GROUP, children, template=_TID_VOLUME))
    return report(source, "values_sr", groups, [seg])


def _values(record: DiscRecord) -> list[Dataset]:
    return [
        _number(name, found)
        for name, found in record.values.items()
        if name not in GRADES and not isinstance(found.value, str)
    ]


def _number(name: str, found: Measurement) -> Dataset:
    parameter = PARAMETER[name]
    children = [tree.code(METHOD, column_code(name), "HAS CONCEPT MOD")]
    kind = derivation(name)
    if kind is not None:
        children.append(tree.code(DERIVATION, kind, "HAS CONCEPT MOD"))
    units = unit(parameter.unit)
    if found.sd is not None and name == "height_mm":
        sd = number(found.sd, parameter.decimals)
        children += [
            tree.number(side, sd, units, "HAS PROPERTIES")
            for side in (UPPER_UNCERTAINTY, LOWER_UNCERTAINTY)
        ]
    value = cell(found.value, name)
    return tree.number(quantity(name, found.method), value, units, children=children)


def _words(row: Mapping[str, object]) -> list[Dataset]:
    """Grade and flags as codes, other cells that are not numbers as text."""
    found = []
    for column, value in row.items():
        if column == "level" or value is None or value == "":
            continue
        if column in GRADES:
            found.append(tree.code(column_code(column), grade(str(value))))
        elif column == "flags":
            found += [tree.code(FLAG, flag(one)) for one in str(value).split(";")]
        elif column not in PARAMETER or isinstance(value, str):
            found.append(tree.text(column_code(column), cell(value, column)))
    return found


def _diffusion(source: DicomSource) -> list[Dataset]:
    """Model, fit and b-values of the ADC."""
    facts = source.result.provenance.diffusion
    if facts is None or facts.source != "fit":
        return []
    return [
        tree.code(METHOD, MODEL),
        tree.code(FIT_METHOD, LEAST_SQUARES),
        *(tree.number(B_VALUE, f"{b:g}", PER_B) for b in facts.b_s_per_mm2 or ()),
    ]
