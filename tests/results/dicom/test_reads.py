"""What readers said, as structured reports: from a session over real results to a validator."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest

from discmri import reading
from discmri.core.grade import Grade
from discmri.reading import NotEvaluable, SessionOptions, Store
from discmri.reading.opening import data_root


@pytest.fixture
def session(classic, tmp_path):
    """One measured phantom, read by two people, by one of them twice."""
    folder = classic.result.write(tmp_path / "data" / "results", ("nifti", "outlines"))
    study = shutil.copytree(classic.study, tmp_path / "data" / "study")
    planned = reading.plan_session({folder: study}, SessionOptions(("ann", "Dr Ben"), repeats=0.5))
    path = tmp_path / "lumbar.session"
    reading.create_session(path, planned)
    lowest, next_one = [disc.level for disc in planned.plan.cases[0].discs][:-3:-1]
    for reader, items in (("ann", (".1", ".2")), ("Dr Ben", (".1",))):
        with reading.open_session(path, reader) as opened:
            for item in items:
                where = opened.plan.cases[0].key + item
                opened.record(where, lowest, Grade(4, 7), comment="a cleft")
                opened.record(where, next_one, NotEvaluable("metal beside it"))
    return path


def exported(session, folder):
    store = Store.open(session)
    reading.export_session(store, folder, images=data_root(store, store.plan()))
    return {path.name: path for path in (folder / "dicom").rglob("*.dcm")}


def items(ds):
    for item in ds.get("ContentSequence", ()):
        yield item
        yield from items(item)


def answers(ds) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in items(ds):
        name = (item.get("ConceptNameCodeSequence") or [pydicom.Dataset()])[0].get("CodeMeaning")
        code = (item.get("ConceptCodeSequence") or [pydicom.Dataset()])[0].get("CodeMeaning")
        said = code or item.get("TextValue") or item.get("PersonName")
        if said:
            found.setdefault(name, []).append(str(said))
    return found


def test_every_reader_has_a_report_of_his_own(session, classic, tmp_path):
    made = exported(session, tmp_path / "out")
    assert set(made) == {
        "reads_sr_ann.dcm", "reads_sr_ann_repeat.dcm", "reads_sr_Dr_Ben.dcm",
    }  # fmt: skip
    reports = {name: pydicom.dcmread(path) for name, path in made.items()}
    ann, ben = reports["reads_sr_ann.dcm"], reports["reads_sr_Dr_Ben.dcm"]
    told = answers(ann)
    assert told["Person Observer Name"] == ["ann^"]
    assert told["Observer Type"] == ["Person"]
    assert told["Person Observer's Role in this Procedure"] == ["Reader"]
    assert told["Modified Pfirrmann grade given by a reader"] == [
        "not evaluable: metal beside it", "Modified Pfirrmann grade 4/7",
    ]  # fmt: skip
    assert told["Comment"] == ["a cleft"]
    assert told["Tracking Identifier"][-1] == told["Finding"][-1].replace(" disc", "").replace(
        "/", "-"
    )
    assert ann.SeriesInstanceUID != ben.SeriesInstanceUID
    assert len({one.SOPInstanceUID for one in reports.values()}) == 3
    assert ann.StudyInstanceUID == classic.result.study_uid
    assert str(ann.ContentDate) >= "20240101"


def test_a_second_export_gives_the_same_bytes(session, tmp_path):
    first, again = exported(session, tmp_path / "a"), exported(session, tmp_path / "b")
    for name, path in first.items():
        assert path.read_bytes() == again[name].read_bytes()


def test_a_validator_finds_no_error(session, tmp_path):
    for path in exported(session, tmp_path / "out").values():
        program = Path(sys.executable).with_name("dciodvfy")
        told = subprocess.run([program, "-new", path], capture_output=True, text=True, check=False)
        lines = [line for line in told.stderr.splitlines() if line.startswith(("Error", "Warning"))]
        assert [line for line in lines if "99DISCMRI" not in line] == []


def test_a_study_without_its_images_is_told_and_the_tables_are_written(session, tmp_path, caplog):
    shutil.rmtree(tmp_path / "data" / "study")
    assert exported(session, tmp_path / "out") == {}
    assert "no DICOM objects of results" in caplog.text
    assert (tmp_path / "out" / "reads_long.csv").exists()
