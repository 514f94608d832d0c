"""The rules of reading."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from tests.reading.builder import LEVELS, make_results

from discmri import reading
from discmri.core.errors import SessionError, UsageError
from discmri.core.levels import DiscLevel
from discmri.reading import DiscState, Grade, Mode, NotEvaluable, SessionOptions, shifted
from discmri.reading.adjudication import disputes
from discmri.reading.entry import EntryKind
from discmri.reading.tables import long_rows, numbering_rows, wide_rows

L1, L2, L3, L4, L5 = LEVELS


def test_a_visit_without_a_name_has_a_number(tmp_path):
    folder = make_results(tmp_path / "data" / "x", "", "")
    planned = reading.plan_session({folder: None}, reading.SessionOptions(("ann",), Mode.OPEN))
    reading.create_session(tmp_path / "x.session", planned)
    with reading.open_session(tmp_path / "x.session", "ann") as session:
        assert session.cases[0].title == "Case 1 of 1"


@pytest.fixture
def opened(plan):
    """A function: the first case of a fresh session of some mode."""

    @contextmanager
    def start(mode=Mode.OPEN, **options):
        with reading.open_session(plan(mode, **options), "ann") as session:
            yield session, session.cases[0].item

    return start


def last_row(session):
    return session.store.entries()[-1].row


# ------------------------------------------------------------------ what may be seen
def test_open_shows_everything_at_once(opened):
    with opened(Mode.OPEN) as (session, item):
        assert session.metrics(item, L1).number("height_mm") == 7.0
        assert session.metrics(item, L1).flags == ("few_slices",)
        assert session.case(item).title.startswith("SUBJ-")
        assert session.record(item, L1, Grade(3)).state is DiscState.DONE
        assert last_row(session)["visible"] == "date;identity;images;labels;metrics;suggestion"
        with pytest.raises(UsageError, match="open sessions have no reveal"):
            session.reveal(item, L1)


def test_locked_shows_metrics_of_a_disc_after_it_was_graded(opened):
    with opened(Mode.LOCKED) as (session, item):
        assert session.metrics(item, L1) is None
        with pytest.raises(UsageError, match="grade it first"):
            session.reveal(item, L1)
        assert session.record(item, L1, Grade(3)).state is DiscState.GRADED
        assert session.metrics(item, L1) is None
        assert last_row(session)["visible"] == "date;identity;images;labels"
        assert session.reveal(item, L1).number("height_mm") == 7.0
        assert session.metrics(item, L1).number("height_mm") == 7.0
        assert session.metrics(item, L2) is None
        assert session.case(item).disc(L1).state is DiscState.DONE
        assert "metrics" in last_row(session)["visible"]


def test_locked_keeps_both_states_and_a_change_needs_a_reason(opened):
    with opened(Mode.LOCKED) as (session, item):
        session.record(item, L1, Grade(3))
        session.reveal(item, L1)
        with pytest.raises(UsageError, match="needs a reason"):
            session.record(item, L1, Grade(5))
        disc = session.record(item, L1, Grade(5), reason="dark after all")
        assert disc.read.judgement == Grade(5)
        assert disc.read.after_reveal
        assert disc.before_reveal.judgement == Grade(3)
        confirmed = session.record(item, L1, Grade(5))
        assert confirmed.read.reason == ""
        rows = len(session.store.entries())
        session.reveal(item, L1)
        assert len(session.store.entries()) == rows, "revealed once, recorded once"


def test_blinded_tells_nothing(opened, results):
    with opened(Mode.BLINDED, repeats=0.4) as (session, item):
        assert session.metrics(item, L1) is None
        assert session.record(item, L1, Grade(3)).state is DiscState.DONE
        assert session.metrics(item, L1) is None
        with pytest.raises(UsageError, match="blinded sessions have no reveal"):
            session.reveal(item, L1)
        assert last_row(session)["visible"] == "images;labels"
        count = len(session.cases)
        assert count == 8
        assert [case.title for case in session.cases] == [
            f"Case {n} of {count}" for n in range(1, count + 1)
        ]
        for folder in results:
            (folder / "labels.nii.gz").unlink()
            (folder / "study.json").unlink()
        for failing in (
            lambda: session.labels_file(item),
            lambda: session.images(item),
            lambda: session.edit_label(item, L1, {"height_mm": 8.0}, "leak"),
        ):
            with pytest.raises(SessionError) as caught:
                failing()
            assert not any(word in str(caught.value) for word in ("SUBJ", "2024", "data", "1.2."))


def test_results_that_changed_are_not_shown(opened, results):
    with opened(Mode.OPEN) as (session, item):
        for folder in results:
            record = json.loads((folder / "study.json").read_text())
            record["discs"][0]["values"]["height_mm"]["value"] = 9.9
            (folder / "study.json").write_text(json.dumps(record))
        with pytest.raises(SessionError, match="not those the session was planned with"):
            session.metrics(item, L1)


# ------------------------------------------------------------------ recording
def test_a_correction_is_a_row_of_its_own_with_a_reason(opened):
    with opened() as (session, item):
        first = session.record(item, L1, Grade(3), comment="cleft\nseen").read
        with pytest.raises(UsageError, match="needs a reason"):
            session.record(item, L1, NotEvaluable("metal"))
        second = session.record(item, L1, NotEvaluable("metal"), reason="other series").read
        entries = session.store.entries("ann")
        assert [entry.entry_id for entry in entries] == [first.entry_id, second.entry_id]
        assert entries[1].content["corrects"] == first.entry_id
        assert entries[0].content["comment"] == "cleft seen"
        assert entries[1].row["input_sha256"] == "ab" * 32
        assert session.case(item).disc(L1).read == second


def test_the_same_grade_again_needs_no_reason(opened):
    with opened() as (session, item):
        session.record(item, L1, Grade(3))
        assert session.record(item, L1, Grade(3), comment="cleft").read.comment == "cleft"


def test_undo_withdraws_step_by_step(opened):
    with opened() as (session, item):
        session.record(item, L1, Grade(3))
        session.record(item, L1, Grade(4), reason="darker")
        session.edit_label(item, L2, {"height_mm": 8.0}, "leak")
        session.number(item, DiscLevel.L4_L5, "rib seen")
        kinds = []
        for expected in (5, 4, 3, None):
            undone = session.undo()
            kinds.append(undone.kind)
            disc = session.case(item).disc(L1)
            assert undone.item == item
            if undone.kind is EntryKind.READ:
                assert (disc.read and disc.read.judgement.signal) == expected
        assert kinds == [EntryKind.NUMBERING, EntryKind.LABEL_EDIT, EntryKind.READ, EntryKind.READ]
        assert session.case(item).disc(L2).edit is None
        assert session.case(item).disc(L5).level is L5
        with pytest.raises(UsageError, match="nothing to undo"):
            session.undo()
        assert len(session.store.entries("ann")) == 8, "nothing is ever taken away"


def test_undo_does_not_unlock(opened):
    with opened(Mode.LOCKED) as (session, item):
        session.record(item, L1, Grade(3))
        session.record(item, L2, Grade(4))
        session.undo()
        assert session.case(item).disc(L2).state is DiscState.OPEN
        session.reveal(item, L1)
        with pytest.raises(UsageError, match="cannot be undone"):
            session.undo()
        session.record(item, L1, Grade(5), reason="seen")
        session.undo()
        assert session.case(item).disc(L1).read.judgement == Grade(3)


def test_an_edit_keeps_both_values_and_the_map(opened):
    with opened() as (session, item):
        edit = session.edit_label(item, L2, {"height_mm": 8.75, "own": 1}, "leak", b"a map").edit
        assert edit.automatic == {"height_mm": 8.0}
        assert edit.edited == {"height_mm": 8.75, "own": 1.0}
        assert session.store.attachment(edit.attachment_sha256) == b"a map"
        for values, reason in (({"height_mm": 8.0}, " "), ({"height_mm": float("nan")}, "x")):
            with pytest.raises(UsageError):
                session.edit_label(item, L2, values, reason)


def test_numbering_renames_and_reads_stay_with_their_discs(opened):
    with opened() as (session, item):
        session.record(item, L5, Grade(7 - 2))
        case = session.number(item, shifted(L5, 2), "six lumbar bodies")
        assert [disc.level.value for disc in case.discs] == [
            "L2-L3", "L3-L4", "L4-L5", "L5-L6", "L6-S1",
        ]  # fmt: skip
        assert case.disc(L5).read.judgement == Grade(5)
        assert session.number(item, shifted(L5, -1), "no rib").disc(L5).level is L4
        with pytest.raises(UsageError, match="there is no level"):
            session.number(item, DiscLevel.L1_L2, "far too high")
        with pytest.raises(UsageError, match="needs a reason"):
            session.number(item, L5, "")
        assert session.case(item).disc(L5).level is L4


def test_a_lowest_disc_called_s1_s2_is_not_read_until_it_has_another_name(opened):
    with opened() as (session, item):
        session.record(item, L5, Grade(5))
        done, total = session.progress
        case = session.number(item, shifted(L5, 1), "the sacrum begins above it")
        assert [disc.level.value for disc in case.discs] == [
            "L2-L3", "L3-L4", "L4-L5", "L5-S1",
        ]  # fmt: skip
        assert [(disc.key, disc.level) for disc in case.residual] == [(L5, DiscLevel.S1_S2)]
        assert case.lowest is DiscLevel.S1_S2
        assert session.progress == (done - 1, total - 1)
        with pytest.raises(UsageError, match="has no disc L5-S1"):
            session.record(item, L5, Grade(4), reason="darker")
        back = session.number(item, shifted(case.lowest, -1), "it does not")
        assert back.disc(L5).read.judgement == Grade(5), "the first state is kept"
        assert not back.residual


def test_a_reader_who_calls_a_disc_s1_s2_has_no_part_in_a_dispute_about_it(plan):
    path = plan()
    with reading.open_session(path, "ann") as session:
        item = session.cases[0].item
        session.record(item, L5, Grade(2))
    with reading.open_session(path, "ben") as session:
        session.record(item, L5, Grade(5))
        assert len(disputes(session.plan, session.store.entries())) == 1
        session.number(item, DiscLevel.S1_S2, "remnant")
        assert disputes(session.plan, session.store.entries()) == []
        rows = long_rows(session.plan, session.store.entries())
        assert [row["reader"] for row in rows] == ["ann"]
        ben = reading.progress_of(session.store).readers[1]
        assert (ben.discs_done, ben.discs) == (0, 29)


def test_the_only_disc_of_a_case_cannot_be_a_residual_one(tmp_path):
    folder = make_results(tmp_path / "one", "SUBJ-A", "20240131", levels=(L5,))
    planned = reading.plan_session({folder: None}, SessionOptions(("ann",)), beside=tmp_path)
    reading.create_session(tmp_path / "one.session", planned)
    with (
        reading.open_session(tmp_path / "one.session", "ann") as session,
        pytest.raises(UsageError, match="no disc would be left"),
    ):
        session.number(session.cases[0].item, DiscLevel.S1_S2, "remnant")


def test_a_residual_disc_that_was_found_is_read_as_soon_as_it_is_called_l5_s1(tmp_path):
    found = (L4, L5, DiscLevel.S1_S2)
    folder = make_results(tmp_path / "one", "SUBJ-A", "20240131", levels=found)
    planned = reading.plan_session({folder: None}, SessionOptions(("ann",)), beside=tmp_path)
    assert [disc.level for disc in planned.plan.cases[0].discs] == [L4, L5]
    reading.create_session(tmp_path / "one.session", planned)
    with reading.open_session(tmp_path / "one.session", "ann") as session:
        (case,) = session.cases
        assert [disc.key for disc in case.residual] == [DiscLevel.S1_S2]
        assert case.residual[0].label_id == 101
        case = session.number(case.item, shifted(case.lowest, -1), "no remnant")
        assert [disc.level.value for disc in case.discs] == ["L3-L4", "L4-L5", "L5-S1"]
        session.record(case.item, DiscLevel.S1_S2, Grade(3))
        assert session.metrics(case.item, DiscLevel.S1_S2) is None
        entries = session.store.entries()
    plan = planned.plan
    assert [row["level"] for row in long_rows(plan, entries)] == ["L5-S1"]
    assert len(list(wide_rows(plan, entries))) == 3
    assert len(list(wide_rows(plan, []))) == 2
    (numbering,) = numbering_rows(plan, entries)
    assert (numbering["lowest_automatic"], numbering["lowest"]) == ("S1-S2", "L5-S1")


def test_a_disc_found_within_the_sacrum_is_shown_and_does_not_count_as_the_lowest(tmp_path):
    found = (L4, L5, DiscLevel.S1_S2)
    folder = make_results(tmp_path / "one", "SUBJ-A", "20240131", levels=found)
    record = folder / "study.json"
    text = record.read_text(encoding="utf-8")
    assert '"outlined": true' in text
    record.write_text(text.replace('"outlined": true', '"outlined": false'), encoding="utf-8")
    planned = reading.plan_session({folder: None}, SessionOptions(("ann",)), beside=tmp_path)
    (case,) = planned.plan.cases
    assert [disc.level for disc in case.all_discs] == [L4, L5]
    reading.create_session(tmp_path / "one.session", planned)
    with reading.open_session(tmp_path / "one.session", "ann") as session:
        (view,) = session.cases
        assert ([disc.key for disc in view.discs], view.lowest) == ([L4, L5], L5)
        assert [(disc.level.value, disc.label_id) for disc in view.residual] == [("S1-S2", 101)]
        assert session.progress == (0, 2)
        with pytest.raises(UsageError, match="has no disc S1-S2"):
            session.record(view.item, DiscLevel.S1_S2, Grade(3))
        view = session.number(view.item, DiscLevel.S1_S2, "the sacrum begins above it")
        assert [disc.key for disc in view.residual] == [L5], "below it would be S2-S3"
        view = session.number(view.item, DiscLevel.L6_S1, "six lumbar bodies")
        assert [disc.key for disc in view.residual] == [DiscLevel.S1_S2]


@pytest.mark.parametrize("level", [one for one in DiscLevel if one is not DiscLevel.L5_L6])
def test_up_undoes_down(level):
    if level is not DiscLevel.L6_S1:
        assert shifted(shifted(level, 1), -1) is level
    with pytest.raises(ValueError, match="there is no level"):
        shifted(level, 20)


# ------------------------------------------------------------------ going through
def test_next_case_goes_round(opened):
    with opened() as (session, _):
        items = [case.item for case in session.cases]
        assert session.next_case().item == items[0]
        assert session.next_case(after=items[2]).item == items[3]
        assert session.next_case(after=items[-1]).item == items[0]
        for item in items:
            for level in LEVELS:
                session.record(item, level, Grade(2))
        assert session.next_case() is None
        assert session.progress == (30, 30)


def test_reads_are_there_when_opened_again(plan):
    path = plan(Mode.LOCKED)
    with reading.open_session(path, "ann") as session:
        item = session.cases[0].item
        session.record(item, L1, Grade(4, 7), comment="c")
        session.reveal(item, L1)
        before = session.case(item)
    with reading.open_session(path, "ann") as session:
        assert session.case(item) == before
    with reading.open_session(path, "ben") as session:
        assert session.case(item).disc(L1).read is None, "readers do not see each other"


def test_only_planned_readers_and_discs(plan, opened):
    path = plan(Mode.LOCKED)
    with pytest.raises(UsageError, match="eve is not a reader of this session"):
        reading.open_session(path, "eve")
    with reading.open_session(path, "ann") as session:
        with pytest.raises(UsageError, match="has no case"):
            session.record("c99.1", L1, Grade(1))
        with pytest.raises(UsageError, match="has no disc T11-T12"):
            session.record(session.cases[0].item, DiscLevel.T11_T12, Grade(1))
    with pytest.raises(UsageError, match="does not exist"):
        reading.open_session(path.with_name("nowhere"), "ann")


def test_a_reader_has_a_session_open_once(plan):
    path = plan()
    with (
        reading.open_session(path, "ann"),
        pytest.raises(UsageError, match="already has the session open"),
    ):
        reading.open_session(path, "ann")
    with reading.open_session(path, "ann") as session, reading.open_session(path, "ben") as other:
        assert session.reader != other.reader


# ------------------------------------------------------------------ adjudication
def judged(path, reader, judgements):
    with reading.open_session(path, reader) as session:
        item = session.plan.cases[0].key + ".1"
        for level, said in zip(LEVELS, judgements, strict=False):
            session.record(item, level, said)
    return item


def test_an_adjudicator_decides_where_readers_differ(plan):
    path = plan(Mode.BLINDED)
    judged(path, "ann", [Grade(1), Grade(2), Grade(5), Grade(5, 7), NotEvaluable("metal")])
    with pytest.raises(UsageError, match="nothing to adjudicate"):
        reading.open_adjudication(path, "zoe")
    item = judged(path, "ben", [Grade(1), Grade(4), Grade(5, 6), Grade(5, 8), Grade(5)])
    store = reading.Store.open(path)
    found = reading.disputes(store.plan(), store.entries())
    assert {one.disc: one.reasons for one in found} == {
        L2: ("differ by 2 or more",),
        L3: ("cross 5|6",),
        L5: ("not evaluable for some",),
    }
    with pytest.raises(UsageError, match="not one of the readers"):
        reading.open_adjudication(path, "ben")
    with reading.open_adjudication(path, "zoe") as session:
        assert session.progress == (0, 3)
        assert [disc.key for disc in session.next_case().discs] == [L2, L3, L5]
        assert set(session.opinions(item, L2)) == {Grade(2), Grade(4)}
        assert session.opinions(item, L1) == ()
        session.record(item, L2, Grade(3))
        assert "opinions" in last_row(session)["visible"]
        with pytest.raises(UsageError, match="has no disc L1-L2"):
            session.record(item, L1, Grade(3))
    decided = {one.disc: one for one in reading.disputes(store.plan(), store.entries())}
    assert (decided[L2].decision, decided[L2].adjudicator) == (Grade(3), "zoe")
    assert decided[L3].decision is None
    with reading.open_session(path, "ann") as session:
        assert session.opinions(item, L2) == ()
        assert session.case(item).disc(L2).read.judgement == Grade(2), "reads stay as they were"


@pytest.mark.parametrize(
    ("texts", "reasons"),
    [
        (("4", "5"), ()),
        (("6", "7"), ()),
        (("4", "6"), ("differ by 2 or more", "cross 5|6")),
        (("4/7", "7"), ()),
        (("3/7", "7"), ("differ by 2 or more",)),
        (("4/7", "4"), ("differ by 2 or more", "cross 5|6")),
        (("1", "2", "3"), ("differ by 2 or more",)),
        (("2",), ()),
        ((), ()),
    ],
)
def test_what_needs_an_adjudicator(texts, reasons):
    assert reading.disagreements(map(Grade.parse, texts)) == reasons


def test_not_evaluable_for_all_is_no_dispute():
    assert reading.disagreements([NotEvaluable("a"), NotEvaluable("b")]) == ()


def test_progress_counts(plan):
    path = plan(Mode.LOCKED, repeats=0.2)
    with reading.open_session(path, "ann") as session:
        item = session.cases[0].item
        session.record(item, L1, Grade(3))
        session.record(item, L2, NotEvaluable("metal"))
        session.reveal(item, L2)
        session.record(item, L2, Grade(2), reason="saw it")
    ann, ben = reading.progress_of(reading.Store.open(path)).readers
    assert (ann.cases_done, ann.cases, ann.discs_done, ann.discs) == (0, 7, 1, 35)
    assert (ann.not_evaluable, ann.corrections, ann.waiting) == (0, 1, 0)
    assert (ben.discs_done, ben.last_at) == (0, "")


# ------------------------------------------------------------------ postponed, and how it was seen
def test_postponed_discs_come_last_until_they_are_judged(opened):
    with opened(Mode.OPEN) as (session, item):
        assert session.postpone(item, L1).postponed
        assert [disc.key for disc in session.case(item).left] == [L2, L3, L4, L5, L1]
        for disc in (L2, L3, L4, L5):
            session.record(item, disc, Grade(3))
        assert session.case(item).postponed
        assert session.next_case().item != item, "what was postponed waits"
        for case in session.cases[1:]:
            for disc in case.discs:
                session.record(case.item, disc.key, Grade(3))
        assert session.next_case().item == item
        assert not session.record(item, L1, Grade(3)).postponed
        assert session.next_case() is None


def test_how_images_were_seen_stands_with_the_read_and_comes_back(plan):
    path = plan(Mode.OPEN)
    with reading.open_session(path, "ann") as session:
        assert session.last_viewing == {}
        session.viewing = {"smooth": True, "seconds": 4.5}
        item = session.cases[0].item
        assert session.record(item, L1, Grade(3)).read.viewing["seconds"] == 4.5
    with reading.open_session(path, "ann") as session:
        assert session.last_viewing == {"smooth": True, "seconds": 4.5}
        rows = long_rows(session.plan, session.store.entries())
    assert [(one["seconds"], one["viewing"]) for one in rows] == [(4.5, '{"smooth":true}')]
    assert reading.verify(reading.Store.open(path)).sound


def test_hidden_repeats_are_counted_as_they_come(plan):
    path = plan(Mode.BLINDED, repeats=0.5)
    with reading.open_session(path, "ann") as session:
        again = next(case.item for case in session.cases if case.item.endswith(".2"))
        first = again.removesuffix("2") + "1"
        for disc, grades in ((L1, (3, 3)), (L2, (3, 4)), (L3, (2, 5))):
            for item, grade in zip((first, again), grades, strict=True):
                session.record(item, disc, Grade(grade))
        session.record(first, L4, Grade(3))
    ann = reading.progress_of(reading.Store.open(path)).readers[0]
    assert (ann.repeats, ann.repeats_equal, ann.repeats_within_one) == (3, 1, 2)
