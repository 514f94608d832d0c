"""``discmri measure``: options, exit codes, what is printed, what is left on disk."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import jsonschema
import pytest

from discmri.cli.measure import name_of
from discmri.core.errors import GeometryError, NothingToMeasureError, UsageError
from discmri.core.findings import Code, warning
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.results.schema import schema

FILES = [
    "discs.csv", "figures", "labels.nii.gz", "measurements.csv", "outlines.json", "report.html",
    "study.json",
]  # fmt: skip


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _fails(world, error):
    def during():
        raise error

    world["during"] = during


def test_measures_into_the_default_folder(run, world):
    code, out, _ = run("measure", "scan")
    assert code == 0
    assert _names(Path("discmri-out/scan")) == FILES
    lines = out.splitlines()
    assert lines[0].split()[0] == "Level"
    assert lines[6].split() == ["L4-L5", "9.00", "±", "0.21", "0.41", "-", "4/7", "-"]
    assert lines[7].endswith("adc_few_voxels;low_confidence")
    assert "Results: discmri-out/scan" in out
    assert world["settings"] == Settings()


def test_without_names_needs_a_folder_and_a_key(run, world):
    code, _, err = run("measure", "scan", "--deidentified", "site.toml")
    assert code == 2
    assert "--deidentified needs -o" in err
    code, _, err = run("measure", "scan", "-o", "out", "--deidentified", "site.toml")
    assert code == 2
    assert "site.toml does not exist; make one with" in err
    assert not Path("out").exists()


def test_quiet_leaves_standard_error_empty_and_else_it_tells_the_steps(run):
    assert run("measure", "scan", "-o", "a", "--quiet")[2] == ""
    lines = run("measure", "scan", "-o", "b")[2].splitlines()
    assert [line.split("%  ")[1] for line in lines] == [
        "reading headers", "tracing the discs", "writing results",
    ]  # fmt: skip


def test_json_is_the_record(run):
    code, out, _ = run("measure", "scan", "-o", "out", "--json")
    assert code == 0
    assert out == Path("out/study.json").read_text(encoding="utf-8")
    assert [disc["level"] for disc in json.loads(out)["discs"]][-1] == "L5-S1"


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        (["--lowest-disc", "L6-S1"], {"lowest_disc": DiscLevel.L6_S1}),
        (["--height-method", "dabbs"], {"height_method": "dabbs"}),
        (["--threads", "1"], {"threads": 1}),
        (["--format", "csv", "--format", "html"], {"formats": ("csv", "html")}),
        (["--masks", "m.nii.gz"], {"segmenter": "masks", "masks": Path("m.nii.gz")}),
        (
            ["--segmenter", "masks", "--masks", "m.nii.gz", "--mask-scheme", "spider"],
            {"segmenter": "masks", "masks": Path("m.nii.gz"), "mask_scheme": "spider"},
        ),
    ],
)
def test_every_option_arrives(run, world, options, changes):
    Path("m.nii.gz").write_bytes(b"x")
    code, _, err = run("measure", "scan", "-o", "out", *options)
    assert code == 0, err
    assert world["settings"] == Settings(**changes)


def test_study_and_threads_reach_the_reader(run, world):
    run("measure", "scan", "-o", "out", "--study", "1.2.3", "--threads", "3")
    assert (world["study_uid"], world["threads"], world["path"]) == ("1.2.3", 3, Path("scan"))


def test_formats_limit_what_is_written(run):
    run("measure", "scan", "-o", "out", "--format", "csv")
    assert _names(Path("out")) == ["discs.csv", "study.json"]


@pytest.mark.parametrize(
    "argv",
    [
        ["scan", "--masks", "missing.nii"],
        ["scan", "--segmenter", "masks"],
        ["scan", "--segmenter", "builtin", "--masks", "scan/a.dcm"],
        ["scan", "--segmenter", "magic"],
        ["scan", "--height-method", "guess"],
        ["scan", "--mask-scheme", "guess"],
        ["scan", "--lowest-disc", "L7-S1"],
        ["scan", "--format", "xlsx"],
        ["scan", "--threads", "0"],
        ["scan", "--threads", "many"],
        ["scan", "--nonsense"],
        ["scan", "--over"],
        ["nowhere"],
        ["bad\0name"],
        ["scan", "-o", "scan/results"],
        ["scan", "-o", "scan"],
        ["scan", "-o", ".", "--overwrite"],
        ["scan", "-o", "there"],
        ["scan", "-o", "file.txt", "--overwrite"],
        ["scan", "-o", "file.txt/below"],
        ["scan", "-o", "/proc/nothing/here"],
        ["scan", "-o", "link/results"],
        ["scan", "-o", "n" * 300],
        ["scan", "-o", "circle"],
        ["scan", "-o", "circle/below"],
        ["scan", "-o", ""],
        ["circle"],
        ["n" * 300],
        [""],
        ["disc/DICOMDIR", "-o", "disc/results"],
        [],
    ],
)
def test_a_wrong_call_is_two_in_one_line_and_nothing_is_done(run, world, argv):
    Path("there").mkdir()
    Path("file.txt").write_text("keep")
    Path("link").symlink_to("scan")
    Path("circle").symlink_to("circle")
    Path("disc").mkdir()
    Path("disc/DICOMDIR").write_bytes(b"x")
    before = sorted(str(p) for p in Path().rglob("*"))
    code, out, err = run("measure", *argv)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("discmri")
    assert "path" not in world  # the study was not even opened
    assert sorted(str(p) for p in Path().rglob("*")) == before


def test_the_current_folder_is_not_pulled_away(run, world, monkeypatch):
    Path("here/below").mkdir(parents=True)
    monkeypatch.chdir("here/below")
    for folder in (".", "..", Path("..").resolve()):
        code, _, err = run("measure", "../../scan", "-o", folder, "--overwrite")
        assert code == 2
        assert "current folder" in err
    assert list(Path().iterdir()) == []


def test_a_refusal_at_once_is_one_line_even_without_quiet(run, world):
    _fails(world, NothingToMeasureError("no MR; give another"))
    assert run("measure", "scan", "-o", "out")[::2] == (3, "discmri: no MR; give another\n")


def test_progress_is_shown_at_once_where_the_work_takes_long(run, world, monkeypatch):
    monkeypatch.setattr("discmri.cli._terminal._PATIENCE_S", 0.0)
    _fails(world, NothingToMeasureError("no disc; give another"))
    lines = run("measure", "scan", "-o", "out")[2].splitlines()
    assert [line.split("%  ")[-1] for line in lines] == [
        "reading headers", "tracing the discs", "discmri: no disc; give another",
    ]  # fmt: skip


def test_the_record_of_a_failure_tells_of_no_folders(run, world, tmp_path):
    home = tmp_path / "home" / "ann"
    home.mkdir(parents=True)
    (home / "scan").mkdir()
    _fails(world, NothingToMeasureError(f"{home / 'scan'} holds no MR; give another"))
    assert str(home) in run("measure", home / "scan", "-o", "out", "--quiet")[2]
    record = Path("out/study.json").read_text(encoding="utf-8")
    assert "scan holds no MR; give another" in record
    assert "home" not in record


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError("3 TiB"), "memory is too small"),
    ],
)
def test_what_the_machine_lacks_is_not_called_our_mistake(run, world, error, said):
    _fails(world, error)
    code, _, err = run("measure", "scan", "-o", "out", "--quiet")
    assert code == 1
    assert err.count("\n") == 1
    assert said in err
    assert "internal error" not in err


@pytest.mark.parametrize("error_type", [NothingToMeasureError, GeometryError])
def test_nothing_to_measure_is_three_and_leaves_the_reason(run, world, error_type):
    error = error_type("slices of 'T2\r\n\x1b[31mSAG' differ; export the series again")
    error.findings = (warning(Code.FEW_SLICES, "2 slices"),)
    _fails(world, error)
    code, out, err = run("measure", "scan", "-o", "out", "--quiet")
    assert code == 3
    assert out == ""
    assert err == "discmri: slices of 'T2 [31mSAG' differ; export the series again\n"
    assert _names(Path("out")) == ["study.json"]
    record = json.loads(Path("out/study.json").read_text(encoding="utf-8"))
    jsonschema.validate(record, schema())
    codes = [finding["code"] for finding in record["findings"]]
    assert codes == ["nothing_to_measure", "series_chosen", "few_slices"]
    assert record["series"][0]["role"] == "sagittal T2"
    assert (record["subject_id"], record["study_date"]) == ("SUBJ-01", "20240131")


def test_internal_error_is_one_and_leaves_nothing(run, world):
    _fails(world, ZeroDivisionError("division\nby zero"))
    code, _, err = run("measure", "scan", "-o", "out", "--quiet")
    assert code == 1
    assert err.count("\n") == 1
    assert "ZeroDivisionError: division by zero" in err
    assert "Traceback" not in err
    assert _names(Path()) == ["scan"]


def test_debug_shows_where(run, world):
    _fails(world, ZeroDivisionError("division by zero"))
    code, _, err = run("measure", "scan", "-o", "out", "--debug")
    assert code == 1
    assert "Traceback" in err
    assert "conftest.py" in err


def test_usage_error_from_below_is_two(run, world):
    _fails(world, UsageError("the label map lies elsewhere"))
    assert run("measure", "scan", "-o", "out", "--quiet")[::2] == (
        2,
        "discmri: the label map lies elsewhere\n",
    )


@pytest.mark.parametrize(
    "kill",
    [lambda: signal.raise_signal(signal.SIGINT), lambda: os.kill(os.getpid(), signal.SIGTERM)],
)
def test_interruption_is_clean(run, world, kill):
    world["during"] = kill
    code, _, err = run("measure", "scan", "-o", "out", "--quiet")
    assert code == 130
    assert err == "discmri: interrupted; nothing was written\n"
    assert _names(Path()) == ["scan"]


def test_chatter_of_libraries_reaches_neither_output(run, world, capfd):
    def chatter():
        os.write(1, b"[INFO] openjpeg\n")
        os.write(2, b"ITK warning\n")

    world["during"] = chatter
    code, out, err = run("measure", "scan", "-o", "out", "--quiet")
    assert (code, err) == (0, "")
    assert "openjpeg" not in out
    os.write(1, b"restored")
    assert capfd.readouterr().out == "restored"


def test_overwrite_keeps_what_is_not_ours(run):
    Path("out").mkdir()
    Path("out/notes.txt").write_text("mine")
    assert run("measure", "scan", "-o", "out", "--overwrite", "--quiet")[0] == 0
    assert _names(Path("out")) == sorted([*FILES, "notes.txt"])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("anna.ZIP", "anna"),
        ("cd/DICOMDIR", "cd"),
        ("anna.zip", "anna"),
        ("sub-1_T2w.nii.gz", "sub-1_T2w"),
        ("a.b/", "a.b"),
        ("/", "study"),
    ],
)
def test_name_of_the_default_folder(tmp_path, monkeypatch, path, name):
    monkeypatch.chdir(tmp_path)
    if path.endswith("b/"):
        Path(path).mkdir()
    assert name_of(Path(path)) == name
