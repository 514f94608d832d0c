"""The page of quality control, and what its decisions do to the tables of a cohort."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from dataclasses import replace

import pytest
from tests.cohort.test_tables import STUDIES

from discmri.cohort.board import page
from discmri.cohort.qc import PAGE, content, find_results, write_qc
from discmri.cohort.tables import after_decisions, judged_discs
from discmri.core.errors import UsageError
from discmri.core.findings import Code, warning
from discmri.core.levels import DiscLevel
from discmri.results.decisions import AppliedDecisions, QcVerdict

ANNA = STUDIES[0]
L4, L5 = DiscLevel.L4_L5, DiscLevel.L5_S1


@pytest.fixture(scope="module")
def results(phantom_result, tmp_path_factory):
    """Two results folders, one of them without pictures."""
    root = tmp_path_factory.mktemp("results")
    first = phantom_result.records[0].level
    noticed = (*phantom_result.findings, warning(Code.BORDER_STEP, "a <b>step", first))
    result = replace(phantom_result, findings=noticed)
    result.write(root / "bare", ["json"])
    shutil.copytree(root / "bare", root / "<b>odd")
    (root / "<b>odd" / "figures").mkdir(parents=True)
    for name in ("overview", first.value):
        (root / "<b>odd" / "figures" / f"{name}.png").touch()
    return root


def test_the_page_shows_every_disc_and_refers_to_its_pictures(results, phantom_result):
    assert write_qc([results], results / "qc") == (2, 2 * len(phantom_result.records))
    text = (results / "qc" / PAGE).read_text(encoding="utf-8")
    assert "http:" not in text
    assert "https:" not in text
    assert "<b>step" not in text
    data, script = re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL)
    allowed = re.search(r"script-src 'sha256-([^']+)'", text).group(1)
    assert allowed == base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    odd, bare = json.loads(data)["studies"]
    assert (odd["name"], odd["folder"], odd["overview"]) == ("<b>odd", "../<b>odd", True)
    first = phantom_result.records[0]
    assert odd["discs"][0]["pictures"] == [first.level.value]
    assert odd["discs"][0]["height"] == f"{first.get('height_mm'):.3f}"
    assert "border_step" in odd["discs"][0]["flags"]
    assert not bare["overview"]
    assert all(disc["pictures"] == [] for disc in bare["discs"])
    assert {flag["code"] for flag in json.loads(data)["flags"]} >= {"border_step"}


def test_a_study_takes_little_of_the_page(results):
    found = find_results([results / "bare"])
    assert len(json.dumps(content(found, results / "qc"))) < 6000


def test_folders_without_results_and_equal_names_are_refused(results, tmp_path):
    with pytest.raises(
        UsageError, match="has no results; give an output folder of discmri measure"
    ):
        find_results([tmp_path])
    with pytest.raises(UsageError, match="have the same name 'bare'"):
        find_results([results, results / "bare"])


def test_a_rejected_disc_leaves_the_tables_and_a_doubted_one_is_to_be_checked():
    verdicts = {("anna", L4): QcVerdict.REJECT, ("anna", L5): QcVerdict.DOUBT}
    after = after_decisions(ANNA, AppliedDecisions("d.csv", "", verdicts))
    (row,) = after.rows()
    assert (row["level"], row["quality"], row["quality_reasons"]) == (
        "L5-S1", "check", "doubted_in_qc",
    )  # fmt: skip
    assert after.warnings == ANNA.warnings[1:]
    assert after.rejected == (L4,)
    assert after_decisions(STUDIES[2], AppliedDecisions("d.csv", "", verdicts)) == STUDIES[2]
    assert [disc.height_mm for disc in judged_discs(ANNA)] == [8.125, 7.0]


def test_a_study_without_a_disc_left_says_why():
    verdicts = dict.fromkeys((("anna", L4), ("anna", L5)), QcVerdict.REJECT)
    (row,) = after_decisions(ANNA, AppliedDecisions("d.csv", "", verdicts)).rows()
    assert row["reason"] == "all discs were rejected in quality control"


def test_the_board_tells_what_was_left_out():
    said = AppliedDecisions("d.csv", "", {("anna", L4): QcVerdict.REJECT}).sentences()
    assert "1 disc rejected and left out (anna L4-L5)" in page(STUDIES, said)
