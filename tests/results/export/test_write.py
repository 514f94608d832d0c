"""The results folder: whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from discmri.core.errors import UsageError
from discmri.results import write as writing
from discmri.results.export import EXPORTERS
from discmri.results.write import write

FILES = {
    "discs.csv", "measurements.csv", "labels.nii.gz", "outlines.json", "figures", "report.html",
    "study.json",
}  # fmt: skip


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


@pytest.fixture(scope="module")
def written(result, tmp_path_factory) -> Path:
    return write(result, tmp_path_factory.mktemp("w") / "deep" / "out")


def test_all_formats_make_all_files(written):
    assert {path.name for path in written.iterdir()} == FILES
    assert {p.name for p in (written / "figures").iterdir()} >= {
        "overview.png",
        "L4-L5.png",
        "L4-L5-adc.png",
    }
    assert not (written / "figures" / "L5-S1-adc.png").exists()  # that disc has no ADC


def test_rerun_gives_identical_bytes(result, written, tmp_path):
    again = write(replace(result), tmp_path / "again")  # a copy, so nothing is cached
    assert _contents(again) == _contents(written)


def test_folder_obeys_the_umask_and_leaves_nothing_beside(written):
    umask = os.umask(0)
    os.umask(umask)
    assert written.stat().st_mode & 0o777 == 0o777 & ~umask
    assert [p.name for p in written.parent.iterdir()] == ["out"]


def test_only_chosen_formats_and_always_the_record(result, tmp_path):
    folder = write(result, tmp_path / "out", formats=("csv",))
    assert {path.name for path in folder.iterdir()} == {"discs.csv", "study.json"}


def test_record_holds_hashes_of_the_other_files(written):
    record = json.loads((written / "study.json").read_text(encoding="utf-8"))
    rest = {
        k: hashlib.sha256(v).hexdigest() for k, v in _contents(written).items() if k != "study.json"
    }
    assert record["files"] == rest


def test_unknown_format_is_named(result, tmp_path):
    with pytest.raises(UsageError, match=r"'xlsx'.*csv"):
        write(result, tmp_path / "out", formats=("xlsx",))
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_is_refused_and_untouched(result, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="--overwrite"):
        write(result, tmp_path / "out", formats=("csv",))
    assert list((tmp_path / "out").iterdir()) == []
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_overwrite_replaces_own_files_and_keeps_others(result, tmp_path):
    folder = write(result, tmp_path / "out", formats=("csv", "csv-long"))
    (folder / "notes.txt").write_text("mine")
    (folder / "discs.csv").write_text("stale")
    write(result, folder, formats=("csv",), overwrite=True)
    assert {path.name for path in folder.iterdir()} == {"discs.csv", "study.json", "notes.txt"}
    assert (folder / "discs.csv").read_text(encoding="utf-8").startswith("subject_id,")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_overwrite_of_a_foreign_folder_loses_nothing(result, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "study.json").write_text("[1, 2]")
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    write(result, tmp_path / "out", formats=("csv",), overwrite=True)
    assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt()])
@pytest.mark.parametrize("overwrite", [False, True])
def test_failure_leaves_everything_as_it_was(result, tmp_path, monkeypatch, error, overwrite):
    if overwrite:
        write(result, tmp_path / "out", formats=("csv",))
    before = _contents(tmp_path)

    def broken(result, folder):
        (folder / "half").write_text("half")
        raise error

    monkeypatch.setattr(writing, "EXPORTERS", {**EXPORTERS, "json": broken})
    with pytest.raises(type(error)):
        write(result, tmp_path / "out", formats=("csv",), overwrite=overwrite)
    assert _contents(tmp_path) == before
    assert [p.name for p in tmp_path.iterdir()] == (["out"] if overwrite else [])


def test_failing_swap_restores_the_old_folder(result, tmp_path, monkeypatch):
    folder = write(result, tmp_path / "out", formats=("csv",))
    before = _contents(folder)
    rename = Path.rename

    def refuse(self, target):
        if Path(target) == folder and not self.parent.name.endswith("-old"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(UsageError, match="No space left"):
        write(result, folder, formats=("csv",), overwrite=True)
    assert _contents(folder) == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("below", ["file.txt", "file.txt/out"])
def test_a_file_in_the_way_is_a_usage_error(result, tmp_path, below):
    (tmp_path / "file.txt").write_text("keep")
    with pytest.raises(UsageError, match="-o"):
        write(result, tmp_path / below, formats=("csv",), overwrite=True)
    assert (tmp_path / "file.txt").read_text() == "keep"


def test_every_exporter_is_a_member_with_a_result_and_a_folder(result, tmp_path):
    for name in EXPORTERS.keys() - {"dicom"}:  # which needs a DICOM study
        member, folder = EXPORTERS[name], tmp_path / name
        folder.mkdir()
        member(result, folder)
        assert any(folder.iterdir()), name
