"""What ``discmri doctor`` finds, and what it says to do."""

from __future__ import annotations

import pytest

from discmri.cli import main
from discmri.validation import doctor
from discmri.validation.doctor import (
    Health,
    HealthCheck,
    check_extra,
    check_required,
    check_screen,
    judge_phantom,
)

TRUTH_MM = {"T12-L1": 7.0, "L1-L2": 8.0, "L2-L3": 9.0}


def test_this_installation_is_well(capfd):
    assert main(["doctor", "--quiet"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    rows = {line.split("  ")[0]: line for line in out.splitlines()}
    assert {"discmri", "Python", "libraries", "extra dicom", "screen", "threads"} <= set(rows)
    assert "5 lumbar discs" in rows["phantom"]
    assert "numpy" in rows["libraries"]


def test_a_failure_is_exit_one_with_one_line(monkeypatch, capfd):
    monkeypatch.setattr(doctor, "examine", lambda: (HealthCheck("x", "lost", Health.FAILED),))
    assert main(["doctor", "--quiet"]) == 1
    assert capfd.readouterr().err == "discmri: failed checks: x; see above\n"


def test_missing_packages_are_named_with_what_to_do():
    assert check_required(["numpy", "no-such"]).health is Health.FAILED
    extra = check_extra("cohort", ["numpy", "no-such"])
    assert extra.health is Health.OPTIONAL
    assert extra.found == "missing: no-such; run pip install 'discmri[cohort]'"
    assert check_extra("cohort", ["numpy"]).health is Health.OK
    assert check_extra("cohort", []).health is Health.OPTIONAL


@pytest.mark.parametrize(
    ("system", "environ", "health"),
    [
        ("darwin", {}, Health.OK),
        ("win32", {}, Health.OK),
        ("linux", {"DISPLAY": ":0"}, Health.OK),
        ("linux", {"DISPLAY": ""}, Health.OPTIONAL),
    ],
)
def test_only_linux_asks_the_environment_for_a_screen(system, environ, health):
    assert check_screen(system, environ).health is health


@pytest.mark.parametrize(
    ("found_mm", "health"),
    [
        ({"L1-L2": 8.7, "L2-L3": 9.85}, Health.OK),
        ({"L1-L2": 8.75, "L2-L3": 9.9}, Health.FAILED),
        ({"L1-L2": 7.1, "L2-L3": 8.2}, Health.FAILED),
        ({"L1-L2": 8.0}, Health.FAILED),
        ({**TRUTH_MM, "L3-L4": 9.0}, Health.FAILED),
        ({"L1-L2": float("nan"), "L2-L3": 9.0}, Health.FAILED),
    ],
)
def test_a_phantom_must_be_found_whole_and_right_on_average(found_mm, health):
    assert judge_phantom(found_mm, TRUTH_MM, 1.0).health is health
