"""Images that a DICOMDIR lists but that are missing, as after copying part of a CD."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pydicom

from discmri.study.scan import DAMAGE, lenient_pydicom
from discmri.study.source import InputFile, clean_text


def missing_images(files: Sequence[InputFile]) -> Counter[str]:
    """Number of missing images by Series Instance UID; empty without a readable DICOMDIR."""
    here = {file.name.lower() for file in files}
    missing: Counter[str] = Counter()
    for file in files:
        folder, _, name = file.name.rpartition("/")
        if name.upper() != "DICOMDIR":
            continue
        try:
            with lenient_pydicom():
                records = (
                    pydicom.dcmread(file.path, force=True).get("DirectoryRecordSequence") or ()
                )
                series = ""
                for record in records:  # an image follows the series that it belongs to
                    series = clean_text(record.get("SeriesInstanceUID")) or series
                    listed = record.get("ReferencedFileID") or ()
                    parts = [listed] if isinstance(listed, str) else list(listed)
                    path = "/".join([folder, *parts] if folder else parts)
                    if parts and path.lower() not in here:
                        missing[series] += 1
        except (OSError, EOFError, *DAMAGE):
            continue
    return missing
