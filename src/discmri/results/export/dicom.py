"""``dicom/``: the result as DICOM objects, and the report as PDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.core.findings import Code, info

if TYPE_CHECKING:
    from discmri.core.findings import Finding
    from discmri.results.model import StudyResult


def export(result: StudyResult, folder: Path) -> Sequence[Finding]:
    """Write ``dicom/*.dcm`` and ``report.pdf``; return a finding per object that was left out."""
    from discmri.results.dicom import dicom_objects
    from discmri.results.dicom.instance import to_bytes

    made = dicom_objects(result)
    place = folder / "dicom"
    place.mkdir()
    for name, one in made.objects.items():
        (place / f"{name}.dcm").write_bytes(to_bytes(one))
    (place / "report.pdf").write_bytes(made.pdf)
    return [info(Code.DICOM_OBJECT_LEFT_OUT, reason) for name, reason in made.left_out.items()]
