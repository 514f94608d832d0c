"""The recipe for a height definition followed to the letter, on a copy of the package."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import TINY

import discmri
from discmri.phantoms.folder import write_phantom
from discmri.results.height.columns import COLUMNS
from discmri.trial.repeatability import ALLOWANCE

ROOT = Path(__file__).parents[1]


def recipe() -> str:
    """The file that CONTRIBUTING shows."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    part = text.split("## Add a height definition")[1].split("\n## ")[0]
    (found,) = re.findall(r"```python\n(.*?)```", part, re.DOTALL)
    return textwrap.dedent(found)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """A function: call the program with one more definition."""
    root = tmp_path_factory.mktemp("copy")
    package = root / "discmri"
    shutil.copytree(
        Path(discmri.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    (package / "results" / "height" / "rear.py").write_text(recipe(), encoding="utf-8")
    home = package / "results" / "height" / "__init__.py"
    text = home.read_text(encoding="utf-8")
    for anchor, line in (
        ("import HURXTHAL\n", "from discmri.results.height.rear import REAR\n"),
        ("    POSTERIOR,\n", "    REAR,\n"),
    ):
        assert text.count(anchor) == 1
        text = text.replace(anchor, anchor + line)
    home.write_text(text, encoding="utf-8")

    def call(*arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "discmri", *map(str, arguments)],
            capture_output=True, text=True, encoding="utf-8", cwd=root, check=False,
            env={**os.environ, "PYTHONPATH": str(root)}, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.fixture(scope="module")
def spine(phantom, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("spine") / "phantom"
    write_phantom(phantom, folder, "siemens", replace(TINY, slices=9))
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_new_height_is_the_primary_one_in_every_format(program, spine, tmp_path):
    out = tmp_path / "out"
    program(
        "measure", spine / "study", "-o", out, "--quiet", "--height-method", "rear",
        "--masks", spine / "labels.nii.gz",
    )  # fmt: skip
    discs = rows(out / "discs.csv")
    assert len(discs) >= 6
    for disc in discs:
        assert (disc["height_mm"], disc["height_method"]) == (disc["height_rear_mm"], "rear")
        assert float(disc["height_sd_mm"]) > 0
    columns = list(discs[0])
    assert columns.index("height_rear_mm") == columns.index("height_posterior_mm") + 1
    long = {row["parameter"]: row for row in rows(out / "measurements.csv")}
    assert (long["height_rear_mm"]["unit"], long["height_rear_mm"]["method"]) == ("mm", "rear")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "height: rear corners</span>" in page
    assert "Distance of the posterior corners." in page


def test_a_new_height_goes_through_a_trial_and_is_not_validated(program, spine, tmp_path):
    listed = tmp_path / "trial.csv"
    shutil.copytree(spine / "study", tmp_path / "later")
    labels = spine / "labels.nii.gz"
    listed.write_text(
        "subject,visit,week,treated,path,masks\n"
        f"S1,a,0,L4-L5,{spine / 'study'},{labels}\nS1,b,12,L4-L5,{tmp_path / 'later'},{labels}\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    shown = program(
        "trial", "run", listed, "-o", out, "--quiet", "--segmenter", "masks", "--workers", 1,
        "--height-method", "rear", "--responder", "height_rear_mm",
    )  # fmt: skip
    assert "2 of 2 scans measured" in shown
    later = [row for row in rows(out / "long.csv") if row["visit"] == "b"]
    (row,) = (
        one for one in later if (one["level"], one["parameter"]) == ("L4-L5", "height_rear_mm")
    )
    assert row["verdict"] == "within noise"
    assert "of mean columns, times the definition's uncertainty factor" in row["noise_source"]
    sd = 2.8 * COLUMNS.phantom_sd["masks"]
    assert float(row["change_sd"]) == pytest.approx(ALLOWANCE * 2**0.5 * sd, abs=1e-3)
    assert {row["MKTESTCD"] for row in rows(out / "sdtm_findings.csv")} >= {"DSCHREAR"}
    fields = {
        row["Variable / Field Name"]: row["Field Label"]
        for row in rows(out / "redcap_dictionary.csv")
    }
    assert fields["height_rear_mm"] == "Distance of the posterior corners. [mm]"

    truth = tmp_path / "truth.csv"
    truth.write_text("study,level,area_mm2\nS1 / a,L4-L5,300\n", encoding="utf-8")
    program("validate", out / "measured", truth, "-o", tmp_path / "validated", "--quiet")
    compared = {row["parameter"] for row in rows(tmp_path / "validated" / "pairs.csv")}
    assert compared == {"area_mm2"}
