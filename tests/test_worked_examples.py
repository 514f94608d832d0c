"""The tables of docs/examples give the figures that were published with them."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from discmri.cli import main

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"


@pytest.mark.parametrize(
    ("name", "figures", "p", "method"),
    [
        # Fisher 1935: 314 / 15; t 2.148 with 14 degrees of freedom
        ("maize", (314 / 15, 0.031, 41.835), 0.0497, "Student's t over subjects"),
        # t.test(extra ~ group, data = sleep) in the documentation of R
        ("sleep", (1.58, -0.2054832, 3.3654832), 0.07939, "Welch's t"),
    ],
)
def test_trials(tmp_path, name, figures, p, method) -> None:
    out = tmp_path / name
    assert main(["trial", "analyse", str(EXAMPLES / f"{name}.csv"), "-o", str(out), "--quiet"]) == 0
    with (out / "groups.csv").open(newline="", encoding="utf-8") as stream:
        primary = next(csv.DictReader(stream))
    found = [float(primary[column]) for column in ("estimate", "low_95", "high_95")]
    assert found == pytest.approx(figures, abs=6e-4)
    assert (float(primary["p"]), primary["method"]) == (pytest.approx(p, abs=5e-5), method)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Change of disc height in every disc" in page
    assert 'alt="disc height of ' in page
    assert not re.search('alt="[^"]*ADC', page), "a plot of a parameter without values"


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("judges", {"ICC(2,1), absolute agreement": 0.29, "ICC(3,1), consistency": 0.71}),
        ("peak_flow", {"bias": -2.1, "SD of differences": 38.8}),
    ],
)
def test_agreement(tmp_path, name, published) -> None:
    out = tmp_path / name
    assert main(["agreement", str(EXAMPLES / f"{name}.csv"), "-o", str(out)]) == 0
    with (out / "agreement.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    comparison = rows[0]["comparison"]  # of all raters where there are more than two
    found = {
        row["statistic"]: float(row["value"])
        for row in rows
        if (row["comparison"], row["level"]) == (comparison, "all")
    }
    for statistic, value in published.items():
        digits = len(str(value).split(".")[1])
        assert found[statistic] == pytest.approx(value, abs=0.55 * 10**-digits)
