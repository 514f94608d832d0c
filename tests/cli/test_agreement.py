"""``discmri agreement``."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path

import pytest
from tests.reading.builder import LEVELS, make_results

from discmri import reading
from discmri.cli import main
from discmri.reading import Grade, SessionOptions, Store


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Run the command in a folder with a session that two readers have read."""
    monkeypatch.chdir(tmp_path)
    folders = [make_results(tmp_path / "results" / name, name, "20240131") for name in "ABCD"]
    planned = reading.plan_session(
        dict.fromkeys(folders), SessionOptions(("ann", "ben"), reading.Mode.OPEN)
    )
    reading.create_session("x.session", planned)
    for shift, reader in enumerate(("ann", "ben")):
        with reading.open_session("x.session", reader) as session:
            for case in session.cases:
                for n, level in enumerate(LEVELS):
                    session.record(case.item, level, Grade(1 + (n + shift * (case.number % 4)) % 5))

    def run(*argv):
        code = main(["agreement", *map(str, argv), "--resamples", "30"])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def figures(folder) -> dict[tuple[str, str], float]:
    with (Path(folder) / "agreement.csv").open(newline="") as file:
        return {
            (row["comparison"], row["statistic"]): row["value"]
            for row in csv.DictReader(file)
            if row["level"] == "all" and row["parameter"] in ("grade", "height_mm")
        }


def test_a_session_and_its_export_give_the_same_report(call):
    code, out, err = call("x.session", "-o", "one")
    assert (code, err) == (0, "")
    assert "kappa, quadratic weights" in out
    assert f"Report: {Path('one/report.html')}" in out
    reading.export_session(Store.open("x.session"), Path("reads"))
    assert call("reads/reads_long.csv", "-o", "two")[0] == 0
    assert figures("one") == figures("two")
    assert figures("one")["ann – ben", "exact agreement"] == "0.25"


def test_repeated_scans_by_subject(call, tmp_path):
    header = "subject_id,study_uid,level,parameter,value\n"
    for scan, extra in (("1", 0.0), ("2", 0.5)):
        lines = [
            f"{s},1.{scan}.{s},L4-L5,height_mm,{8 + n + extra}\n" for n, s in enumerate("ABCD")
        ]
        (tmp_path / f"out-{scan}").mkdir()
        (tmp_path / f"out-{scan}" / "measurements.csv").write_text(header + "".join(lines))
    sources = ("scan1=out-1", "scan2=out-2/measurements.csv")
    code, _, err = call(*sources, "-o", "none")
    assert code == 2
    assert "nothing can be compared" in err
    code, _, _ = call(*sources, "-o", "repeat", "--match", "subject")
    assert code == 0
    assert figures("repeat")["scan1 – scan2", "bias"] == "-0.5"


def test_the_studies_of_two_batches_are_compared_together(call, tmp_path):
    header = "subject_id,study_uid,level,parameter,value\n"
    for program, extra in (("old", 0.0), ("new", 0.25)):
        for n, s in enumerate("ABCD"):
            folder = tmp_path / program / "studies" / s
            folder.mkdir(parents=True)
            cells = f"{s},1.{s},L4-L5,height_mm,{8 + n + extra}\n{s},1.{s},L5-S1,height_mm,\n"
            (folder / "measurements.csv").write_text(header + cells)
    code, out, _ = call("old=old", "new=new", "-o", "both")
    assert code == 0
    assert figures("both")["new – old", "bias"] == "0.25"
    assert "old: empty, and so left out: 4 cells of value" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("results",), "results has no measurements.csv"),
        (("nowhere.csv",), "nowhere.csv does not exist"),
        (("ann=nowhere.csv",), "nowhere.csv does not exist"),
        (("results/A/study.json",), "no column subject_id"),
        (("x.session", "x.session"), "two values"),
    ],
)
def test_wrong_sources_are_one_line(call, arguments, message):
    code, out, err = call(*arguments, "-o", "out")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err
    assert not Path("out").exists()


def test_an_existing_folder_is_kept_without_overwrite(call):
    assert call("x.session", "-o", "out")[0] == 0
    assert call("x.session", "-o", "out")[0] == 2
    assert call("x.session", "-o", "out", "--overwrite", "--seed", "4")[0] == 0


def test_a_changed_session_is_analysed_only_on_demand_and_the_report_tells(call):
    connection = sqlite3.connect("x.session")
    connection.execute("DROP TRIGGER entries_no_update")
    connection.execute("UPDATE entries SET software = 'x' WHERE seq = 2")
    connection.commit()
    connection.close()
    code, out, err = call("x.session", "-o", "out")
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "entry 2 was changed" in err
    assert not Path("out").exists()
    code, out, _ = call("x.session", "-o", "out", "--anyway")
    assert code == 0
    for text in (out, Path("out/report.html").read_text()):
        assert "x.session failed verification: entry 2 was changed" in text
