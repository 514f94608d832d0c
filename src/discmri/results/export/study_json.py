"""``study.json``: the complete result of one study with its provenance."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.results.document import RECORD, document
from discmri.results.jsonable import dumps

if TYPE_CHECKING:
    from discmri.results.model import StudyResult


def export(result: StudyResult, folder: Path) -> None:
    """Write ``study.json``, with a hash of every file already in the folder."""
    text = dumps(document(result, _hashes(folder)))
    (folder / RECORD).write_text(text, encoding="utf-8", newline="\n")


def _hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != RECORD)
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(files)
    }
