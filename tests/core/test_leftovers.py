"""What a killed process leaves is swept by the next one, and what a living one uses is not."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from discmri.core import leftovers
from discmri.core.files import atomic_file, atomic_folder
from discmri.core.leftovers import OUTPUT, TEMPORARY, owned_prefix, sweep, temporary_folder
from discmri.study.source import open_source

HALF_WAY = """
import sys, os, signal
from pathlib import Path
from discmri.core.files import atomic_file, atomic_folder
from discmri.study.source import open_source
here = Path(sys.argv[1])
study = open_source(here / "study.zip")
with atomic_folder(here / "out", overwrite=True) as folder, atomic_file(here / "table.csv") as file:
    (folder / "half").write_text("half")
    file.write_text("half")
    print("ready", flush=True)
    if sys.stdin.read():
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def half_way(tmp_path, monkeypatch):
    """A process that has unpacked a zip and written half an output, and waits."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "tmp").mkdir()
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.writestr("a.dcm", b"x")
    process = subprocess.Popen(
        [sys.executable, "-c", HALF_WAY, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.communicate()


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"tmp", "study.zip"}


def test_the_next_start_sweeps_after_a_process_that_was_killed(half_way, tmp_path):
    before = names(tmp_path) | names(tmp_path / "tmp")
    assert len(before) == 3
    open_source(tmp_path / "study.zip")
    with atomic_folder(tmp_path / "other", overwrite=False):
        assert before <= names(tmp_path) | names(tmp_path / "tmp"), "the process still lives"
    half_way.kill()
    half_way.wait()
    kept = open_source(tmp_path / "study.zip")
    with atomic_folder(tmp_path / "another", overwrite=False):
        pass
    assert names(tmp_path) == {"other", "another"}
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == [kept.keeper.path.name]


def test_every_command_sweeps(half_way, tmp_path):
    half_way.kill()
    half_way.wait()
    command = [sys.executable, "-m", "discmri", "inspect", str(tmp_path / "nowhere")]
    subprocess.run(command, check=False, capture_output=True)
    assert names(tmp_path / "tmp") == set()


@pytest.mark.parametrize(
    ("change", "swept"),
    [
        ({}, False),
        ({"start": 1}, True),  # the number was given to another process since
        ({"place": "00000000"}, False),  # of another machine
    ],
)
def test_a_process_is_known_by_machine_number_and_start(tmp_path, change, swept):
    place, process, start = owned_prefix("").rstrip("-").split("-")
    facts = {"place": place, "start": start} | change
    left = tmp_path / f"{TEMPORARY}{facts['place']}-{process}-{facts['start']}-abc"
    left.mkdir()
    sweep(tmp_path, TEMPORARY)
    assert left.exists() != swept


def dead(prefix: str) -> str:
    place, *_ = owned_prefix("").split("-")
    return f"{prefix}{place}-{os.getpid()}-1-ab12"


def test_only_names_of_ours_are_touched(tmp_path):
    mine = [f"{dead(TEMPORARY)}.txt", "discmri-abc", "discmri-out", f"{dead(TEMPORARY)}-olden"]
    for name in mine:
        (tmp_path / name).mkdir()
    (tmp_path / "target").mkdir()
    (tmp_path / dead(TEMPORARY)).symlink_to(tmp_path / "target")
    sweep(tmp_path, TEMPORARY)
    assert names(tmp_path) == {*mine, "target"}


@pytest.mark.parametrize("replaced", [True, False])
def test_an_earlier_result_is_put_back_or_left_alone(tmp_path, replaced):
    aside = tmp_path / f"{dead(OUTPUT)}-old"
    (aside / "out").mkdir(parents=True)
    (aside / "out" / "mine").write_text("earlier")
    if replaced:
        (tmp_path / "out").mkdir()
    sweep(tmp_path, OUTPUT)
    assert (tmp_path / "out" / "mine").exists() != replaced
    assert aside.exists() == replaced


def test_without_proc_a_number_that_is_taken_counts_as_alive(monkeypatch):
    monkeypatch.setattr(leftovers, "Path", lambda _: Path("/nowhere"))
    assert leftovers._is_alive(os.getpid(), 0)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not leftovers._is_alive(ended.pid, 0)


def test_names_fit_and_differ(tmp_path):
    with atomic_file(tmp_path / "x") as one, atomic_file(tmp_path / "x") as other:
        assert one != other
        assert all(leftovers._NAME.fullmatch(path.name) for path in (one, other))
        one.touch()
        other.touch()
    made = temporary_folder()
    made.rmdir()
    assert leftovers._NAME.fullmatch(made.name)
