"""A stand-in for reading and measuring, so that the shell is tested by itself."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import pytest

import discmri.study
from discmri.cli import main
from discmri.core.facts import Chosen, Role, SeriesFacts, StudyFacts
from discmri.core.findings import Code, info
from discmri.measurement import recording
from discmri.results.model import StudyResult


def _hand_made():
    path = Path(__file__).parents[1] / "results" / "export" / "conftest.py"
    spec = importlib.util.spec_from_file_location("hand_made_result", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_result(adc=False)


@dataclass
class FakeSeries:
    description: str = "T2 TSE SAG"

    def describe(self):
        return SeriesFacts(
            "1.2.3.4", number=4, description=self.description, role=Role.SAG_T2,
            reasons=("TE 100 ms",), slices=15, spacing_mm=(0.6, 0.6, 4.4),
        )  # fmt: skip


@dataclass
class FakeStudy:
    subject_id: str = "SUBJ-01"
    study_uid: str = "1.2.3"
    study_date: str = "20240131"
    series: tuple = (FakeSeries(),)
    findings: tuple = (info(Code.SERIES_CHOSEN, "the finer one"),)

    def describe(self):
        return StudyFacts(
            "scan", self.subject_id, self.study_uid, self.study_date,
            tuple(one.describe() for one in self.series), {}, Chosen("1.2.3.4"), self.findings,
        )  # fmt: skip


@pytest.fixture(scope="session")
def hand_made() -> StudyResult:
    return _hand_made()


@pytest.fixture
def world(tmp_path, monkeypatch, hand_made):
    """A working folder with a study; ``calls`` holds what the chain was asked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scan").mkdir()
    (tmp_path / "scan" / "a.dcm").write_bytes(b"not looked at")
    calls: dict[str, object] = {}

    def read_study(path, study_uid=None, threads=2, pseudonyms=None):
        calls.update(path=path, study_uid=study_uid, threads=threads, pseudonyms=pseudonyms)
        return calls.get("study", FakeStudy())

    def measured(steps, progress):
        calls.update(settings=steps.settings)
        progress("tracing the discs", 0.5)
        if "during" in calls:
            calls["during"]()
        return hand_made

    monkeypatch.setattr(discmri.study, "read_study", read_study)
    monkeypatch.setattr(recording, "_measured", measured)
    return calls


def called(capfd):
    """A function that runs the command in this process and gives (code, stdout, stderr)."""

    def call(*argv):
        code = main([str(arg) for arg in argv])
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def run(world, capfd):
    """Run the command in this process; gives (code, stdout, stderr)."""
    return called(capfd)
