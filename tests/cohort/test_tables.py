"""The table and the board, from rows made by hand."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest

from discmri.cohort.board import content, page
from discmri.cohort.measuring import StudyOutcome, StudyStatus
from discmri.cohort.tables import COLUMNS, DISC_COLUMNS, StudyRows, write_csv, write_parquet
from discmri.core.findings import Code, Finding, warning
from discmri.core.levels import DiscLevel
from discmri.results.export.csv_wide import AFTER, BEFORE
from discmri.results.records import PARAMETERS, measured_columns


def warned(level: str, *codes: Code) -> tuple[Finding, ...]:
    """Warnings about one disc, and one about its study."""
    own = [warning(code, "", DiscLevel(level)) for code in codes]
    return (*own, warning(Code.NO_DIFFUSION, ""))


def disc(level: str, flags: str = "", **cells: str) -> dict[str, str]:
    empty = dict.fromkeys(DISC_COLUMNS, "")
    return (
        empty
        | {"subject_id": "S1", "study_date": "20240131", "level": level, "flags": flags}
        | cells
    )


STUDIES = (
    StudyRows(
        StudyOutcome("anna", StudyStatus.MEASURED),
        (
            disc(
                "L4-L5", "adc_few_voxels;few_slices", height_mm="8.125", suggested_grade="4/7",
                quality="check", quality_reasons="few_slices",
            ),
            disc("L5-S1", height_mm="7.000", adc_voxels="12", height_method="columns"),
        ),
        "S1", "1.2", "20240131", "studies/anna/report.html",
        (warned("L4-L5", Code.ADC_FEW_VOXELS, Code.FEW_SLICES), warned("L5-S1")),
    ),
    StudyRows(StudyOutcome("</script><b>ben", StudyStatus.NOTHING, "no MR; give another"), ()),
    StudyRows(StudyOutcome("carl", StudyStatus.MEASURED), (disc("L6-S1"), disc("L5-L6")), "S3",
              warnings=((), ())),
)  # fmt: skip


def test_columns_are_those_of_discs_csv_behind_what_became_of_the_study():
    assert COLUMNS[:3] == ("study", "status", "reason")
    assert COLUMNS[3:] == (*BEFORE, *measured_columns(), *AFTER)


def test_without_pyarrow_there_is_no_parquet(tmp_path, monkeypatch):
    monkeypatch.setattr("discmri.cohort.tables.find_spec", lambda _: None)
    assert not write_parquet(STUDIES, tmp_path / "cohort.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_table_appears_whole_or_not_at_all(tmp_path):
    (tmp_path / "cohort.csv").write_text("before")
    broken = StudyRows(StudyOutcome("x", StudyStatus.MEASURED), ({"level": None},))
    broken.discs[0]["height_mm"] = object()
    with pytest.raises((TypeError, ValueError, OSError)):
        write_csv((broken,), tmp_path / "nowhere" / "cohort.csv")
    assert (tmp_path / "cohort.csv").read_text() == "before"


def test_the_board_holds_every_value_flag_and_reason():
    shown = content(STUDIES)
    names = [p["name"] for p in shown["parameters"]]
    assert names == [p.name for p in PARAMETERS]
    assert shown["levels"] == ["L4-L5", "L5-L6", "L5-S1", "L6-S1"], "cranial to caudal"
    assert [study[:3] for study in shown["studies"]] == [
        ["anna", "measured", ""],
        ["</script><b>ben", "nothing_to_measure", "no MR; give another"],
        ["carl", "measured", ""],
    ]
    assert [[shown["flags"][n]["code"] for n in study[6]] for study in shown["studies"]] == [
        ["no_diffusion"], [], [],
    ]  # fmt: skip
    study, level, flags, values, *quality = shown["discs"][0]
    assert quality == ["check", "few_slices"]
    assert (study, shown["levels"][level]) == (0, "L4-L5")
    assert [shown["flags"][n]["code"] for n in flags] == ["adc_few_voxels", "few_slices"]
    assert values[names.index("height_mm")] == 8.125
    assert values[names.index("suggested_grade")] == "4/7"
    assert values[names.index("adc_disc_um2_ms")] is None
    assert shown["discs"][1][3][names.index("adc_voxels")] == 12


def test_the_board_knows_what_a_flag_touches():
    flags = {flag["code"]: flag["touches"] for flag in content(STUDIES)["flags"]}
    names = [p.name for p in PARAMETERS]
    assert names.index("adc_disc_um2_ms") in flags["adc_few_voxels"]
    assert names.index("height_mm") not in flags["adc_few_voxels"]
    assert len(flags["few_slices"]) == len(names)


def test_the_page_is_self_contained_and_harmless():
    text = page(STUDIES)
    assert "http:" not in text
    assert "https:" not in text
    data, script = re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL)
    assert json.loads(data) == json.loads(json.dumps(content(STUDIES)))
    allowed = re.search(r"script-src 'sha256-([^']+)'", text).group(1)
    assert allowed == base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "<b>ben" not in text


def test_two_thousand_studies_make_a_page_of_a_few_megabytes():
    cells = {p.name: "12.345" for p in PARAMETERS if p.unit and p.decimals} | {"adc_voxels": "120"}
    levels = ("T12-L1", "L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1")
    discs = tuple(disc(level, "few_slices;no_diffusion", **cells) for level in levels)
    studies = [
        StudyRows(
            StudyOutcome(f"s{n}", StudyStatus.MEASURED), discs, f"S{n}",
            warnings=tuple(warned(level, Code.FEW_SLICES) for level in levels),
        )
        for n in range(2000)
    ]  # fmt: skip
    assert len(page(studies)) < 6e6
