"""The analysis from a table of values."""

from __future__ import annotations

import csv

import pytest

from discmri.cli import main
from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.trial.plan import RepeatKind
from discmri.trial.values_table import read_values

HEAD = "subject,visit,week,time,repeat,repeat_kind,level,treated,arm,parameter,value,sd,colour\n"


def table(changes: dict[str, str] | None = None) -> str:
    rows = []
    for n in range(1, 5):
        arm = ("cells", "saline")[n % 2]
        for visit, week, repeat, kind in (
            ("a", 0, 1, ""), ("a", 0, 2, "same_session"), ("b", 12, 1, ""),
        ):  # fmt: skip
            for k, level in enumerate(("L3-L4", "L4-L5", "L5-S1")):
                value = 8 + k + 0.01 * n * repeat + (1.5 if visit == "b" and k == 1 else 0)
                treated = "yes" if k == 1 else "no"
                rows.append(
                    f"S{n},{visit},{week},09:{10 + n},{repeat},{kind},{level},{treated},{arm},"
                    f"height_mm,{value:.3f},0.1,red{k}\n"
                )
    text = HEAD + "".join(rows)
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new, 1)
    return text


@pytest.fixture
def write(tmp_path):
    def written(text: str):
        path = tmp_path / "values.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_becomes_courses(write):
    found = read_values(write(table()))
    assert found.trial.visits == ("a", "b")
    assert found.trial.arms == ("saline", "cells")
    first = found.courses[0]
    assert first.subject.treated == (DiscLevel.L4_L5,)
    assert first.repeats[0][1].measured.scan.repeat_kind is RepeatKind.SAME_SESSION
    assert first.baseline.measured.conditions.sagittal.clock_h == pytest.approx(9 + 11 / 60)
    value = first.baseline.discs[DiscLevel.L4_L5].values["height_mm"]
    assert (value.value, value.sd) == (9.01, 0.1)
    assert found.parameters == ("height_mm",)


def test_the_long_table_of_an_analysis_gives_the_same_conclusions(write, tmp_path, capsys):
    path = write(
        table(
            {
                "S1,b,12,09:11,1,,L3-L4,no,saline,height_mm,8.010": "S1,b,12,09:11,1,,L3-L4,no,saline,height_mm,NA"
            }
        )
    )
    for source, out in ((path, "first"), (tmp_path / "first" / "long.csv", "second")):
        assert (
            main(["trial", "analyse", str(source), "-o", str(tmp_path / out), "--name", "X"]) == 0
        )
    assert "same session ±" in (tmp_path / "first" / "long.csv").read_text(encoding="utf-8")
    said = capsys.readouterr().out
    assert said.startswith("values.csv: missing (NaN, NA")
    assert "+1.5" in said
    names = {one.name for one in (tmp_path / "first").iterdir()}
    for name in names:
        first, second = (tmp_path / out / name for out in ("first", "second"))
        assert first.read_bytes() == second.read_bytes(), name
    long = rows_of(tmp_path / "first" / "long.csv")
    assert {row["colour"] for row in long} == {"red0", "red1", "red2"}
    assert {row["verdict"] for row in long if row["visit"] == "b" and row["treated"] == "yes"} == {
        "beyond noise"
    }


def test_an_existing_folder_is_refused(write, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    assert main(["trial", "analyse", str(write(table())), "-o", str(tmp_path / "out")]) == 2
    assert "--overwrite" in capsys.readouterr().err


def test_a_declaration_beside_the_table_is_used(write, tmp_path, capsys):
    (tmp_path / "trial.toml").write_text(
        '[primary]\nparameter = "height_mm"\nvisit = "b"\n', encoding="utf-8"
    )
    call = ["trial", "analyse", str(write(table())), "-o", str(tmp_path / "out")]
    assert main([*call, "--responder", "height_mm"]) == 2
    assert "leave out --responder" in capsys.readouterr().err
    assert main(call) == 0
    assert "No declaration" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("week,", "when,", "has no column week or date"),
        ("S1,b,12,", "S1,b,,", "line 8, column week: and date are empty"),
        ("S1,b,12,", "S1,b,13,", "column week: '12', but '13' in line 8 of the same scan"),
        (
            "S1,b,12,09:11",
            "S1,b,12,nine",
            "line 8, column time: 'nine' is not a time|column time: '09:11', but 'nine'",
        ),
        ("yes,saline", "maybe,saline", "column treated: 'maybe' is invalid; write yes or no"),
        (
            "S1,b,12,09:11,1,,L4-L5,yes",
            "S1,b,12,09:11,1,,L4-L5,no",
            "column treated: no, but not in line 3",
        ),
        (
            "L3-L4,no,saline",
            "L3-L4,no,cells",
            "column arm: 'saline', but 'cells' in line 2; a subject has one arm",
        ),
        ("height_mm,8.010", "tallness,8.010", "column parameter: 'tallness' is not a column"),
        ("height_mm,8.010", "height_mm,tall", "column value: 'tall' is not a number"),
        ("2,same_session", "2,again", "column repeat_kind: 'again' is not known"),
        ("S1,b,12,09:11,1,,L4-L5", "S1,b,12,09:11,1,,L3-L4", "is listed twice .see line 8."),
        ("L3-L4,no", "S1-S2,no", "S1-S2 is not measured"),
        (",0.1,red0", ",-1,red0", "column sd: '-1' is not a number of at least 0"),
    ],
)
def test_each_mistake_has_its_line(write, old, new, said):
    with pytest.raises(UsageError, match=said) as refused:
        read_values(write(table({old: new})))
    assert "\n" not in str(refused.value)
