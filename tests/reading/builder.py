"""What several tests of reading sessions make."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from discmri.core.levels import DiscLevel
from discmri.results.export import study_json

LEVELS = (DiscLevel.L1_L2, DiscLevel.L2_L3, DiscLevel.L3_L4, DiscLevel.L4_L5, DiscLevel.L5_S1)


def make_results(folder: Path, subject: str, date: str, levels=LEVELS, status="measured") -> Path:
    """A results folder as ``discmri measure`` leaves it, as far as a session looks at it."""
    discs = [
        {
            "level": level.value,
            "label_id": level.label_id,
            "flags": ["few_slices"],
            "values": {
                "height_mm": {"value": 7.0 + n, "unit": "mm", "method": "columns", "sd": 0.2},
                "suggested_grade": {"value": str(2 + n), "unit": "", "method": "g", "sd": None},
            },
            "evidence": {"grade": {"height_loss": 0.1}},
        }
        for n, level in enumerate(levels)
        if level.is_measured
    ]
    residual = [
        {
            "level": level.value,
            "label_id": level.label_id,
            "centre_mm": [0.0, 0.0, 0.0],
            "depth_mm": 14.0,
            "height_mm": 4.0,
        }
        for level in levels
        if not level.is_measured
    ]
    uid = f"1.2.{int(hashlib.sha256(f'{subject}{date}'.encode()).hexdigest()[:8], 16)}"
    record = {
        "schema": study_json.SCHEMA_NAME, "notice": study_json.NOTICE, "status": status,
        "message": "", "subject_id": subject, "study_uid": uid, "study_date": date,
        "series_uid": f"{uid}.1", "numbering": "sacrum", "numbering_confidence": 0.9,
        "discs": discs if status == "measured" else [], "findings": [], "meanings": {},
        "residual_discs": residual, "parameters": {}, "series": [], "settings": {}, "versions": {"discmri": "0"},
        "segmenter": "builtin", "diffusion": {}, "files": {},
        "inputs": [{"series_uid": f"{uid}.1", "pixels_sha256": "ab" * 32}],
    }  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "study.json").write_text(study_json.dumps(record), encoding="utf-8")
    (folder / "labels.nii.gz").write_bytes(b"labels")
    return folder


def reader_process(session: str | Path, reader: str, program: str) -> subprocess.Popen[str]:
    """A process of its own that opens a session and runs a program with it.

    The program sees ``session`` and ``said(x)``, which prints a line at once.
    """
    code = (
        "import os, signal, sys\n"
        "from discmri.reading import *\n"
        "from discmri.reading import session as module\n"
        "def said(x): print(x, flush=True)\n"
        "def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"with open_session({str(session)!r}, {reader!r}) as session:\n"
        + "".join(f"    {line}\n" for line in program.splitlines())
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy(),
    )  # fmt: skip


GRADE_EVERYTHING = """\
said("ready")
for case in session.cases:
    for disc in case.discs:
        entry = session.record(case.item, disc.key, Grade(3)).read.entry_id
        said(entry)
"""
