"""UIDs of a DICOM file from the beginning of its header."""

from __future__ import annotations

from pathlib import Path

from pydicom.filereader import read_partial
from pydicom.tag import BaseTag

from discmri.study.scan import DAMAGE, lenient_pydicom, looks_like_dicom
from discmri.study.source import clean_text

_STUDY_UID, _SERIES_UID = BaseTag(0x0020000D), BaseTag(0x0020000E)


def owner_of(path: Path) -> tuple[str, str] | None:
    """Study and series UID of a DICOM image; ``None`` if it lacks one or cannot be read."""
    try:
        with path.open("rb") as stream, lenient_pydicom():
            if not looks_like_dicom(stream.read(1024)):
                return None
            stream.seek(0)
            header = read_partial(
                stream,
                stop_when=lambda tag, _vr, _length: tag > _SERIES_UID,
                force=True,
                specific_tags=[_STUDY_UID, _SERIES_UID],
            )
    except (OSError, EOFError, *DAMAGE):
        return None
    study, series = header.get("StudyInstanceUID"), header.get("SeriesInstanceUID")
    if study is None or series is None:
        return None
    return clean_text(study), clean_text(series)
