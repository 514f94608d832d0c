"""The report and its tables."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest
from tests.agreement.known import GRADES, HEIGHTS_MM
from tests.html_page import Page

from discmri.agreement import Rating, Resampling
from discmri.agreement.grras import items
from discmri.agreement.report import write_report
from discmri.agreement.sources import RatingSource
from discmri.core.errors import UsageError

ATTACK = "<script>alert(1)</script>"
FEW = Resampling(60)


def ratings(readers=("ann", "ben")) -> list[Rating]:
    """Twelve subjects with five discs each."""
    given = []
    for n in range(60):
        where = (
            f"S{n // 5:02d}",
            f"1.{n // 5}",
            ("L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1")[n % 5],
        )
        for k, reader in enumerate(readers):
            given.append(Rating(*where, reader, 1, "grade", GRADES[n, k]))
            given.append(Rating(*where, reader, 1, "height_mm", HEIGHTS_MM[n, k]))
    return given


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "out"
    write_report([RatingSource("reads.csv", tuple(ratings()))], folder, FEW)
    return folder


def rows(path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_page_stands_alone(report):
    html = (report / "report.html").read_text(encoding="utf-8")
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "base"}
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(pictures) == 1
    assert pictures[0]["src"].startswith("data:image/svg+xml;base64,")
    assert pictures[0]["alt"] == "disc height: ann – ben"
    assert not re.search(r"url\(|@import|https?://", re.sub(r"base64,[^\"]+", "", html))


def test_the_items_of_grras_come_in_order(report):
    page = Page((report / "report.html").read_text(encoding="utf-8"))
    numbers = [int(n) for n in re.findall(r"\n(\d+)[A-Z]", page.text)]
    assert numbers == list(range(1, 16))
    assert page.text.count("For the authors to state") == 9


def test_estimates_are_tables(report):
    found = rows(report / "agreement.csv")
    one = next(
        row for row in found
        if (row["parameter"], row["level"], row["statistic"]) == ("grade", "all", "exact agreement")
    )  # fmt: skip
    assert float(one["value"]) == pytest.approx(np.mean(GRADES[:, 0] == GRADES[:, 1]), abs=1e-6)
    assert float(one["low"]) < float(one["value"]) < float(one["high"])
    assert (one["subjects"], one["discs"], one["comparison"]) == ("12", "60", "ann – ben")
    bias = next(row for row in found if row["statistic"] == "bias" and row["level"] == "L4-L5")
    differences = (HEIGHTS_MM[:, 0] - HEIGHTS_MM[:, 1])[3::5]
    assert float(bias["value"]) == pytest.approx(differences.mean(), abs=1e-5)
    assert (bias["unit"], bias["discs"]) == ("mm", "12")
    shown = Page((report / "report.html").read_text(encoding="utf-8")).text
    assert (
        f"{float(one['value']):.2f}\n{float(one['low']):.2f} to {float(one['high']):.2f}" in shown
    )


def test_confusion_matrices_are_counts(report):
    found = [row for row in rows(report / "confusion.csv") if row["level"] == "all"]
    assert len(found) == 64
    for row in found:
        both = (GRADES[:, 0] == int(row["row"])) & (GRADES[:, 1] == int(row["column"]))
        assert int(row["discs"]) == both.sum()
    assert (found[0]["row_rater"], found[0]["column_rater"]) == ("ann", "ben")


def test_two_runs_write_the_same_bytes(report, tmp_path):
    write_report([RatingSource("reads.csv", tuple(ratings()))], tmp_path / "again", FEW)
    files = list(report.iterdir())
    assert len(files) == len(list((tmp_path / "again").iterdir())) > 1
    for path in files:
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_names_are_escaped_everywhere(tmp_path):
    hostile = ratings((ATTACK, '=1+1"'))
    write_report([RatingSource(ATTACK, tuple(hostile))], tmp_path / "out", Resampling(20))
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert ATTACK not in html
    assert "&lt;script&gt;" in html
    for row in rows(tmp_path / "out" / "confusion.csv"):
        assert row["column_rater"] == "'=1+1\""


def test_nothing_to_compare_is_said_and_nothing_written(tmp_path):
    with pytest.raises(UsageError, match="nothing can be compared"):
        write_report([RatingSource("x", tuple(ratings(("ann",))))], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="--overwrite"):
        write_report([RatingSource("x", tuple(ratings()))], tmp_path / "out", Resampling(20))


@pytest.mark.parametrize("parameter", ["grade", "height_mm"])
def test_what_is_stated_fits_what_was_compared(parameter):
    from discmri.agreement import analyse

    chosen = [one for one in ratings() if one.parameter == parameter]
    found = items([RatingSource("x", tuple(chosen))], analyse(chosen, FEW), FEW)
    text = " ".join(paragraph for item in found for paragraph in item.stated)
    assert ("Griffith" in text) == (parameter == "grade")
    assert ("limits of agreement" in text) == (parameter == "height_mm")
