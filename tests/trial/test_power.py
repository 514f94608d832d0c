"""Planning by drawn tables."""

from __future__ import annotations

import csv
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from discmri.cli import main
from discmri.simulation.tables import DISCS, TableDesign, draw_table
from discmri.trial.power import _counted, power_curve, rates

PLAIN = TableDesign(active=400, visits=2, repeats=400, session_sd=0.1, day_sd=0.2)


def table(**more):
    return draw_table(replace(PLAIN, **more), np.random.default_rng(4))


def test_repeats_of_one_session_share_the_part_of_the_day():
    drawn = table()
    session = (drawn.again - drawn.values[:, 0]).std()
    assert session == pytest.approx(np.sqrt(2) * 0.1, rel=0.05)
    other = table(other_day=True)
    days = np.hypot(0.1, 0.2) * np.sqrt(2)
    assert (other.again - other.values[:, 0]).std() == pytest.approx(days, rel=0.05)
    assert (drawn.values[:, 2] - drawn.values[:, 0]).std() == pytest.approx(days, rel=0.05)


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_discs_of_a_scan_share_so_much_of_their_noise(shared):
    drawn = table(shared=shared)
    changes = drawn.values[:, 1] - drawn.values[:, 0]
    assert np.corrcoef(changes.T)[0, 1:] == pytest.approx(shared, abs=0.12)


def test_only_treated_discs_of_the_active_arm_gain_and_all_shift():
    drawn = table(active=200, control=200, effect=1.0, effect_sd=0.3, shift=-0.2)
    changes = drawn.values[:, 2] - drawn.values[:, 0]
    treated = np.take_along_axis(changes, drawn.treated[:, None], axis=1)[:, 0]
    assert treated[:200].mean() == pytest.approx(0.8, abs=0.1)
    assert treated[:200].std() == pytest.approx(np.hypot(0.3, 0.316), rel=0.15)
    assert treated[200:].mean() == pytest.approx(-0.2, abs=0.1)
    assert (changes.sum(axis=1) - treated).mean() / (DISCS - 1) == pytest.approx(-0.2, abs=0.05)


def test_power_grows_with_the_effect_and_the_same_seed_draws_the_same():
    design = TableDesign(active=6, control=6)
    none, large = power_curve(design, (1.0,), 25, seed=3)
    assert (none.effect, large.effect) == (0.0, 1.0)
    assert none.rejected < 0.2
    assert large.rejected > 0.8
    assert none.beyond_treated < 0.15
    assert large.beyond_treated > 0.15
    assert rates(replace(design, effect=1.0), 25, 3) == large


@pytest.mark.parametrize(("p", "rejected"), [(0.05, 1), (0.051, 0)])
def test_power_counts_primary_questions_up_to_five_percent(p, rejected):
    effects = (SimpleNamespace(p=None), SimpleNamespace(p=p, found=SimpleNamespace(p=p)))
    found = SimpleNamespace(effects=effects, changes=(), judged=())
    assert _counted(found, "week 4")[0].tolist() == [rejected, 1]


def test_the_command_writes_table_picture_and_page(tmp_path, capsys):
    out = tmp_path / "power"
    call = ["trial", "power", "-o", str(out), "--subjects", "3", "--trials", "4", "--quiet"]
    assert main([*call, "--effect", "2", "--repeats", "3", "--other-day"]) == 0
    assert "True effect" in capsys.readouterr().out
    with (out / "power.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["effect"] for row in rows] == ["0", "2"]
    assert (out / "power.png").read_bytes().startswith(b"\x89PNG")
    page = (out / "power.html").read_text(encoding="utf-8")
    assert "3 of another day" in page
    assert main(call) == 2, "an existing plan is kept"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--parameter", "tall_mm"), "unknown --parameter tall_mm"),
        (("--subjects", "2"), "--subjects must be 3 or more"),
        (("--control", "1"), "--control 0 or 2 or more"),
        (("--repeats", "6"), "is more than the number of subjects"),
        (("--day-sd", "-1"), "--day-sd must be 0 or more"),
        (("--shared", "1.5"), "--shared 1.5 must be 0 to 1"),
        (("--effect", "nan"), "--effect must be numbers"),
        (("--seed", "-1"), "--seed -1 is below zero"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path, capsys, options, said):
    assert main(["trial", "power", "-o", str(tmp_path / "x"), *options]) == 2
    assert said in capsys.readouterr().err
