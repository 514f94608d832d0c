"""The tables of a session."""

from __future__ import annotations

import csv
import json
from functools import partial

import pytest
from tests.reading.builder import LEVELS, make_results

from discmri import reading
from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.reading import Grade, Mode, NotEvaluable, SessionOptions, Store
from discmri.reading import session as session_module
from discmri.reading.tables import wide_rows

L1, L2, L3, L4, L5 = LEVELS


def rows(path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def exported(plan, tmp_path):
    """A locked session, partly read, as tables."""
    path = plan(Mode.LOCKED, repeats=0.17, title="Lumbar")
    with reading.open_session(path, "ann") as session:
        for case in session.cases:
            session.record(case.item, L1, Grade(2))
        first = session.plan.cases[0].key + ".1"
        session.reveal(first, L1)
        session.record(first, L1, Grade(4, 7), comment="=cmd()", reason="numbers")
        session.record(first, L2, NotEvaluable("metal"))
        session.edit_label(first, L2, {"height_mm": 8.5, "own": 1.25}, "leak", b"map")
        session.number(first, DiscLevel.L4_L5, "no rib")
    with reading.open_session(path, "ben") as session:
        session.record(first, L1, Grade(2))
        session.record(first, L2, Grade(3))
    with reading.open_adjudication(path, "zoe") as session:
        session.record(first, L1, Grade(3))
    verdict = reading.export_session(Store.open(path), tmp_path / "out")
    assert verdict.sound
    return tmp_path / "out"


def test_long_has_a_row_per_reader_disc_and_showing(exported):
    found = rows(exported / "reads_long.csv")
    assert len(found) == 7 + 1 + 2 + 1
    first = next(row for row in found if row["grade"] == "4/7")
    expected = {
        "subject_id": "SUBJ-A", "study_date": "20240131", "level_automatic": "L1-L2",
        "level": "T12-L1", "reader": "ann", "role": "reader", "occasion": "1", "mode": "locked",
        "grade_ordinal": "7", "grade_signal": "4", "grade_collapse": "7",
        "grade_before_reveal": "2", "reason": "numbers", "corrections": "1",
        "comment": "'=cmd()", "suggested_grade": "2", "input_sha256": "ab" * 32,
    }  # fmt: skip
    assert {name: first[name] for name in expected} == expected
    metal = next(row for row in found if row["not_evaluable"])
    assert (metal["grade"], metal["grade_ordinal"], metal["not_evaluable"]) == ("", "", "metal")
    assert [row["role"] for row in found if row["reader"] == "zoe"] == ["adjudicator"]


def test_wide_has_a_row_per_disc_of_a_visit(exported):
    found = rows(exported / "reads_wide.csv")
    assert len(found) == 30, "discs that nobody read have their row too"
    assert list(found[0]) == [
        "subject_id", "study_date", "study_uid", "level_automatic", "suggested_grade",
        "grade_ann", "grade_ben", "grade_ann_repeat", "grade_ben_repeat", "grade_adjudicated",
    ]  # fmt: skip
    assert [found[0][f"grade_{one}"] for one in ("ann", "ben", "adjudicated")] == ["4/7", "2", "3"]
    assert found[1]["grade_ann"] == "not evaluable"
    assert sum(bool(row["grade_ann_repeat"]) for row in found) == 1


def test_rows_follow_visits_and_never_the_order_of_reading(exported):
    for name in ("reads_long", "reads_wide"):
        found = rows(exported / f"{name}.csv")
        visits = [(row["subject_id"], row["study_date"], row["study_uid"]) for row in found]
        assert visits == sorted(visits)
    text = "".join(path.read_text() for path in exported.iterdir())
    assert "c1.1" not in text
    assert "sequences" not in text


def test_edits_and_numbering_have_tables_of_their_own(exported):
    edits = rows(exported / "label_edits.csv")
    assert [(row["parameter"], row["automatic"], row["edited"]) for row in edits] == [
        ("height_mm", "8.0", "8.5"),
        ("own", "", "1.25"),
    ]
    assert (edits[0]["reason"], edits[0]["level"]) == ("leak", "L1-L2")
    numbering = rows(exported / "numbering.csv")
    assert [(row["lowest_automatic"], row["lowest"]) for row in numbering] == [("L5-S1", "L4-L5")]


def test_the_account_says_where_the_chain_ends(exported, tmp_path):
    account = json.loads((exported / "session.json").read_text())
    store = Store.open(tmp_path / "locked.session")
    assert account["head"] == str(reading.verify(store).head)
    assert (account["title"], account["cases"], account["discs"]) == ("Lumbar", 6, 30)
    with pytest.raises(UsageError, match="--overwrite"):
        reading.export_session(store, exported)
    reading.export_session(store, exported, overwrite=True)


def test_two_exports_are_the_same_bytes(exported, tmp_path):
    reading.export_session(Store.open(tmp_path / "locked.session"), tmp_path / "again")
    files = list(exported.iterdir())
    assert len(files) == len(list((tmp_path / "again").iterdir())) > 1
    for path in files:
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_a_session_nobody_read(results, tmp_path):
    six = (*LEVELS[:4], DiscLevel.L5_L6, DiscLevel.L6_S1)
    folder = make_results(tmp_path / "data" / "six", "SUBJ-6", "20240131", six)
    planned = reading.plan_session({folder: None}, SessionOptions(("ann",)))
    store = reading.create_session(tmp_path / "x.session", planned)
    reading.export_session(store, tmp_path / "out")
    assert rows(tmp_path / "out" / "reads_long.csv") == []
    assert [row["level_automatic"] for row in rows(tmp_path / "out" / "reads_wide.csv")][
        -1
    ] == "L6-S1"


def test_the_later_row_decides_whatever_the_clocks_say(plan, monkeypatch):
    path = plan()
    for reader, grade in (("ann", 2), ("ben", 5)):
        with reading.open_session(path, reader) as session:
            first = session.plan.cases[0].key + ".1"
            session.record(first, L1, Grade(grade))
    dated = {"zoe": "2026-03-02T00:00:00.000000Z", "abe": "2026-03-01T00:00:00.000000Z"}
    for name, grade in (("zoe", 3), ("abe", 4)):
        draft = partial(session_module.Draft, at=dated[name])
        with monkeypatch.context() as patch, reading.open_adjudication(path, name) as session:
            patch.setattr(session_module, "Draft", draft)
            session.record(first, L1, Grade(grade))
    store = Store.open(path)
    dispute = reading.disputes(store.plan(), store.entries())[0]
    assert (dispute.adjudicator, dispute.decision) == ("abe", Grade(4))
    wide = next(iter(wide_rows(store.plan(), store.entries())))
    assert wide["grade_adjudicated"] == "4"
