"""``discmri inspect``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import discmri.study
from discmri.core.errors import NothingToMeasureError
from discmri.core.facts import SeriesFacts


def test_table_shows_role_and_reason(run, world):
    code, out, _ = run("inspect", "scan", "--study", "1.2.3")
    assert code == 0
    assert "SUBJ-01" in out
    line = next(line for line in out.splitlines() if "T2 TSE SAG" in line)
    assert line.startswith("*")
    assert "sagittal T2" in line
    assert "TE 100 ms" in line
    assert "0.6 x 0.6 x 4.4" in line
    assert "Would be measured (*): discs on T2 TSE SAG; no ADC." in out
    assert world["study_uid"] == "1.2.3"
    assert [p.name for p in Path().iterdir()] == ["scan"]  # nothing is written


def test_json_for_machines(run):
    code, out, err = run("inspect", "scan", "--json", "--quiet")
    assert (code, err) == (0, "")
    assert json.loads(out)["series"][0]["role"] == "sagittal T2"


def test_text_from_headers_cannot_steer_the_terminal(run, world):
    @dataclass
    class Series:
        def describe(self):
            return SeriesFacts(
                "1.2.3.4", description="SAG\x1b]0;owned\x07\nT2", problem="no geometry",
                usable=False, slices=1,
            )  # fmt: skip

    study = discmri.study.read_study("scan")
    study.series = (Series(),)
    study.subject_id = "A\x9b31mB"
    world["study"] = study
    code, out, _ = run("inspect", "scan")
    assert code == 0
    assert not any((ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 for c in out)
    assert any("SAG]0;owned T2" in line and "no geometry" in line for line in out.splitlines())


def test_a_study_without_uid_is_named_by_its_subject(run, world):
    study = discmri.study.read_study("scan")
    study.study_uid = ""
    world["study"] = study
    assert run("inspect", "scan")[1].splitlines()[0] == f"Subject {study.subject_id}"


def test_several_studies_are_three(run, monkeypatch):
    def refuse(path, study_uid=None, threads=2):
        raise NothingToMeasureError("scan holds 2 studies: 1.2, 1.3; choose one with --study UID")

    monkeypatch.setattr(discmri.study, "read_study", refuse)
    code, out, err = run("inspect", "scan", "--quiet")
    assert (code, out) == (3, "")
    assert err.startswith("discmri: scan holds 2 studies")


def test_missing_path_is_two(run):
    assert run("inspect", "nowhere")[0] == 2
