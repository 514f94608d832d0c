"""A batch in this process: what is measured, kept, measured again, and told."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import discmri
from discmri.cohort import Limits, StudyStatus, Workers, find_cohort, run_batch, workers
from discmri.cohort.batch import BatchProgress, check_root, plan
from discmri.cohort.tables import COLUMNS, type_of
from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.core.locks import locked
from discmri.core.settings import Settings
from discmri.results.decisions import read_decisions

SETTINGS = Settings(segmenter="masks", formats=("csv", "json"))
TABLES = ("cohort.csv", "cohort.parquet", "board.html", "batch.json")


@pytest.fixture(autouse=True)
def no_dask(monkeypatch):
    """As without the extra: a plain pool."""
    monkeypatch.setattr(workers, "has_dask", lambda: False)


def rows(root: Path) -> list[dict[str, str]]:
    with (root / "cohort.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def tables(root: Path) -> dict[str, bytes]:
    return {name: (root / name).read_bytes() for name in TABLES}


@pytest.fixture(scope="module")
def measured(tiny, tmp_path_factory) -> Path:
    """A finished batch: two good studies, one empty, one lost, one label map that is none."""
    base = tmp_path_factory.mktemp("batch")
    shutil.copytree(tiny.study, base / "copy")
    (base / "empty").mkdir()
    labels = tiny.folder / "labels.nii.gz"
    listed = [
        f"good,{tiny.study},{labels}",
        f"empty,empty,{labels}",
        f"lost,nowhere/at/all,{labels}",
        f"=copy,copy,{labels}",
        f"odd,copy,{tiny.folder / 'truth.json'}",
    ]
    (base / "list.csv").write_text("id,path,masks\n" + "\n".join(listed) + "\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "has_dask", lambda: False)
        told: list[BatchProgress] = []
        result = run_batch(
            find_cohort(base / "list.csv"), base / "out", SETTINGS, Workers(2), None, told.append
        )
    assert [outcome.status for outcome in result.outcomes] == [
        StudyStatus.MEASURED, StudyStatus.NOTHING, StudyStatus.FAILED, StudyStatus.MEASURED, StudyStatus.FAILED,
    ]  # fmt: skip
    assert [tally.done for tally in told] == [0, 1, 2, 3, 4, 5]
    assert told[-1].without_result == 3
    return base


def again(base: Path, root: Path | None = None, **changes):
    """The same command once more, and which studies were measured by it."""
    root = root or base / "out"
    before = {p.parent.name: p.stat().st_ino for p in root.glob("studies/*/study.json")}
    result = run_batch(
        find_cohort(base / "list.csv"), root, replace(SETTINGS, **changes), Workers(2)
    )
    after = {p.parent.name: p.stat().st_ino for p in root.glob("studies/*/study.json")}
    return result, sorted(name for name in after if after[name] != before.get(name))


@pytest.fixture
def base(measured, tmp_path) -> Path:
    """A copy of the finished batch with its times, without the studies that fail again each time."""
    copy = tmp_path / "base"
    shutil.copytree(measured, copy)
    lines = (copy / "list.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(("lost", "odd"))]
    (copy / "list.csv").write_text("".join(kept), encoding="utf-8")
    assert again(copy)[1] == []
    return copy


def test_every_disc_is_a_row_and_a_study_without_result_is_one_with_its_reason(measured, tiny):
    table = rows(measured / "out")
    assert tuple(table[0]) == COLUMNS
    studies = [row["study"] for row in table]
    assert list(dict.fromkeys(studies)) == ["good", "empty", "lost", "'=copy", "odd"]
    good = [row for row in table if row["study"] == "good"]
    with (measured / "out/studies/good/discs.csv").open(newline="") as file:
        assert [{k: row[k] for k in row if k in COLUMNS[3:]} for row in good] == list(
            csv.DictReader(file)
        )
    truth = tiny.phantom.truth()
    for row in good:
        level = next(one for one in truth if one.value == row["level"])
        assert float(row["height_mm"]) == pytest.approx(truth[level].height_columns_mm, abs=0.6)
    for name, status, words in (
        ("empty", "nothing_to_measure", "empty holds no files"),
        ("lost", "failed", "all does not exist"),
        ("odd", "failed", "truth.json"),
    ):
        (row,) = (row for row in table if row["study"] == name)
        assert row["status"] == status
        assert words in row["reason"]
        assert str(measured) not in row["reason"], "no folder of this machine"
        assert row["height_mm"] == ""


def test_discs_rejected_in_quality_control_are_left_out_and_counted(base):
    before = rows(base / "out")
    level = next(row["level"] for row in before if row["study"] == "good")
    (base / "qc.csv").write_text(
        f"study,level,decision\ngood,{level},reject\n=copy,T9,\n".replace("T9", level)
    )
    cohort = replace(find_cohort(base / "list.csv"), decisions=read_decisions(base / "qc.csv"))
    result = run_batch(cohort, base / "out", SETTINGS, Workers(2))
    assert result.kept == len(cohort.entries)
    assert result.decisions.rejected == (("good", DiscLevel(level)),)
    gone = [row for row in before if row not in rows(base / "out")]
    assert [(row["study"], row["level"]) for row in gone] == [("good", level)]
    record = json.loads((base / "out/batch.json").read_text())
    assert record["decisions"]["rejected"] == [f"good {level}"]
    assert f"1 disc rejected and left out (good {level})" in (base / "out/board.html").read_text()


def test_parquet_holds_the_same_cells_with_their_types(measured):
    import pyarrow.parquet as pq

    table = pq.read_table(measured / "out" / "cohort.parquet")
    assert tuple(table.column_names) == COLUMNS
    for written, typed in zip(rows(measured / "out"), table.to_pylist(), strict=True):
        for name in COLUMNS:
            text = written[name]
            assert typed[name] == (type_of(name)(text) if text else None)
    assert str(table.schema.field("height_mm").type) == "double"


def test_the_record_tells_software_settings_and_every_study(measured):
    record = json.loads((measured / "out" / "batch.json").read_text(encoding="utf-8"))
    assert [one["study"] for one in record["studies"]] == ["good", "empty", "lost", "=copy", "odd"]
    assert len(record["package_sha256"]) == 64
    assert record["settings"]["segmenter"] == "masks"
    assert str(measured) not in json.dumps(record)


def test_a_finished_batch_is_not_measured_again(measured):
    before = tables(measured / "out")
    result, remeasured = again(measured)
    assert remeasured == []
    assert result.kept == 3, "what failed for reasons that may pass is tried again"
    assert tables(measured / "out") == before


def test_what_changed_is_measured_again_and_nothing_else(base):
    # copied with the folder: other files, the same bytes
    result, remeasured = again(base)
    assert remeasured == []
    file = next((base / "copy").rglob("*.dcm"))
    file.write_bytes(file.read_bytes())
    assert again(base)[1] == [], "written anew, the same bytes"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    copies = [name for name in again(base)[1] if name != "good"]
    assert len(copies) == 1
    assert copies[0].startswith("copy-")
    assert [o.status for o in result.outcomes].count(StudyStatus.MEASURED) == 2


def test_results_that_were_damaged_are_made_again(base):
    before = tables(base / "out")
    (base / "out/studies/good/discs.csv").write_text("study\n")
    shutil.rmtree(next((base / "out/studies").glob("copy-*")))
    assert len(again(base)[1]) == 2
    assert tables(base / "out") == before


def test_other_settings_measure_all_again(base):
    assert len(again(base, height_method="dabbs")[1]) == 3
    methods = {row["height_method"] for row in rows(base / "out") if row["level"]}
    assert methods == {"dabbs"}


def test_another_examination_of_the_same_folder_is_another_study(base):
    text = (base / "list.csv").read_text(encoding="utf-8")
    lines = [f"{line},{'study_uid' if n == 0 else ''}" for n, line in enumerate(text.splitlines())]
    lines[1] += "1.2.3"
    (base / "list.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    result, remeasured = again(base)
    assert remeasured == ["good"]
    assert result.outcomes[0].status is StudyStatus.NOTHING
    assert "holds no study 1.2.3" in result.outcomes[0].reason
    assert not (base / "out/studies/good/discs.csv").exists()


def test_leftovers_of_a_killed_run_are_swept(base):
    left = base / "out/studies/.discmri-abc123"
    left.mkdir()
    again(base)
    assert not left.exists()


def test_two_runs_in_one_folder_are_refused(base):
    with locked(base / "out/.batch/lock"), pytest.raises(UsageError, match="another run"):
        again(base)


def test_a_study_that_takes_too_long_is_one_row(tiny, tmp_path):
    cohort = find_cohort(tiny.listed(tmp_path / "list.csv", ["slow"]))
    result = run_batch(cohort, tmp_path / "out", SETTINGS, Workers(1), Limits(minutes=0.1 / 60))
    assert result.outcomes[0].status is StudyStatus.FAILED
    (row,) = rows(tmp_path / "out")
    assert row["reason"] == "it took longer than its limit of 0.00166667 min"


def test_masks_must_be_listed(tmp_path):
    (tmp_path / "list.csv").write_text("path\na\n")
    with pytest.raises(UsageError, match="study a has no label map"):
        plan(find_cohort(tmp_path / "list.csv"), tmp_path / "out", SETTINGS, Limits())


def test_results_inside_a_listed_study_are_refused(tmp_path):
    (tmp_path / "list.csv").write_text("path\nscan\n")
    with pytest.raises(UsageError, match="is inside study scan"):
        plan(find_cohort(tmp_path / "list.csv"), tmp_path / "scan/out", Settings(), Limits())


@pytest.mark.parametrize("options", [{"scheduler": "tcp://127.0.0.1:1"}, {"slurm": Path("x.toml")}])
def test_a_batch_that_cannot_start_leaves_no_folder(tiny, tmp_path, monkeypatch, options):
    monkeypatch.setattr(workers, "has_dask", lambda: False)
    cohort = find_cohort(tiny.listed(tmp_path / "list.csv", ["slow"]))
    with pytest.raises(UsageError, match="needs Dask"):
        run_batch(cohort, tmp_path / "out", SETTINGS, Workers(**options))
    assert not (tmp_path / "out").exists()


def test_output_folders_that_will_not_do(tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("keep me")
    (tmp_path / "file").write_text("")
    for root, said in (
        (tmp_path / "scans" / "out", "is inside the cohort"),
        (tmp_path / "other", "something other than a batch"),
        (tmp_path / "file", "a file, not a folder"),
    ):
        with pytest.raises(UsageError, match=said):
            check_root(root, tmp_path / "scans")


def test_a_batch_is_read_back(measured):
    cohort = discmri.read_cohort(measured / "out")
    assert [one.status for one in cohort] == [
        StudyStatus.MEASURED, StudyStatus.NOTHING, StudyStatus.FAILED, StudyStatus.MEASURED, StudyStatus.FAILED,
    ]  # fmt: skip
    good, empty, lost = cohort[:3]
    assert good.result == discmri.read_results(measured / "out" / "studies" / "good")
    assert empty.result.message == empty.reason
    with pytest.raises(UsageError, match="lost has no result"):
        _ = lost.result
    table = cohort.to_dataframe()
    cells = [row for row in rows(measured / "out") if row["level"]]
    assert list(table["study"]) == [row["study"].lstrip("'") for row in cells]
    assert [f"{height:.3f}" for height in table["height_mm"]] == [row["height_mm"] for row in cells]
    for verdict in ("good", "check", "reject"):
        wanted = [row["level"] for row in cells if row["quality"] == verdict]
        found = cohort.to_dataframe(quality=(verdict,))
        assert (list(found["level"]) if len(found) else []) == wanted
    with pytest.raises(UsageError, match="unknown quality 'fine'; choose from good, check, reject"):
        cohort.to_dataframe(quality=("fine",))
    assert repr(cohort) == "<CohortResult: 5 studies, 3 without result>"
    with pytest.raises(UsageError, match="output folder of discmri batch"):
        discmri.read_cohort(measured)
