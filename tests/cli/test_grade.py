"""``discmri grade``."""

from __future__ import annotations

import csv
import json
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from tests.reading.builder import LEVELS, make_results

from discmri import reading
from discmri.cli import grade as command
from discmri.cli import main
from discmri.reading import Grade

L1, L2, *_ = LEVELS


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Run the command in a folder with results; gives (code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    for subject in ("SUBJ-A", "SUBJ-B"):
        make_results(tmp_path / "results" / subject, subject, "20240131")
        (tmp_path / "scans" / subject).mkdir(parents=True)
    monkeypatch.setattr("discmri.reading.planning.find_images", lambda *_: None)

    def run(*argv):
        code = main(["grade", *map(str, argv)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def planned(call):
    code, *_ = call(
        "plan", "x.session", "results", "--study-root", "scans",
        "--reader", "ann", "--reader", "ben", "--mode", "blinded", "--repeats", "0.5",
    )  # fmt: skip
    assert code == 0
    return call


def read(*judgements, reader):
    with reading.open_session("x.session", reader) as session:
        item = session.plan.cases[0].key + ".1"
        for level, judgement in zip(LEVELS, judgements, strict=False):
            session.record(item, level, judgement)


def test_plan_says_what_was_planned(call):
    code, out, err = call(
        "plan", "x.session", "results", "--study-root", "scans", "--reader", "ann",
        "--mode", "open", "--order", "common", "--seed", "3", "--title", "T", "--planner", "zoe",
        "--quiet",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert (
        out
        == "x.session: 2 studies with 10 discs, 2 presentations to each of ann (open, order common)\n"
    )
    store = reading.Store.open("x.session")
    plan = store.plan()
    assert (plan.mode.value, plan.order.value, plan.seed, plan.title) == ("open", "common", 3, "T")
    assert {case.study for case in plan.cases} == {"scans/SUBJ-A", "scans/SUBJ-B"}
    assert store.entries()[0].row["reader"] == "zoe"


def test_plan_takes_a_table_of_studies(call, tmp_path):
    (tmp_path / "table.csv").write_text("results,study\nresults/SUBJ-A,scans/SUBJ-B\n")
    arguments = ("plan", "x.session", "--studies", "table.csv", "--reader", "ann")
    assert call(*arguments, "results")[0] == 2
    assert call(*arguments, "results/SUBJ-A")[0] == 0
    assert reading.Store.open("x.session").plan().cases[0].study == "scans/SUBJ-B"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("results", "--reader", "ann"), "give --study-root DIR, or --studies FILE"),
        (("results", "--study-root", "scans"), "name each with --reader NAME"),
        (("nowhere", "--study-root", "scans", "--reader", "ann"), "nowhere is not a folder"),
        (("results", "--study-root", "nowhere", "--reader", "ann"), "no study named SUBJ-A"),
        (("results", "--studies", "nowhere.csv", "--reader", "ann"), "nowhere.csv cannot be read"),
        (("results", "--studies", "results/SUBJ-A/study.json", "--reader", "ann"), "needs the columns"),
        (("results", "--study-root", "scans", "--reader", "ann", "--repeats", "2"), "share of repeats"),
        (("results", "--study-root", "scans", "--reader", "ann", "--mode", "x"), "invalid choice"),
    ],
)  # fmt: skip
def test_a_wrong_plan_is_one_line_and_leaves_nothing(call, arguments, message):
    code, out, err = call("plan", "x.session", *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err
    assert not Path("x.session").exists()


def test_what_was_not_measured_is_named(call, tmp_path):
    make_results(tmp_path / "results" / "bad", "SUBJ-C", "20240131", status="nothing_to_measure")
    (tmp_path / "scans" / "bad").mkdir()
    code, out, _ = call("plan", "x.session", "results", "--study-root", "scans", "--reader", "ann")
    assert code == 0
    assert "ignored, because nothing was measured" in out
    assert "2 studies" in out


def test_progress(planned):
    read(Grade(2), reader="ann")
    code, out, _ = planned("progress", "x.session")
    assert code == 0
    line = next(line for line in out.splitlines() if line.startswith("ann"))
    assert line.split()[1:7] == ["0", "/", "3", "1", "/", "15"]
    code, out, _ = planned("progress", "x.session", "--json")
    assert json.loads(out)["readers"][1]["discs_done"] == 0


def test_adjudicate_lists_disputes(planned):
    assert "agree on all discs read so far" in planned("adjudicate", "x.session")[1]
    read(Grade(2), Grade(3), reader="ann")
    read(Grade(2), Grade(5), reader="ben")
    _, out, _ = planned("adjudicate", "x.session")
    assert [line.split()[:5] for line in out.splitlines() if "SUBJ" in line] == [
        ["SUBJ-A", "20240131", "L2-L3", "3", "5"]
    ]
    assert "1 disputed discs, 1 without a decision" in out
    found = json.loads(planned("adjudicate", "x.session", "--json")[1])
    assert found[0]["judgements"] == {"ann": "3", "ben": "5"}
    assert found[0]["reasons"] == ["differ by 2 or more"]


def test_export_and_verify(planned):
    read(Grade(4, 7), reader="ann")
    code, out, _ = planned("verify", "x.session")
    assert code == 0
    head = out.split("head ")[1].strip()
    assert planned("verify", "x.session", "--noted", head)[0] == 0
    code, out, _ = planned("export", "x.session", "-o", "reads")
    assert code == 0
    assert head in out
    with Path("reads/reads_long.csv").open(newline="") as file:
        assert [row["grade"] for row in csv.DictReader(file)] == ["4/7"]
    assert planned("export", "x.session", "-o", "reads")[0] == 2
    assert planned("export", "x.session", "-o", "reads", "--overwrite")[0] == 0


def test_a_changed_session_is_three_and_says_which_entry(planned):
    read(Grade(4, 7), reader="ann")
    connection = sqlite3.connect("x.session")
    connection.execute("DROP TRIGGER entries_no_update")
    connection.execute("UPDATE entries SET reader = 'ben' WHERE seq = 2")
    connection.commit()
    connection.close()
    code, out, err = planned("verify", "x.session")
    assert code == 3
    assert "entry 2 was changed" in out
    assert err.count("\n") == 1
    assert json.loads(planned("verify", "x.session", "--json")[1])["problems"][0]["seq"] == 2
    code, _, err = planned("export", "x.session", "-o", "reads")
    assert code == 3
    assert "entry 2 was changed" in err
    assert not Path("reads").exists()
    assert planned("export", "x.session", "-o", "reads", "--anyway")[0] == 0
    for action in ("progress", "adjudicate"):
        code, out, err = planned(action, "x.session")
        assert (code, out) == (3, "")
        assert "entry 2 was changed" in err
        assert err.count("\n") == 1
        code, out, err = planned(action, "x.session", "--anyway", "--json")
        assert code == 0
        json.loads(out)
        assert "failed verification: entry 2 was changed" in err
    assert planned("adjudicate", "x.session", "--reader", "zoe", "--anyway")[0] == 2


def test_witnesses(planned, tmp_path):
    read(Grade(3), reader="ann")
    journal = next(tmp_path.glob("*.journal"))
    elsewhere = journal.rename(tmp_path / "from-another-machine")
    code, out, _ = planned("verify", "x.session", "--journal", elsewhere)
    assert code == 0
    assert "1 external receipt" in out
    code, out, _ = planned("verify", "x.session", "--noted", f"2:{'0' * 64}")
    assert code == 3
    assert "entry 2 does not match the noted head" in out
    assert planned("verify", "x.session", "--noted", "2")[0] == 2
    (tmp_path / "empty").write_text("")
    code, _, err = planned("verify", "x.session", "--journal", "empty")
    assert code == 2
    assert "has no receipt" in err


@pytest.mark.parametrize(
    "arguments",
    [("open", "x.session", "--reader", "ann"), ("adjudicate", "x.session", "--reader", "zoe")],
)
def test_without_the_viewer_it_says_how_to_get_it(planned, monkeypatch, arguments):
    monkeypatch.setattr(command, "find_spec", lambda _: None)
    code, out, err = planned(*arguments)
    assert (code, out) == (2, "")
    assert (
        err
        == "discmri: reading needs the viewer napari; install it with: pip install 'discmri[napari]'\n"
    )


def test_the_viewer_gets_session_and_reader(planned, monkeypatch):
    read(Grade(2), reader="ann")
    read(Grade(5), reader="ben")
    launched = []
    viewer = ModuleType("discmri.napari")
    viewer.launch = lambda session: launched.append((session.reader, session.progress))
    monkeypatch.setitem(sys.modules, "discmri.napari", viewer)
    monkeypatch.setattr(command, "find_spec", lambda _: object())
    assert planned("open", "x.session", "--reader", "ann")[0] == 0
    assert planned("adjudicate", "x.session", "--reader", "zoe")[0] == 0
    assert launched == [("ann", (1, 15)), ("zoe", (0, 1))]
    code, _, err = planned("open", "x.session", "--reader", "eve")
    assert code == 2
    assert "eve is not a reader" in err


def test_no_such_session(call):
    for action in ("progress", "verify", "adjudicate"):
        code, _, err = call(action, "nowhere.session")
        assert code == 2
        assert "does not exist" in err
    assert call("progress", "mysql://a/b")[0] == 2


def test_without_the_database_package_it_says_how_to_get_it(call, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    code, _, err = call("progress", "x.session")
    assert code == 2
    assert "pip install 'discmri[reading]'" in err


def test_the_table_of_a_practice_session_compares_with_the_truth(call, tmp_path):
    folder = tmp_path / "practising"
    results = make_results(folder / "a", "S", "20240101")
    options = reading.SessionOptions(("practice",), reading.Mode.BLINDED)
    planned = reading.plan_session({results: None}, options, folder)
    planned = replace(planned, plan=replace(planned.plan, practice=True))
    reading.create_session(folder / "practice.session", planned)
    with reading.open_session(folder / "practice.session", "practice") as session:
        session.record(session.cases[0].item, L1, Grade(2))
        session.record(session.cases[0].item, L2, Grade(4))
    code, out, _ = call("practice", "practising", "--table")
    assert (code, "First grades of 2 discs: 1 correct, 2 within one grade" in out) == (0, True)
    code, _, err = call("practice", "new", "--table")
    assert (code, "run first without --table" in err) == (2, True)
    code, _, err = call("practice", "results")
    assert (code, "is not empty" in err) == (2, True)
