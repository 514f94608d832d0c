"""The two tables."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from discmri.core.findings import Code, info, warning
from discmri.core.levels import DiscLevel
from discmri.core.quality import DiscQuality, Quality
from discmri.results.export import csv_long, csv_wide
from discmri.results.records import PARAMETERS, DiscRecord, Measurement

WIDE_START = [
    "subject_id",
    "study_uid",
    "study_date",
    "series_uid",
    "level",
    "label_id",
    "numbering",
    "numbering_probability",
    "height_mm",
    "height_method",
]


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def wide(result, tmp_path):
    csv_wide.export(result, tmp_path)
    return _read(tmp_path / "discs.csv")


@pytest.fixture
def long(result, tmp_path):
    csv_long.export(result, tmp_path)
    return _read(tmp_path / "measurements.csv")


def test_wide_has_one_row_per_disc_and_the_columns_in_order(wide):
    assert [row["level"] for row in wide][0::6] == ["T11-T12", "L5-S1"]
    columns = list(wide[0])
    assert columns[: len(WIDE_START)] == WIDE_START
    assert columns[-4:] == ["flags", "study_flags", "quality", "quality_reasons"]
    assert columns.index("adc_source") == columns.index("adc_disc_um2_ms") + 1


def test_decimals_empty_cells_and_double_entries(wide):
    row = next(row for row in wide if row["level"] == "L4-L5")
    assert (row["height_mm"], row["height_method"]) == ("9.000", "columns")
    assert (row["dhi_vb"], row["area_mm2"], row["adc_voxels"]) == ("0.3142", "254.32", "57")
    assert (row["wedge_deg"], row["listhesis_mm"]) == ("0.00", "-1.250")
    assert (row["suggested_grade"], row["volume_mm3"]) == ("4/7", "")
    assert row["adc_source"] == "fit"


def test_flags_hold_warnings_only(wide):
    assert [row["flags"] for row in wide] == [""] * 6 + ["adc_few_voxels;low_confidence"]
    assert wide[-1]["adc_disc_um2_ms"] == wide[-1]["adc_source"] == ""


@pytest.mark.parametrize(
    ("raw", "cell"),
    [
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("+1", "'+1"),
        ("-1+2", "'-1+2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'=1"),
        ("\tplain", "'plain"),
        ("A\r\nB\x00\x1b[31m", "AB[31m"),
        ('Ünal, "x"', 'Ünal, "x"'),
        ("\ud800x", "x"),
    ],
)
def test_text_is_harmless_in_a_spreadsheet(changed, tmp_path, raw, cell):
    lines = {}
    csv_wide.export(changed(subject_id=raw), tmp_path)
    csv_long.export(changed(subject_id=raw), tmp_path)
    for name in ("discs.csv", "measurements.csv"):
        rows = _read(tmp_path / name)
        assert {row["subject_id"] for row in rows} == {cell}
        lines[name] = len(rows)
    discs, parameters = 7, len(PARAMETERS)
    assert lines == {"discs.csv": discs, "measurements.csv": discs * parameters}


def test_long_has_every_parameter_with_unit_method_and_reason(long, wide):
    by_key = {(row["level"], row["parameter"]): row for row in long}
    height = by_key["L3-L4", "height_mm"]
    assert (height["value"], height["unit"], height["method"], height["flag"]) == (
        "8.600",
        "mm",
        "columns",
        "",
    )
    missing = by_key["L5-S1", "adc_disc_um2_ms"]
    assert (missing["value"], missing["unit"]) == ("", "um2/ms")
    assert missing["flag"] == "adc_few_voxels;low_confidence"
    assert by_key["L5-S1", "height_mm"]["flag"] == "low_confidence"
    for row in wide:
        assert by_key[row["level"], "height_mm"]["value"] == row["height_mm"]


def test_study_wide_warning_has_a_column_of_its_own_and_info_none(changed, tmp_path):
    findings = (warning(Code.NOT_T2, "T1"), info(Code.FEW_SLICES, "3"))
    csv_wide.export(changed(findings=findings), tmp_path)
    rows = _read(tmp_path / "discs.csv")
    assert {(row["flags"], row["study_flags"]) for row in rows} == {("", "not_t2")}


def test_a_row_carries_only_flags_that_touch_its_main_values(changed, tmp_path):
    """The body that is missing for an index flags that index in the long table."""
    level = DiscLevel.L3_L4
    findings = (
        warning(Code.BODY_MISSING, "", level, values=("dhi_vb",)),
        warning(Code.FEW_SLICES, "", level, values=("volume_mm3",)),
        warning(Code.BORDER_STEP, "", level),
    )
    csv_wide.export(changed(findings=findings), tmp_path)
    csv_long.export(changed(findings=findings), tmp_path)
    wide = {row["level"]: row["flags"] for row in _read(tmp_path / "discs.csv")}
    assert {level: flags for level, flags in wide.items() if flags} == {"L3-L4": "border_step"}
    long = {
        (row["level"], row["parameter"]): row["flag"]
        for row in _read(tmp_path / "measurements.csv")
    }
    assert long["L3-L4", "dhi_vb"] == "body_missing;border_step"
    assert long["L3-L4", "volume_mm3"] == "border_step;few_slices"


def test_the_quality_stands_beside_its_reasons(result, tmp_path):
    first, *others = result.records
    quality = DiscQuality(Quality.REJECT, ("border_step", "low_confidence"))
    judged = replace(result, records=(replace(first, quality=quality), *others))
    csv_wide.export(judged, tmp_path)
    rows = _read(tmp_path / "discs.csv")
    assert (rows[0]["quality"], rows[0]["quality_reasons"]) == (
        "reject", "border_step;low_confidence",
    )  # fmt: skip
    assert (rows[1]["quality"], rows[1]["quality_reasons"]) == ("", "")


def test_a_disc_without_values_keeps_its_row(result, tmp_path):
    bare = replace(result, records=(DiscRecord(DiscLevel.L4_L5, {}),))
    csv_wide.export(bare, tmp_path)
    (row,) = _read(tmp_path / "discs.csv")
    assert row["level"] == "L4-L5"
    assert row["height_mm"] == ""


def test_whole_numbers_of_a_decimal_parameter_stay_plain():
    assert csv_wide.cell(Measurement("adc_voxels", 12).value, "adc_voxels") == "12"
