"""``batch``, ``validate``, ``qualify`` and ``phantom cohort``: options, exit codes, words."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.cli.conftest import called

import discmri.cohort
import discmri.simulation.cohort
import discmri.validation.qualify
from discmri.cohort import BatchProgress, BatchResult, Limits, StudyOutcome, StudyStatus, Workers
from discmri.core.errors import UnfinishedError
from discmri.core.settings import Settings
from discmri.results.decisions import QcVerdict
from discmri.validation.qualify import AcceptanceCheck, Qualification


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with two studies' worth of nothing."""
    monkeypatch.chdir(tmp_path)
    for name in ("scans/a", "scans/b"):
        Path(name).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def call(here, capfd):
    return called(capfd)


@pytest.fixture
def batch(monkeypatch):
    """A stand-in for the work; what it was asked stands in ``asked``."""
    asked = {}
    outcomes = [
        StudyOutcome("a", StudyStatus.MEASURED),
        StudyOutcome("b", StudyStatus.NOTHING, "no MR; give another"),
    ]

    def run_batch(cohort, root, settings, workers, limits, progress):
        asked.update(cohort=cohort, root=root, settings=settings, workers=workers, limits=limits)
        if "error" in asked:
            raise asked["error"]
        progress(BatchProgress(2, 0, 1, 0, 3.0))
        return BatchResult(tuple(asked.get("outcomes", outcomes)), 1, ("cohort.csv", "board.html"))

    monkeypatch.setattr(discmri.cohort, "run_batch", run_batch)
    return asked


def test_a_bad_study_is_a_row_and_no_failure(call, batch):
    code, out, err = call("batch", "scans", "-o", "out", "--quiet")
    assert (code, err) == (0, "")
    assert "b      nothing_to_measure  no MR; give another" in out
    assert "1 of 2 studies measured (1 by an earlier run)." in out
    assert "cohort.parquet was not written" in out
    assert "Results: out/cohort.csv, out/board.html" in out
    assert [entry.name for entry in batch["cohort"].entries] == ["a", "b"]


def test_progress_tells_rate_and_time_left(call, batch):
    err = call("batch", "scans", "-o", "out")[2]
    assert "50 %  1 of 2 studies, 20.0 a minute, 3 s left" in err


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ([], "workers", Workers()),
        (["--workers", "3"], "workers", Workers(3)),
        (["--scheduler", "tcp://h:1"], "workers", Workers(scheduler="tcp://h:1")),
        (["--slurm", "c.toml"], "workers", Workers(slurm=Path("c.toml"))),
        ([], "limits", Limits()),
        (
            ["--time-limit", "2.5", "--memory-limit", "1", "--threads", "2"],
            "limits", Limits(2.5, 1.0, 2),
        ),
        ([], "settings", Settings(threads=1)),
        (["--height-method", "dabbs"], "settings", Settings(threads=1, height_method="dabbs")),
        (
            ["--segmenter", "masks", "--mask-scheme", "spider", "--format", "html"],
            "settings",
            Settings(threads=1, segmenter="masks", mask_scheme="spider", formats=("html",)),
        ),
        ([], "root", Path("out")),
    ],
)  # fmt: skip
def test_every_option_arrives(call, batch, options, name, value):
    assert call("batch", "scans", "-o", "out", "--quiet", *options)[0] == 0
    assert batch[name] == value


def test_decisions_of_quality_control_arrive_or_are_refused_in_one_line(call, batch, here):
    (here / "d.csv").write_text("study,level,decision\na,L4-L5,reject\n")
    assert call("batch", "scans", "-o", "out", "--quiet", "--qc", "d.csv")[0] == 0
    (one,) = batch["cohort"].decisions.entries
    assert (one.disc.study, one.verdict) == ("a", QcVerdict.REJECT)
    (here / "d.csv").write_text("study,level,decision\na,L4-L5,no\n")
    for command in (("batch", "scans"), ("validate", "scans", "scans")):
        code, out, err = call(*command, "-o", "out", "--quiet", "--qc", "d.csv")
        assert (code, out) == (2, "")
        assert err == (
            "discmri: d.csv, line 2, column decision: 'no' is not known here; write one of accept, "
            "doubt, reject, or leave the cell empty\n"
        )


def test_qc_makes_a_page_or_says_what_is_no_results_folder(call, here):
    code, _, err = call("qc", "scans", "-o", "page", "--quiet")
    assert code == 2
    assert "scans has no results; give an output folder of discmri measure" in err
    assert not (here / "page").exists()


def test_no_study_measured_is_three(call, batch):
    batch["outcomes"] = [
        StudyOutcome("a", StudyStatus.FAILED, "it hung"),
        StudyOutcome("b", StudyStatus.FAILED, "x"),
    ]
    code, out, err = call("batch", "scans", "-o", "out", "--quiet")
    assert code == 3
    assert "it hung" in out
    assert err == "discmri: none of 2 studies could be measured; reason of the first: it hung\n"


def test_a_scheduler_that_goes_away_is_one_and_no_internal_error(call, batch):
    batch["error"] = UnfinishedError("the Dask scheduler went away; what is done is kept")
    code, _, err = call("batch", "scans", "-o", "out", "--quiet")
    assert (code, err) == (1, "discmri: the Dask scheduler went away; what is done is kept\n")


def test_an_interruption_says_how_to_go_on(call, batch):
    batch["error"] = KeyboardInterrupt()
    code, _, err = call("batch", "scans", "-o", "out", "--quiet")
    assert code == 130
    assert err.endswith("completed studies are kept; run the same command again to continue\n")


def test_unused_columns_are_named(call, batch):
    Path("list.csv").write_text("path,id,arm\nscans/a,a,1\n")
    assert "not used: arm." in call("batch", "list.csv", "-o", "out", "--quiet")[1]


def test_a_dry_run_writes_nothing(call, here):
    code, out, _ = call("batch", "scans", "-o", "out", "--dry-run", "--quiet")
    assert code == 0
    assert [line.split() for line in out.splitlines()[1:]] == [
        ["a", str(here / "scans/a"), "measured"], ["b", str(here / "scans/b"), "measured"],
    ]  # fmt: skip
    assert not Path("out").exists()


def test_a_dry_run_shows_the_script_of_a_queue(call):
    Path("c.toml").write_text('queue = "long"\ncores = 1\nmemory = "2GB"\n')
    code, out, _ = call("batch", "scans", "-o", "out", "--slurm", "c.toml", "--dry-run")
    assert code == 0
    assert out.startswith("#!/usr/bin/env bash")
    assert "#SBATCH -p long" in out
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "argv",
    [
        ["batch"],
        ["batch", "scans"],
        ["batch", "nowhere", "-o", "out"],
        ["batch", "scans", "-o", "scans/out"],
        ["batch", "scans", "-o", "other"],
        ["batch", "scans", "-o", "out", "--workers", "0"],
        ["batch", "scans", "-o", "out", "--workers", "2", "--scheduler", "tcp://h:1"],
        ["batch", "scans", "-o", "out", "--time-limit", "0"],
        ["batch", "scans", "-o", "out", "--time-limit", "nan"],
        ["batch", "scans", "-o", "out", "--memory-limit", "-1"],
        ["batch", "scans", "-o", "out", "--segmenter", "magic"],
        ["batch", "scans", "-o", "out", "--segmenter", "masks", "--dry-run"],
        ["batch", "scans", "-o", "out", "--slurm", "none.toml", "--dry-run"],
        ["validate", "scans"],
        ["validate", "scans", "nowhere"],
        ["validate", "scans", "scans", "-o", "out"],
        ["validate", "scans", "scans", "-o", "other"],
        ["qualify", "-o", "other"],
        ["qualify", "-o", "other", "--overwrite"],
        ["qualify", "--workers", "x"],
        ["phantom", "cohort", "out"],
        ["phantom", "cohort", "out", "--n", "0"],
        ["phantom", "cohort", "out", "--n", "1", "--series", "dwi"],
        ["phantom", "cohort", "out", "--n", "1", "--series", "t2,t9"],
        ["phantom", "cohort", "out", "--n", "1", "--seed", "-1"],
        ["phantom", "cohort", "out", "--n", "1", "--degeneration", "none"],
        ["phantom", "cohort", "other", "--n", "1"],
    ],
)
def test_a_wrong_call_is_two_in_one_line_and_writes_nothing(call, argv):
    Path("other").mkdir()
    Path("other/letter.txt").write_text("keep me")
    before = sorted(str(path) for path in Path().rglob("*"))
    code, out, err = call(*argv, *(["--quiet"] if len(argv) > 1 else []))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("discmri")
    assert sorted(str(path) for path in Path().rglob("*")) == before


def test_an_empty_cohort_is_three(call):
    Path("empty").mkdir()
    code, _, err = call("batch", "empty", "-o", "out", "--quiet")
    assert code == 3
    assert "empty has no study" in err


def test_validate_shows_and_writes(call):
    header = "study,status,level,height_method,height_mm,height_sd_mm,height_columns_mm\n"
    Path("cohort.csv").write_text(header + "a,measured,L4-L5,columns,9.5,0.4,9.5\n")
    Path("truth.csv").write_text("study,level,height_columns_mm\na,L4-L5,9.0\n")
    code, out, err = call("validate", "cohort.csv", "truth.csv", "-o", "v", "--quiet")
    assert (code, err) == (0, "")
    assert out.splitlines()[1].split() == [
        "height_mm", "1", "0.500", "0", "/", "100",  # one disc has no spread
    ]  # fmt: skip
    assert "1 of 1 discs found" in out
    assert (Path("v") / "validation.html").is_file()
    assert call("validate", "cohort.csv", "truth.csv", "-o", "v", "--quiet")[0] == 2
    assert call("validate", "cohort.csv", "truth.csv", "-o", "v", "--overwrite")[0] == 0


@pytest.mark.parametrize(("passed", "code"), [(True, 0), (False, 1)])
def test_qualify_ends_with_what_it_found(call, monkeypatch, passed, code):
    check = AcceptanceCheck("true outlines", "bias", "0 to 1", "0.5", passed, "so")
    asked = SimpleNamespace()

    def qualify(folder, site, workers, progress):
        asked.folder, asked.site, asked.workers = folder, site, workers
        return Qualification((check,), {}, ())

    monkeypatch.setattr(discmri.validation.qualify, "qualify", qualify)
    got, out, err = call("qualify", "-o", "q", "--site", "room\n2", "--workers", "2", "--quiet")
    assert got == code
    assert (asked.folder, asked.site, asked.workers) == (Path("q"), "room 2", Workers(2))
    assert ("pass" if passed else "FAIL") in out
    assert ("1 of 1 checks failed; see q/qualification.html" in err) is not passed


def test_phantom_cohort_passes_everything_on(call, monkeypatch):
    asked = {}

    def make_cohort(members, root, workers, limits, progress):
        asked.update(members=members, root=root, workers=workers, limits=limits)
        progress(1, 2)

    monkeypatch.setattr(discmri.simulation.cohort, "make_cohort", make_cohort)
    options = ["--seed", "3", "--degeneration", "even", "--series", "t2,adc,t2", "--workers", "2"]
    code, out, _ = call("phantom", "cohort", "p", "--n", "3", *options)
    assert code == 0
    assert "discmri batch p/studies.csv" in out
    assert [one.name for one in asked["members"]] == ["p0001", "p0002", "p0003"]
    assert [s.value for s in asked["members"][0].protocol.sequences] == ["t2", "adc"]
    assert asked["workers"] == Workers(2)
