"""REDCap data dictionary and import file of the values of a trial.

One event per visit, one instance of the repeating instrument ``disc`` per disc.  Field names are the
columns of ``discs.csv``, which are valid in REDCap (lower case, digits and underscores).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from discmri.core.levels import MEASURED_LEVELS
from discmri.results.export.csv_wide import Cells
from discmri.results.records import PARAMETERS
from discmri.trial.analysis import Analysis
from discmri.trial.tables import save, shown

DICTIONARY = (
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
    "Choices, Calculations, OR Slider Labels", "Field Note",
    "Text Validation Type OR Show Slider Number", "Text Validation Min", "Text Validation Max",
    "Identifier?", "Branching Logic (Show field only if...)", "Required Field?",
    "Custom Alignment", "Question Number (surveys only)", "Matrix Group Name", "Matrix Ranking?",
    "Field Annotation",
)  # fmt: skip
FORM = "disc"
_LEVELS = MEASURED_LEVELS
_IMPORT = ("record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")
_FACTS = {
    "scan_date": ("text", "Day of the scan", "", "date_ymd"),
    "disc_level": (
        "dropdown", "Disc, by the numbering of the first visit",
        " | ".join(f"{n}, {level.value}" for n, level in enumerate(_LEVELS, 1)), "",
    ),
    "disc_treated": ("yesno", "Treated disc", "", ""),
    "disc_flags": ("text", "Codes of warnings, separated by ;", "", ""),
}  # fmt: skip


def write_redcap(analysis: Analysis, root: Path) -> tuple[str, ...]:
    """Write ``redcap_dictionary.csv`` and ``redcap_import.csv``."""
    save(root / "redcap_dictionary.csv", DICTIONARY, dictionary_rows())
    columns = (*_IMPORT, *_FACTS, *(one.name for one in PARAMETERS))
    save(root / "redcap_import.csv", columns, import_rows(analysis))
    return ("redcap_dictionary.csv", "redcap_import.csv")


def dictionary_rows() -> Iterator[Cells]:
    """The form ``disc``; the identifier of the record is first, as REDCap requires."""
    yield _field("record_id", "text", "Subject", "", "")
    for name, (kind, label, choices, validation) in _FACTS.items():
        yield _field(name, kind, label, choices, validation)
    for one in PARAMETERS:
        label = f"{one.meaning} [{one.unit}]" if one.unit else one.meaning
        yield _field(one.name, "text", label, "", "number" if one.unit else "")


def _field(name: str, kind: str, label: str, choices: str, validation: str) -> Cells:
    cells = (name, FORM, "", kind, label, choices, "", validation)
    return dict(zip(DICTIONARY, cells, strict=False))


def import_rows(analysis: Analysis) -> Iterator[Cells]:
    """One row per subject, visit and disc, without repeat scans."""
    for course in analysis.courses:
        for visit in (course.baseline, *course.later):
            for level, disc in visit.discs.items():
                values = {name: shown(value, name) for name, value in disc.values.items()}
                yield {
                    "record_id": course.subject.name,
                    "redcap_event_name": event_name(visit.name),
                    "redcap_repeat_instrument": FORM,
                    "redcap_repeat_instance": _LEVELS.index(level) + 1,
                    "scan_date": visit.measured.day,
                    "disc_level": _LEVELS.index(level) + 1,
                    "disc_treated": int(level in course.subject.treated),
                    "disc_flags": ";".join(disc.flags),
                    **values,
                }


def event_name(visit: str) -> str:
    """Unique name that REDCap gives to the event of a visit in the first arm.

    >>> event_name("Week 12")
    'week_12_arm_1'
    """
    return f"{re.sub(r'[^a-z0-9]+', '_', visit.lower()).strip('_')}_arm_1"
