"""An SDTM-like findings table with its mapping.

It has the form of a findings domain, one row per test and disc.  It is not a submission: test codes are
defined by this package, not controlled terminology, and a data manager must decide on the domain.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from discmri.core.text import number
from discmri.results.export.csv_wide import Cells
from discmri.results.records import PARAMETER, PARAMETERS
from discmri.trial.analysis import Analysis
from discmri.trial.change import Course, Visit
from discmri.trial.tables import save, shown
from discmri.trial.values import Value

DOMAIN = "MK"
MAPPING = {
    "STUDYID": ("identifier", "Name of the trial (--name)."),
    "DOMAIN": ("identifier", "Constant; musculoskeletal findings, to be confirmed."),
    "USUBJID": ("identifier", "Trial and subject, joined by a hyphen."),
    "MKSEQ": ("identifier", "Running number within the subject."),
    "MKREFID": ("identifier", "Study Instance UID of the scan."),
    "MKTESTCD": ("topic", "Code of the parameter, defined by this package."),
    "MKTEST": ("topic", "Column name of the parameter in discs.csv, without unit."),
    "MKORRES": ("result", "Value as measured."),
    "MKORRESU": ("result", "Its unit, as in UCUM."),
    "MKSTRESC": ("result", "MKORRES as text."),
    "MKSTRESN": ("result", "MKORRES as a number; empty for grades."),
    "MKSTRESU": ("result", "Unit of MKSTRESN."),
    "MKSTAT": ("result", "NOT DONE if the value is missing."),
    "MKREASND": ("result", "Codes of the warnings that explain it."),
    "MKLOC": ("place", "INTERVERTEBRAL DISC."),
    "MKLOCDTL": ("place", "Level at the first visit, such as L4-L5; not an SDTM variable."),
    "MKMETHOD": ("record", "MRI and the code of the definition."),
    "MKEVAL": ("record", "Constant: algorithm; read grades are in long.csv."),
    "MKLOBXFL": ("record", "Y at the first visit."),
    "MKTRTDFL": ("record", "Y for treated discs, N for others; not an SDTM variable."),
    "VISITNUM": ("timing", "Number of the visit in the order of the trial."),
    "VISIT": ("timing", "Name of the visit."),
    "MKDTC": ("timing", "Day of the scan, ISO 8601."),
    "MKCHG": ("derived", "Change since the first visit; belongs in ADaM, here for convenience."),
    "MKVERD": ("derived", "Verdict on the change; belongs in ADaM, here for convenience."),
}
"""Columns with their role and source."""


def write_sdtm(
    analysis: Analysis, root: Path, name: str, visits: tuple[str, ...]
) -> tuple[str, ...]:
    """Write ``sdtm_findings.csv`` and ``sdtm_mapping.csv``."""
    save(root / "sdtm_findings.csv", tuple(MAPPING), finding_rows(analysis, name, visits))
    columns = ("column", "role", "source", "parameter", "code")
    save(root / "sdtm_mapping.csv", columns, mapping_rows())
    return ("sdtm_findings.csv", "sdtm_mapping.csv")


def finding_rows(analysis: Analysis, name: str, visits: tuple[str, ...]) -> Iterator[Cells]:
    """One row per subject, visit, disc and test."""
    changes = {(c.subject, c.visit, c.level, c.parameter): c for c in analysis.changes}
    for course in analysis.courses:
        sequence = 0
        for visit in (course.baseline, *course.later):
            for level, disc in visit.discs.items():
                for one in PARAMETERS:
                    sequence += 1
                    change = changes.get((course.subject.name, visit.name, level, one.name))
                    row = _key(course, visit, name, visits) | {
                        "MKSEQ": sequence,
                        "MKTESTCD": one.sdtm_code,
                        "MKTEST": _test(one.name, one.unit),
                        **_result(disc.values.get(one.name), one.name),
                        "MKLOCDTL": level.value,
                        "MKTRTDFL": "Y" if level in course.subject.treated else "N",
                    }
                    if one.name not in disc.values:
                        row["MKREASND"] = " ".join(disc.flags_of(one.name))
                    if change is not None:
                        row["MKCHG"] = number(change.change, one.decimals)
                        row["MKVERD"] = change.verdict.value.upper()
                    yield row


def _key(course: Course, visit: Visit, name: str, visits: tuple[str, ...]) -> Cells:
    return {
        "STUDYID": name,
        "DOMAIN": DOMAIN,
        "USUBJID": f"{name}-{course.subject.name}",
        "MKREFID": visit.measured.study_uid,
        "MKLOC": "INTERVERTEBRAL DISC",
        "MKEVAL": "ALGORITHM",
        "MKLOBXFL": "Y" if visit is course.baseline else "",
        "VISITNUM": visits.index(visit.name) + 1,
        "VISIT": visit.name.upper(),
        "MKDTC": visit.measured.day,
    }


def _result(value: Value | None, parameter: str) -> Cells:
    if value is None:
        return {"MKSTAT": "NOT DONE"}
    text, unit = shown(value, parameter), PARAMETER[parameter].unit
    numeric = not isinstance(value.value, str)
    return {
        "MKORRES": text,
        "MKORRESU": unit,
        "MKSTRESC": text,
        "MKSTRESN": text if numeric else None,
        "MKSTRESU": unit if numeric else None,
        "MKMETHOD": f"MRI {value.method}".strip(),
    }


def _test(parameter: str, unit: str) -> str:
    """Name of a test, at most 40 characters.

    >>> _test("height_three_point_mm", "mm"), _test("adc_disc_um2_ms", "um2/ms")
    ('disc height three point', 'disc adc')
    """
    suffix = unit.replace("/", "_").strip("{}")
    words = parameter.removesuffix(f"_{suffix}").split("_")
    return " ".join(["disc", *(word for word in words if word != "disc")])[:40]


def mapping_rows() -> Iterator[Cells]:
    """Columns, then the code of every parameter."""
    for column, (role, source) in MAPPING.items():
        yield {"column": column, "role": role, "source": source}
    for one in PARAMETERS:
        yield {
            "column": "MKTESTCD", "role": "topic", "source": one.meaning, "parameter": one.name,
            "code": one.sdtm_code,
        }  # fmt: skip
