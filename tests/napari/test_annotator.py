"""What each key does, without a viewer."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from discmri.core.errors import NotSavedYetError, SessionError
from discmri.core.levels import DiscLevel
from discmri.napari.annotator import SECOND_ENTRY, Annotator
from discmri.reading import Mode, open_session

L1, L5 = DiscLevel.L1_L2, DiscLevel.L5_S1


@pytest.fixture
def at_work(plan):
    """A function: an annotator on a fresh session of some mode."""

    @contextmanager
    def start(mode=Mode.OPEN):
        with open_session(plan(mode), "ann") as session:
            yield Annotator(session)

    return start


def press(annotator, *keys):
    for key in keys:
        annotator.press(key)


def row(annotator):
    panel = annotator.panel()
    return panel.rows[panel.current]


def reads(annotator):
    return [e for e in annotator.session.store.entries() if e.row["kind"] == "read"]


# ------------------------------------------------------------------ grading
@pytest.mark.parametrize("number", range(1, 9))
def test_a_digit_grades_the_disc_at_hand_at_once(at_work, number):
    with at_work() as annotator:
        press(annotator, str(number))
        assert row(annotator).grade == str(number)
        assert len(reads(annotator)) == 1, "it is in the store before the next key"
        assert annotator.panel().notice == f"L1-L2: {number}."


@pytest.mark.parametrize(
    ("keys", "grade"), [("47", "4/7"), ("16", "1/6"), ("58", "8"), ("38", "3/8"), ("7", "7")]
)
def test_a_second_entry_adds_the_collapse(at_work, keys, grade):
    with at_work() as annotator:
        press(annotator, *keys)
        assert row(annotator).grade == grade
        assert annotator.question is None
        assert [e.content["reason"] for e in reads(annotator)[1:]] == [SECOND_ENTRY] * (
            len(keys) - 1
        )


@pytest.mark.parametrize("between", [("down", "up"), ("c", "escape")])
def test_only_right_behind_the_first_entry(at_work, between):
    with at_work() as annotator:
        press(annotator, "4")
        for key in between:
            annotator.cancel() if key == "escape" else annotator.press(key)
        press(annotator, "7")
        assert annotator.question.text == "L1-L2 was 4. Why 7 now?"
        annotator.cancel()
        assert row(annotator).grade == "4"


def test_a_third_digit_is_a_change(at_work):
    with at_work() as annotator:
        press(annotator, "4", "7", "8")
        assert annotator.question is not None
        annotator.answer("less than a third is left")
        assert row(annotator).grade == "8"
        assert reads(annotator)[-1].content["reason"] == "less than a third is left"


def test_a_change_needs_words(at_work):
    with at_work() as annotator:
        press(annotator, "3", "2")
        annotator.answer("   ")
        assert annotator.question is not None
        assert annotator.panel().alarm
        annotator.answer("brighter than fat")
        assert row(annotator).grade == "2"
        press(annotator, "7")  # the collapse still belongs to this entry and its reason
        assert row(annotator).grade == "2/7"
        assert reads(annotator)[-1].content["reason"] == "brighter than fat"


def test_collapse_added_later_is_a_change_to_a_double_entry(at_work):
    with at_work() as annotator:
        press(annotator, "4", "down", "up", "4")
        assert annotator.panel().notice == "L1-L2 is 4 already."
        assert len(reads(annotator)) == 1
        press(annotator, "7")
        assert annotator.question.text == "L1-L2 was 4. Why 4/7 now?"
        annotator.answer("measured it against L3-L4")
        assert row(annotator).grade == "4/7"


def test_not_evaluable_has_a_reason_and_may_become_a_grade(at_work):
    with at_work() as annotator:
        press(annotator, "n")
        annotator.answer("metal")
        assert row(annotator).grade == "not evaluable"
        press(annotator, "7")
        assert "was not evaluable" in annotator.question.text
        annotator.answer("visible on the next slice")
        assert row(annotator).grade == "7"
        press(annotator, "n")
        annotator.answer("moved")
        assert reads(annotator)[-1].content["not_evaluable"] == "moved"


def test_a_comment_stays_with_the_grade_through_changes(at_work):
    with at_work() as annotator:
        press(annotator, "c")
        assert annotator.question is None
        assert "Grade the disc first" in annotator.panel().notice
        press(annotator, "3", "c")
        annotator.answer("Schmorl's node")
        press(annotator, "c")
        assert annotator.question.given == "Schmorl's node"
        annotator.cancel()
        press(annotator, "4")
        annotator.answer("darker")
        assert row(annotator).note == "Schmorl's node"
        assert row(annotator).grade == "4"


def test_undo_goes_where_it_undoes(at_work):
    with at_work() as annotator:
        press(annotator, "3", "down", "2", "page down", "5")
        second = annotator.item
        press(annotator, "u")
        assert (annotator.item, row(annotator).grade) == (second, "")
        press(annotator, "u")
        assert annotator.item == annotator.items[0]
        assert annotator.key is DiscLevel.L2_L3
        assert annotator.panel().notice == "The grade of L2-L3 was taken back."
        assert annotator.panel().done == 1
        press(annotator, "u", "u")
        assert annotator.panel().notice == "there is nothing to undo"


def test_keys_do_nothing_while_something_is_asked(at_work):
    with at_work() as annotator:
        press(annotator, "n", "3", "down", "u")
        assert annotator.key is L1
        assert row(annotator).grade == ""
        annotator.cancel()
        press(annotator, "3")
        assert row(annotator).grade == "3"


def test_a_question_is_dropped_with_the_disc_it_was_about(at_work):
    with at_work() as annotator:
        press(annotator, "n")
        annotator.select(L5)
        assert annotator.question is None
        annotator.answer("metal")
        assert [one.grade for one in annotator.panel().rows] == [""] * 5


# ------------------------------------------------------------------ going about
def test_arrows_and_pages_step_and_stop_at_the_ends(at_work):
    with at_work() as annotator:
        press(annotator, "up")
        assert annotator.key is L1
        assert "No further disc" in annotator.panel().notice
        press(annotator, "down", "down")
        assert annotator.panel().current == 2
        press(annotator, "page up")
        assert "no further case" in annotator.panel().notice
        press(annotator, "page down", "page down", "page down")
        assert annotator.panel().place == "Case 3 of 3"


def test_enter_goes_to_what_is_left(at_work):
    with at_work() as annotator:
        press(annotator, "down", "3", "enter")
        assert annotator.panel().current == 2
        for _ in range(3):
            press(annotator, "3", "enter")
        assert annotator.key is L1, "round to the one that was left"
        press(annotator, "3", "enter")
        assert annotator.item == annotator.items[1]
        for _ in range(10):
            press(annotator, "3", "enter")
        assert annotator.panel().done == annotator.panel().total == 15
        assert annotator.panel().notice == "Every disc of this session is done."


def test_one_resumes_where_something_is_left(plan):
    where = plan(Mode.OPEN)
    with open_session(where, "ann") as session:
        first = Annotator(session)
        for _ in range(7):
            press(first, "3", "enter")
    with open_session(where, "ann") as session:
        again = Annotator(session)
        assert again.item == again.items[1]
        assert again.panel().current == 2
        assert again.panel().done == 7


def test_the_next_case_is_known_before_it_is_reached(at_work):
    with at_work() as annotator:
        assert annotator.wanted == annotator.items[:2]
        annotator.open(annotator.items[2])
        assert annotator.wanted == (annotator.items[2], annotator.items[0]), "the first is not done"
        assert annotator.neighbours == annotator.items[1:]


# ------------------------------------------------------------------ what may be seen
def test_open_shows_what_was_measured(at_work):
    with at_work() as annotator:
        panel = annotator.panel()
        assert ("Height (mm)", "7.0 ± 0.2") in [(m.name, m.automatic) for m in panel.metrics]
        assert panel.flags == ("Fewer than three slices cross the disc.",)
        assert panel.title == "SUBJ-A, 20240131"
        assert panel.hidden == ""


def test_locked_reveals_after_the_grade_and_keeps_both(at_work):
    with at_work(Mode.LOCKED) as annotator:
        press(annotator, "r")
        assert "not graded yet" in annotator.panel().notice
        assert (annotator.panel().metrics, annotator.panel().can_reveal) == ((), False)
        press(annotator, "2")
        assert annotator.panel().metrics == ()
        assert annotator.panel().can_reveal
        assert annotator.may_see(L1) is False
        press(annotator, "enter")
        assert annotator.may_see(L1)
        assert annotator.panel().metrics
        assert not annotator.may_see(L5), "only this disc"
        press(annotator, "7")
        assert "Why 7 now?" in annotator.question.text, "no second entry after the reveal"
        annotator.answer("the height is lost")
        assert (row(annotator).grade, row(annotator).state) == ("7", "done, before: 2")
        press(annotator, "u", "u")
        assert "cannot be undone" in annotator.panel().notice


def test_blinded_shows_nothing_that_was_measured_and_no_identity(at_work):
    with at_work(Mode.BLINDED) as annotator:
        press(annotator, "2", "r")
        panel = annotator.panel()
        assert panel.title == "Case 1 of 3"
        assert (panel.metrics, panel.reasons, panel.flags) == ((), (), ())
        assert panel.hidden == "Measurements are not shown in a blinded session."
        assert "nothing is revealed in blinded" in panel.notice


# ------------------------------------------------------------------ numbering and edits
def test_names_move_down_and_back_with_their_grades(at_work):
    with at_work() as annotator:
        press(annotator, "4", "names down")
        assert annotator.question.text == "L5-S1 becomes S1-S2, the others follow. Why?"
        annotator.answer("a remnant")
        press(annotator, "names down")
        assert annotator.question.text == "S1-S2 becomes L6-S1, the others follow. Why?"
        annotator.answer("six lumbar bodies")
        names = [one.name for one in annotator.panel().rows]
        assert names == ["L2-L3", "L3-L4", "L4-L5", "L5-L6", "L6-S1"]
        assert row(annotator).grade == "4", "the grade stays with its disc"
        press(annotator, "u", "u")
        assert row(annotator).name == "L1-L2"
        assert annotator.panel().notice == "The numbering was taken back."
        press(annotator, "names up")
        annotator.answer("transitional")
        assert row(annotator).name == "T12-L1"


def test_a_disc_at_hand_that_becomes_a_residual_one_gives_way_to_the_lowest(at_work):
    with at_work() as annotator:
        press(annotator, "down", "down", "down", "down", "5")
        assert (annotator.key, annotator.panel().done, annotator.panel().total) == (L5, 1, 15)
        press(annotator, "names down")
        annotator.answer("a remnant")
        panel = annotator.panel()
        assert [one.name for one in panel.rows] == ["L2-L3", "L3-L4", "L4-L5", "L5-S1"]
        assert panel.residual == {L5: "S1-S2"}
        assert (row(annotator).name, row(annotator).grade) == ("L5-S1", "")
        assert (panel.done, panel.total) == (0, 14)
        press(annotator, "names up")
        assert annotator.question.text == "S1-S2 becomes L5-S1, the others follow. Why?"
        annotator.answer("it is a full disc")
        panel = annotator.panel()
        assert (panel.rows[-1].name, panel.rows[-1].grade, panel.residual) == ("L5-S1", "5", {})
        assert (panel.done, panel.total) == (1, 15)


def test_an_edit_is_kept_with_both_values(at_work):
    with at_work() as annotator:
        annotator.preview = {"height_mm": 7.9}
        assert annotator.panel().metrics[0].edited == "7.9"
        kept = []
        annotator.keep_edit({"height_mm": 8.25}, b"labels", lambda: kept.append(True))
        annotator.answer("osteophyte was left out")
        annotator.preview = {}
        assert kept == [True]
        shown = annotator.panel().metrics[0]
        assert (shown.name, shown.automatic, shown.edited) == ("Height (mm)", "7.0 ± 0.2", "8.2")
        assert row(annotator).state == "edited"
        assert annotator.session.painted_labels(annotator.item) == b"labels"
        press(annotator, "u")
        assert annotator.panel().notice == "The edited label of L1-L2 was taken back."
        assert annotator.session.painted_labels(annotator.item) is None


# ------------------------------------------------------------------ trouble
def test_a_grade_that_cannot_be_saved_counts_and_is_told(at_work, monkeypatch):
    with at_work() as annotator:
        save = annotator.session.save

        def full(*_):
            raise NotSavedYetError("the session cannot be written (disk full); 1 entry is kept")

        monkeypatch.setattr(annotator.session._outbox, "save", full)
        press(annotator, "3")
        panel = annotator.panel()
        assert (row(annotator).grade, panel.unsaved, panel.alarm) == ("3", 1, True)
        assert "disk full" in panel.notice
        monkeypatch.undo()
        annotator.save()
        assert annotator.panel().unsaved == 0
        assert annotator.panel().notice == "Everything is saved again."
        save()
        assert len(reads(annotator)) == 1


def test_results_that_changed_are_told_and_do_not_stop_grading(at_work, tmp_path):
    with at_work() as annotator:
        for path in (tmp_path / "data").rglob("study.json"):
            path.write_text("{}")
        assert "was not written by discmri" in annotator.panel().hidden
        assert not annotator.may_see(L1)
        press(annotator, "3")
        assert row(annotator).grade == "3"


def test_the_words_of_the_session_are_the_notice(at_work, monkeypatch):
    with at_work() as annotator:

        def refuse(*_, **__):
            raise SessionError("the store is locked")

        monkeypatch.setattr(annotator.session, "record", refuse)
        press(annotator, "3")
        assert annotator.panel().notice == "the store is locked"
        assert annotator.panel().alarm
