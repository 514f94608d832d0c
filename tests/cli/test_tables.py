"""Every command that reads a table: the same dialects, and no cell that goes missing unsaid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

import discmri.agreement.report
import discmri.cohort
import discmri.trial.run
import discmri.validation.validate
from discmri.cli import main
from discmri.cli.grade import _table_of_studies
from discmri.core.errors import NothingToMeasureError, UsageError

COHORT = """\
study,status,level,height_method,height_mm,height_columns_mm,suggested_grade
Müller,measured,L4-L5,columns,8,8,4
Müller,measured,L5-S1,columns,9,9,3
"""
TRIAL = "subject,visit,week,treated,path\nMüller,a,0,none,a\nMüller,b,4,,b\n"


@dataclass(frozen=True)
class Command:
    """A command and its table, with a place for a number and one for a grade or level."""

    call: str
    table: str
    number: str = ""
    name: str = "grade"
    usual: tuple[str, str] = ("3", "4/7")
    nan_is_counted: bool = False


COMMANDS = {
    "batch": Command(
        "batch x.csv -o out",
        "path,id,lowest_disc\na,Müller,{name}\nb,other,\n",
        name="lowest_disc",
        usual=("", "L4/5"),
    ),
    "trial list": Command(
        "trial check x.csv --list-only",
        "subject,visit,date,week,treated,path,lowest_disc\n"
        "Müller,a,2026-01-05,0,none,a,{name}\nMüller,b,31.01.2026,{number},,b,\n",
        number="week",
        name="lowest_disc",
        usual=("3", "L4/5"),
    ),
    "reads": Command(
        "trial run trial.csv --reads x.csv -o out",
        "study_uid,level_automatic,reader,grade,occasion\nMüller,L4-L5,ann,{name},{number}\n",
        number="occasion",
        usual=("1", "4/7"),
    ),
    "truth": Command(
        "validate cohort.csv x.csv -o out",
        "study,level,height_columns_mm,grade\nMüller,L4-L5,{number},{name}\nMüller,L5-S1,9,3\n",
        number="height_columns_mm",
        nan_is_counted=True,
    ),
    "results": Command(
        "validate x.csv cohort.csv -o out",
        COHORT.replace("8,8,4", "{number},8,{name}"),
        number="height_mm",
        name="suggested_grade",
        nan_is_counted=True,
    ),
    "values": Command(
        "agreement x.csv -o out",
        "subject_id,level,parameter,value,rater\nMüller,L4-L5,height_mm,{number},ann\n"
        "Müller,L4-L5,grade,{name},ann\nMüller,L4-L5,grade,4,ben\nMüller,L4-L5,height_mm,8,ben\n",
        number="value",
        name="value",
        nan_is_counted=True,
    ),
    "read grades": Command(
        "agreement x.csv -o out",
        "subject_id,level_automatic,reader,grade,occasion\nMüller,L4-L5,ann,{name},{number}\n",
        number="occasion",
    ),
    "edits": Command(
        "agreement x.csv -o out",
        "subject_id,level,reader,parameter,automatic,edited\n"
        "Müller,{name},ann,height_mm,8.0,{number}\n",
        number="edited",
        name="level",
        usual=("3", "L4/5"),
        nan_is_counted=True,
    ),
}


@pytest.fixture
def call(tmp_path, monkeypatch, capfd):
    """Run a command on a table; what comes after reading it is left out."""

    def stop(*_args, **_more):
        raise NothingToMeasureError("the table was read")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(discmri.cohort, "run_batch", stop)
    monkeypatch.setattr(discmri.trial.run, "run_batch", stop)
    monkeypatch.setattr(discmri.agreement.report, "write_report", lambda *_: [])
    monkeypatch.setattr(discmri.validation.validate, "write_validation", lambda *_: None)
    Path("cohort.csv").write_text(COHORT, encoding="utf-8")
    Path("trial.csv").write_text(TRIAL, encoding="utf-8")

    def run(command: Command, number=None, name=None, change=str, encoding="utf-8"):
        usual = {"number": command.usual[0], "name": command.usual[1]}
        given = {"number": number, "name": name}
        cells = {key: usual[key] if given[key] is None else given[key] for key in usual}
        Path("x.csv").write_bytes(change(command.table).format(**cells).encode(encoding))
        code = main(command.call.split())
        return code, *capfd.readouterr()

    return run


def semicolons(text: str) -> str:
    return text.replace(",", ";")


def accepted(answer) -> bool:
    code, _, err = answer
    return code == 0 or (code == 3 and "the table was read" in err)


def refused(answer, *said: str) -> bool:
    code, _, err = answer
    return code == 2 and err.count("\n") == 1 and all(word in err for word in said)


@pytest.fixture(params=COMMANDS)
def command(request):
    return COMMANDS[request.param]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_every_command_reads_every_dialect(call, command, encoding, separator):
    usual = call(command)
    assert accepted(usual), usual
    assert call(command, change=lambda t: t.replace(",", separator), encoding=encoding) == usual


def test_a_nul_byte_is_refused(call, command):
    assert refused(call(command, change=lambda t: t.replace("Müller", "M\0", 1)), "line 2", "NUL")


def test_a_second_column_of_one_name_is_refused(call, command):
    twice = call(command, change=lambda t: t.replace("\n", f",{command.name.upper()}\n", 1))
    assert refused(twice, f"two columns {command.name}")


def test_a_row_with_too_many_cells_is_refused(call, command):
    assert refused(call(command, change=lambda t: t.replace("Müller,", "Müller,,", 1)), "line 2")


@pytest.mark.parametrize("text", ["3.0", "III", "9", "NaN", "4/9"])
def test_what_is_no_grade_or_level_is_refused_with_its_place(call, command, text):
    answer = call(command, name=text)
    assert refused(answer, "x.csv", "line ", f"column {command.name}", repr(text), "; write ")


@pytest.mark.parametrize("word", ["NaN", "NA", "#N/A"])
def test_a_word_for_missing_is_no_name_of_a_subject_study_or_reader(call, command, word):
    answer = call(command, change=lambda text: text.replace("Müller", word, 1))
    assert refused(answer, "x.csv", "line 2, column ", f"{word!r} means a missing value")


TOLD_WHEN_EMPTY = {"truth": "height_columns_mm", "values": "value", "read grades": "grade"}


@pytest.mark.parametrize("name", TOLD_WHEN_EMPTY)
def test_an_empty_value_is_counted_and_said(call, name):
    column = TOLD_WHEN_EMPTY[name]
    given = {"name": ""} if column == "grade" else {"number": ""}
    row = "Müller,L4-L5,ben,3,1\n" if column == "grade" else ""
    _, out, _ = call(COMMANDS[name], **given, change=lambda text: text + row)
    assert f"x.csv: empty, and so left out: 1 cell of {column}" in out


def test_what_agreement_leaves_out_is_said(call):
    more = "Müller,L4-L5,adc_voxels,30,ann\nMüller,L3-L4,height_mm,9,ann\n"
    _, out, _ = call(COMMANDS["values"], change=lambda text: text + more)
    assert "not measured values, ignored: adc_voxels (1)" in out
    assert "Discs with only one value, which are not compared: height_mm (1)" in out
    role = "subject_id,level_automatic,reader,grade,occasion,role\n"
    rows = "S,L4-L5,ann,3,1,reader\nS,L4-L5,ben,3,1,\nS,L4-L5,eva,4,1,adjudicator\n"
    _, out, _ = call(COMMANDS["read grades"], change=lambda _: role + rows)
    assert "reads of an adjudicator, ignored: 1" in out
    wrong = call(COMMANDS["read grades"], change=lambda _: role + rows.replace("tor\n", "\n"))
    assert refused(wrong, "line 4, column role", "one of reader, adjudicator")


def test_a_disc_that_a_table_gives_twice_is_refused(call):
    for name in ("truth", "results", "reads"):
        twice = call(COMMANDS[name], change=lambda text: text + text.splitlines()[-1] + "\n")
        assert refused(twice, "x.csv, line ", "already; keep one"), name


def test_an_arm_that_is_missing_is_no_arm(call):
    def with_arms(text: str) -> str:
        text = text.replace("path,lowest", "path,arm,lowest").replace(",a,{", ",a,NA,{")
        return text.replace(",b,\n", ",b,,\n")

    answer = call(COMMANDS["trial list"], change=with_arms)
    assert refused(answer, "column arm", "'NA' means a missing value")


def test_an_empty_cell_is_missing(call, command):
    if command is not COMMANDS["edits"]:  # its level must be there
        assert accepted(call(command, name=""))
    assert accepted(call(command, number=""))


WITH_NUMBERS = [name for name, one in COMMANDS.items() if one.number]


@pytest.mark.parametrize("name", WITH_NUMBERS)
def test_numbers_are_read_or_refused_with_their_place(call, name):
    command = COMMANDS[name]
    for text in ("3.0", "9", ""):
        assert accepted(call(command, number=text)), text
    for text in ("III", "8,5 mm", "1.234,5"):
        answer = call(command, number=text, change=semicolons)
        assert refused(answer, "x.csv", "line ", f"column {command.number}", repr(text)), answer
    comma = call(command, number="8,5", change=semicolons)
    if command.number == "occasion":
        assert refused(comma, "column occasion: '8,5' is not a whole number")
    else:
        assert accepted(comma)
        assert comma == call(command, number="8.5")


@pytest.mark.parametrize("name", WITH_NUMBERS)
@pytest.mark.parametrize("word", ["NaN", "nan", "NA", "None", "-"])
def test_a_word_for_missing_is_counted_and_said_or_refused(call, name, word):
    command = COMMANDS[name]
    answer = call(command, number=word)
    if command.nan_is_counted:
        assert accepted(answer)
        assert f"x.csv: missing (NaN, NA or similar): 1 cell of {command.number}" in answer[1]
    else:
        assert refused(answer, f"column {command.number}", repr(word))


def test_truth_with_decimal_commas_gives_the_same_figures(call):
    _, out, _ = call(COMMANDS["truth"], number="8,5", change=semicolons)
    assert "height_mm" in out
    assert "-0.250" in out  # 8 measured against 8.5, and 9 against 9


def test_the_studies_of_a_session_are_a_table_like_any_other(tmp_path):
    table = tmp_path / "studies.csv"
    table.write_text("Results;Study\nout/ä;scans/ä\n", encoding="cp1252")
    root = tmp_path.resolve()
    assert _table_of_studies(table) == {root / "out/ä": root / "scans/ä"}
    table.write_text("results,study\nout/a,\n", encoding="utf-8")
    with pytest.raises(UsageError, match="line 2, column study: is empty"):
        _table_of_studies(table)
