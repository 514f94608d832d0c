"""Results folders made by hand, and sessions planned from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from discmri import reading
from discmri.export import study_json
from discmri.reading import Mode, Order, Wishes

LEVELS = {"L1-L2": 92, "L2-L3": 93, "L3-L4": 94, "L4-L5": 95, "L5-S1": 100}


def make_results(folder: Path, subject: str, date: str, levels=LEVELS, status="measured") -> Path:
    """A results folder as ``discmri measure`` leaves it, as far as a session looks at it."""
    discs = [
        {
            "level": level,
            "label_id": label,
            "flags": [],
            "values": {
                "height_mm": {"value": 7.0 + n, "unit": "mm", "method": "columns", "sd": 0.2},
                "suggested_grade": {
                    "value": str(2 + n), "unit": "", "method": "griffith-2007", "sd": None,
                },
            },
            "evidence": {"grade": {"height_loss": 0.1}},
        }
        for n, (level, label) in enumerate(levels.items())
    ]  # fmt: skip
    uid = f"1.2.{abs(hash((subject, date))) % 10**8}"
    record = {
        "schema": study_json.SCHEMA_NAME, "notice": study_json.NOTICE, "status": status,
        "message": "", "subject_id": subject, "study_uid": uid, "study_date": date,
        "series_uid": f"{uid}.1", "numbering": "sacrum", "numbering_confidence": 0.9,
        "discs": discs if status == "measured" else [], "findings": [], "meanings": {},
        "parameters": {}, "series": [], "settings": {}, "versions": {"discmri": "0"},
        "segmenter": "builtin", "diffusion": {}, "files": {},
        "inputs": [{"series_uid": f"{uid}.1", "pixels_sha256": "ab" * 32}],
    }  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "study.json").write_text(study_json.dumps(record), encoding="utf-8")
    (folder / "labels.nii.gz").write_bytes(b"labels")
    return folder


@pytest.fixture
def results(tmp_path) -> list[Path]:
    """Six visits: three subjects, twice each."""
    return [
        make_results(tmp_path / "data" / f"{subject}-{date}", subject, date)
        for subject in ("SUBJ-A", "SUBJ-B", "SUBJ-C")
        for date in ("20240131", "20240731")
    ]


@pytest.fixture
def planned(results, tmp_path):
    """A function: a session file planned with some wishes; gives its path."""

    def plan(mode=Mode.OPEN, readers=("ann", "ben"), session=None, **wishes):
        made = reading.plan_session(
            dict.fromkeys(results), Wishes(readers, mode, **wishes), beside=tmp_path
        )
        path = session or tmp_path / f"{mode.value}.session"
        reading.create_session(path, made)
        return path

    return plan


def spoil(path: Path, **changes: object) -> None:
    """Change a results folder after it was planned."""
    record = json.loads((path / "study.json").read_text(encoding="utf-8"))
    (path / "study.json").write_text(json.dumps(record | changes), encoding="utf-8")


__all__ = ["LEVELS", "Order", "make_results", "spoil"]
