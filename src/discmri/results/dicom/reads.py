"""``reads_sr_<reader>.dcm``: the grades of one reader for the discs of one study (TID 1500)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from pydicom import Dataset

from discmri.core.levels import DiscLevel
from discmri.results.dicom import tree
from discmri.results.dicom.codes import READ_GRADE, Concept, grade
from discmri.results.dicom.report import GROUP, report, site, subject
from discmri.results.dicom.source import DicomSource

READER = Concept("C28747", "NCIt", "Reader")
ADJUDICATOR = Concept("C96561", "NCIt", "Adjudicator")
_COMMENT = Concept("121106", "DCM", "Comment")
_TID_EVALUATION = "1501"


@dataclass(frozen=True)
class ReadDisc:
    """One reader's grade of one disc."""

    level: DiscLevel  # level according to the reader
    automatic_level: DiscLevel  # level according to the program
    grade: str  # modified Pfirrmann grade, such as `4` or `4/7`; empty if not evaluable
    not_evaluable: str = ""  # reason why the disc could not be graded
    comment: str = ""
    at: str = ""  # time of the read, ISO 8601 in UTC


@dataclass(frozen=True)
class Observer:
    """The person who read."""

    name: str  # name in the session
    role: Concept = READER  # READER or ADJUDICATOR

    def context(self) -> list[Dataset]:
        """Observer context of a person (TID 1003)."""
        kind = Concept("121005", "DCM", "Observer Type"), Concept("121006", "DCM", "Person")
        role = Concept("121011", "DCM", "Person Observer's Role in this Procedure")
        return [
            tree.code(*kind, relation="HAS OBS CONTEXT"),
            tree.person(Concept("121008", "DCM", "Person Observer Name"), f"{self.name}^"),
            tree.code(role, self.role, "HAS OBS CONTEXT"),
        ]


def reads_report(source: DicomSource, observer: Observer, reads: Sequence[ReadDisc]) -> Dataset:
    """A structured report with one group per disc that was read, in its own series.

    ``reads`` are the grades of one presentation of the study, cranial to caudal.
    """
    groups = []
    for one in reads:
        children = [
            *subject(source, one.automatic_level, one.level.value),
            site(one.level),
            tree.code(READ_GRADE, grade(one.grade))
            if one.grade
            else tree.text(READ_GRADE, f"not evaluable: {one.not_evaluable}"),
        ]
        if one.comment:
            children.append(tree.text(_COMMENT, one.comment))
        groups.append(tree.container(GROUP, children, template=_TID_EVALUATION))
    made = report(source, "reads_sr", groups, context=observer.context())
    words = hashlib.sha256(repr((astuple(observer), [astuple(one) for one in reads])).encode())
    made.SOPInstanceUID = source.uid("reads_sr", words.hexdigest(), "instance")
    made.SeriesInstanceUID = source.uid("reads_sr", observer.name, "series")
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.SeriesDescription = f"discmri reads of {observer.name}"[:64]
    last = max((one.at for one in reads), default="")
    if last:
        made.ContentDate, made.ContentTime = (
            last[:10].replace("-", ""),
            last[11:19].replace(":", ""),
        )
    return made
