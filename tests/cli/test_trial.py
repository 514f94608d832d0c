"""``discmri trial`` and ``discmri phantom trial``: calls, words and exit codes."""

from __future__ import annotations

import pytest
from tests.cli.conftest import called
from tests.trial.courses import L3, L4, make_course

import discmri.simulation.trial
import discmri.trial
from discmri.cohort import StudyOutcome, StudyStatus
from discmri.core.errors import NothingToMeasureError
from discmri.trial import Issue, IssueSeverity, TrialResult, analyse

LIST = """\
subject,visit,week,treated,path
S1,a,0,L4-L5,one
S1,b,12,,two
"""


@pytest.fixture
def call(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trial.csv").write_text(LIST, encoding="utf-8")

    return called(capfd)


@pytest.fixture
def measured(monkeypatch):
    """Stands in for measuring; holds what it was asked."""
    asked = {}

    def run_trial(trial, root, options, progress, tally):
        asked.update(trial=trial, root=root, options=options)
        if "raises" in asked:
            raise asked["raises"]
        course = make_course({"a": {L3: 9.0, L4: 8.0}, "b": {L3: 9.0, L4: 10.0}})
        found = analyse([course], ("a", "b"), declaration=options.declaration)
        studies = (
            StudyOutcome("S1 / a", StudyStatus.MEASURED),
            StudyOutcome("S1 / b", StudyStatus.MEASURED),
        )
        return TrialResult(found, studies, 1, ("report.html", "long.csv"))

    monkeypatch.setattr(discmri.trial, "run_trial", run_trial)
    return asked


def test_run_passes_everything_on_and_names_responders(call, measured):
    code, out, err = call(
        "trial", "run", "trial.csv", "-o", "out", "--responder", "height_mm", "--responder-visit",
        "b", "--name", "ABC-1", "--reads", "reads.csv", "--workers", "3", "--time-limit", "7",
        "--segmenter", "masks", "--mask-scheme", "spider", "--height-method", "area", "--quiet",
    )  # fmt: skip
    assert (code, err) == (0, "")
    options = measured["options"]
    assert (options.name, options.reads.name) == ("ABC-1", "reads.csv")
    asked = options.declaration
    assert (asked.responder_parameters, asked.responder_visit) == (("height_mm",), "b")
    assert (str(asked.primary), asked.declared) == ("height_mm at b", False)
    assert (options.workers.count, options.limits.minutes) == (3, 7.0)
    settings = options.settings
    assert (settings.segmenter, settings.mask_scheme) == ("masks", "spider")
    assert settings.height_method == "area"
    assert "Responders: S1 (L4-L5)" in out
    assert "2 of 2 scans measured (1 by an earlier run)" in out
    assert "±0.850" in out


def test_decisions_of_quality_control_arrive(call, measured, tmp_path):
    (tmp_path / "qc.csv").write_text("study,level,decision\nS1 / a,L4-L5,reject\n")
    assert call("trial", "run", "trial.csv", "-o", "out", "--quiet", "--qc", "qc.csv")[0] == 0
    assert measured["options"].decisions.entries[0].disc.study == "S1 / a"


def test_run_takes_the_name_of_the_list_and_two_parameters_by_default(call, measured):
    assert call("trial", "run", "trial.csv", "-o", "out")[0] == 0
    assert measured["options"].name == "trial"
    assert measured["options"].declaration.responder_parameters == ("height_mm", "adc_disc_um2_ms")


def test_run_refuses_a_wrong_list_in_one_line(call, tmp_path):
    (tmp_path / "trial.csv").write_text(LIST.replace("12", "soon"), encoding="utf-8")
    code, out, err = call("trial", "run", "trial.csv", "-o", "out")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "line 3, column week: 'soon' is not a number" in err
    assert not (tmp_path / "out").exists()


def test_nothing_measured_is_exit_3(call, measured):
    measured["raises"] = NothingToMeasureError("none of 2 scans could be measured")
    assert call("trial", "run", "trial.csv", "-o", "out", "--quiet")[0] == 3


def test_an_interruption_says_that_work_is_kept(call, measured):
    measured["raises"] = KeyboardInterrupt()
    code, _, err = call("trial", "run", "trial.csv", "-o", "out", "--quiet")
    assert code == 130
    assert "completed scans are kept" in err


@pytest.mark.parametrize("action", ["check", "run"])
def test_a_list_that_is_not_there_is_refused(call, action):
    more = ["-o", "out"] if action == "run" else []
    code, _, err = call("trial", action, "none.csv", *more)
    assert code == 2
    assert "none.csv is not a file" in err


def test_check_shows_all_and_fails_only_on_errors(call, monkeypatch):
    found = [
        Issue(IssueSeverity.NOTE, "S1 / b", "rest differs"),
        Issue(IssueSeverity.WARNING, "S1", "no ADC"),
    ]
    seen = {}

    def check_trial(trial, needs_masks, progress):
        seen.update(scans=len(trial.scans), masks=needs_masks)
        return found

    monkeypatch.setattr(discmri.trial, "check_trial", check_trial)
    code, out, err = call("trial", "check", "trial.csv", "--masks", "--quiet")
    assert (code, err, seen) == (0, "", {"scans": 2, "masks": True})
    assert "1 subjects, 2 scans: 0 errors, 1 warnings, 1 notes." in out
    assert out.index("no ADC") < out.index("rest differs")
    found.append(Issue(IssueSeverity.ERROR, "S1 / a", "does not exist"))
    code, out, err = call("trial", "check", "trial.csv", "--quiet")
    assert code == 2
    assert "S1 / a: does not exist" in err


def test_check_of_the_list_alone_opens_no_scan(call):
    code, out, _ = call("trial", "check", "trial.csv", "--list-only")
    assert code == 0
    assert "0 errors" in out


def test_phantom_trial_passes_everything_on(call, monkeypatch):
    asked = {}

    def make_trial(scans, root, workers, limits, progress):
        asked.update(scans=scans, root=root, workers=workers)
        progress(1, 25)

    monkeypatch.setattr(discmri.simulation.trial, "make_trial", make_trial)
    code, out, _ = call(
        "phantom", "trial", "demo", "--seed", "2", "--gain-height", "0.5", "--gain-adc", "0",
        "--workers", "2",
    )  # fmt: skip
    assert code == 0
    assert asked["scans"] == discmri.simulation.trial.trial_scans(
        2, discmri.simulation.trial.Effect(0.5, 0.0)
    )
    assert "discmri trial run demo/trial.csv" in out


@pytest.mark.parametrize(
    "options", [("--seed", "-1"), ("--gain-height", "9"), ("--gain-adc", "nan")]
)
def test_phantom_trial_refuses_what_cannot_be(call, options):
    assert call("phantom", "trial", "demo", *options)[0] == 2


def test_check_and_run_hold_the_declaration_against_the_list(call, measured, tmp_path):
    (tmp_path / "trial.toml").write_text(
        '[primary]\nparameter = "height_mm"\nvisit = "week 99"\n', encoding="utf-8"
    )
    for argv in (("check", "trial.csv", "--list-only"), ("run", "trial.csv", "-o", "out")):
        code, _, err = call("trial", *argv)
        assert code == 2
        assert "trial.toml: there is no visit 'week 99' after the first; later visits: b" in err
