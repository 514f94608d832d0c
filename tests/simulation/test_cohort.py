"""A cohort of phantoms on disk."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from tests.conftest import SHORT

from discmri.cohort import Workers, find_cohort, workers
from discmri.cohort.isolated import Limits
from discmri.core.errors import UnfinishedError, UsageError
from discmri.phantoms import SpineOptions
from discmri.phantoms.population import Member
from discmri.simulation.cohort import make_cohort

MEMBERS = [
    Member(f"p{n:04d}", n, SpineOptions(grades=[2, 3, 4, 5, 7]), vendor, SHORT, "none")
    for n, vendor in ((1, "ge"), (2, "canon"))
]


@pytest.fixture(autouse=True)
def no_dask(monkeypatch):
    monkeypatch.setattr(workers, "has_dask", lambda: False)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("cohort") / "phantoms"
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "has_dask", lambda: False)
        make_cohort(MEMBERS, root, Workers(2), progress=lambda *done: told.append(done))
    assert told == [(1, 2), (2, 2)]
    return root


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_lists_lead_to_studies_and_label_maps(made):
    plain = find_cohort(made / "studies.csv").entries
    masked = find_cohort(made / "studies_with_masks.csv").entries
    assert [entry.name for entry in plain] == ["p0001", "p0002"]
    assert all(entry.path.is_dir() and entry.masks is None for entry in plain)
    assert all(entry.masks is not None and entry.masks.is_file() for entry in masked)


def test_truth_is_that_of_every_disc_in_the_picture(made):
    rows = read(made / "truth.csv")
    document = json.loads((made / "phantoms/p0001/truth.json").read_text())
    own = [row for row in rows if row["study"] == "p0001"]
    assert [row["level"] for row in own] == document["in_picture"]
    truth = {disc["level"]: disc for disc in document["discs"]}
    for row in own:
        assert float(row["height_columns_mm"]) == truth[row["level"]]["height_columns_mm"]
        centre = [float(row[f"centre_{axis}_mm"]) for axis in "ras"]
        assert centre == truth[row["level"]]["centre_mm"]
        assert (row["vendor"], row["spacing_mm"]) == ("ge", "1.2")


def test_phantoms_that_are_there_are_kept_and_more_can_be_added(made, tmp_path):
    root = tmp_path / "again"
    shutil.copytree(made, root)
    before = (root / "phantoms/p0002/truth.json").stat().st_ino
    shutil.rmtree(root / "phantoms/p0001")
    make_cohort(MEMBERS, root, Workers(1))
    assert (root / "phantoms/p0002/truth.json").stat().st_ino == before
    again = [path.read_bytes() for path in sorted((root / "phantoms/p0001").rglob("*.dcm"))]
    assert again == [p.read_bytes() for p in sorted((made / "phantoms/p0001").rglob("*.dcm"))]
    make_cohort(MEMBERS[:1], root, Workers(1))
    assert {row["study"] for row in read(root / "truth.csv")} == {"p0001"}


def test_another_cohort_and_other_folders_are_refused(made, tmp_path):
    others = [Member("p0001", 9, SpineOptions(), "ge", SHORT, "none")]
    with pytest.raises(UsageError, match="another seed"):
        make_cohort(others, made)
    (tmp_path / "letter.txt").write_text("keep me")
    with pytest.raises(UsageError, match="something other"):
        make_cohort(MEMBERS, tmp_path)
    with pytest.raises(UsageError, match="is a file"):
        make_cohort(MEMBERS, tmp_path / "letter.txt")


def test_phantoms_that_cannot_be_made_are_named(tmp_path):
    with pytest.raises(
        UnfinishedError, match=r"1 of 1 phantoms could not be made \(p0001: it took"
    ):
        make_cohort(MEMBERS[:1], tmp_path / "x", Workers(1), Limits(minutes=0.1 / 60))
    assert not (tmp_path / "x" / "truth.csv").exists()
