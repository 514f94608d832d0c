"""What each key does, without a viewer."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest

from discmri.core.errors import NotSavedYetError, SessionError
from discmri.core.levels import DiscLevel
from discmri.napari.annotator import REPLACED, SECOND_ENTRY, Annotator
from discmri.reading import Grade, Mode, open_session

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
    ("keys", "grade"), [("4/7", "4/7"), ("1/6", "1/6"), ("5/8", "8"), ("3/8", "3/8"), ("7", "7")]
)
def test_a_slash_and_a_second_digit_add_the_collapse(at_work, keys, grade):
    with at_work() as annotator:
        press(annotator, *keys)
        assert row(annotator).grade == grade
        assert annotator.question is None
        assert [e.content["reason"] for e in reads(annotator)[1:]] == [SECOND_ENTRY] * (
            len(keys) // 2
        )


def test_a_second_digit_alone_replaces_and_says_so(at_work):
    with at_work() as annotator:
        press(annotator, "4", "7")
        assert row(annotator).grade == "7", "never 4/7 without a slash"
        panel = annotator.panel()
        assert panel.notice == "L1-L2: 7 replaces 4. A double grade is 4, then /, then 7."
        assert panel.alarm
        press(annotator, "2")
        assert annotator.panel().notice == "L1-L2: 2 replaces 7."
        assert [e.content["reason"] for e in reads(annotator)] == ["", REPLACED, REPLACED]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("/", "Enter the signal grade first"),
        ("4/", "L1-L2: 4/… Now 6, 7 or 8."),
        ("4/3", "3 is not a collapse grade; enter 6, 7 or 8 after /. L1-L2 is still 4."),
        ("4/7/7", "L1-L2 is 4/7 already."),
    ],
)
def test_a_slash_says_what_it_waits_for(at_work, keys, told):
    with at_work() as annotator:
        press(annotator, *keys)
        assert told in annotator.panel().notice


@pytest.mark.parametrize("between", ["down", "c", "/"])
def test_another_key_ends_the_wait_for_a_collapse(at_work, between):
    with at_work() as annotator:
        press(annotator, "4", "/")
        if between == "down":
            press(annotator, "down", "7")
            assert [one.grade for one in annotator.panel().rows][:2] == ["4", "7"]
        elif between == "c":
            press(annotator, "c")
            annotator.cancel()
            press(annotator, "7")
            assert annotator.question.text == "L1-L2 was 4. Reason for 7:"
        else:
            press(annotator, "/", "8")
            assert row(annotator).grade == "4/8"


@pytest.mark.parametrize("between", [("down", "up"), ("c", "escape")])
def test_after_leaving_the_disc_a_digit_is_a_change(at_work, between):
    with at_work() as annotator:
        press(annotator, "4")
        for key in between:
            annotator.cancel() if key == "escape" else annotator.press(key)
        press(annotator, "7")
        assert annotator.question.text == "L1-L2 was 4. Reason for 7:"
        annotator.cancel()
        assert row(annotator).grade == "4"


def test_what_is_recorded_is_told_in_large(plan):
    large = []
    with open_session(plan(Mode.OPEN), "ann") as session:
        press(Annotator(session, large.append), "4", "/", "7", "u")
    assert large == ["L1-L2  4", "L1-L2  4/…", "L1-L2  4/7", "L1-L2  4"]


@pytest.mark.parametrize("said", ["   ", "5", "no", "7 8 9", "a b c"])
def test_a_change_needs_a_word(at_work, said):
    with at_work() as annotator:
        press(annotator, "3", "down", "up", "2")
        annotator.answer(said)
        assert annotator.question is not None
        assert annotator.panel().alarm
        annotator.answer("fat")
        assert row(annotator).grade == "2"
        press(annotator, "/", "7")  # the collapse still belongs to this entry and its reason
        assert row(annotator).grade == "2/7"
        assert reads(annotator)[-1].content["reason"] == "fat"


def test_collapse_added_later_is_a_change_to_a_double_entry(at_work):
    with at_work() as annotator:
        press(annotator, "4", "down", "up", "4")
        assert annotator.panel().notice == "L1-L2 is 4 already."
        assert len(reads(annotator)) == 1
        press(annotator, "/", "7")
        assert annotator.question.text == "L1-L2 was 4. Reason for 4/7:"
        annotator.answer("measured it against L3-L4")
        assert row(annotator).grade == "4/7"


def test_undo_says_what_it_took_back_and_what_stands_now(at_work):
    with at_work() as annotator:
        press(annotator, "4", "/", "7", "u")
        assert annotator.panel().notice == "4/7 was taken back: L1-L2 is 4 again."
        press(annotator, "c")
        annotator.answer("Schmorl's node")
        press(annotator, "u")
        assert annotator.panel().notice == "The comment was taken back: L1-L2 stays 4."
        press(annotator, "u")
        assert annotator.panel().notice == "4 was taken back: L1-L2 has no grade now."


def test_a_conflict_with_another_machine_is_shown_and_settled_with_a_reason(at_work, monkeypatch):
    with at_work() as annotator:
        press(annotator, "4")
        session, case = annotator.session, annotator.session.case
        other = (Grade(2),)

        def conflicting(item):
            view = case(item)
            discs = tuple(replace(d, conflicts=other) if d.key is L1 else d for d in view.discs)
            return replace(view, discs=discs)

        monkeypatch.setattr(session, "case", conflicting)
        assert "elsewhere: 2" in row(annotator).state
        press(annotator, "4")
        assert "on another machine (2). Reason for 4:" in annotator.question.text


def test_keys_that_record_are_known(at_work):
    with at_work(Mode.LOCKED) as annotator:
        assert all(map(annotator.records, "18/nucr"))
        assert not any(map(annotator.records, ("up", "page down", "h", "enter")))
        press(annotator, "3")
        assert annotator.records("enter"), "it reveals"


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
        assert annotator.panel().notice == "2 was taken back: L2-L3 has no grade now."
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
        assert "No more discs" in annotator.panel().notice
        press(annotator, "down", "down")
        assert annotator.panel().current == 2
        press(annotator, "page up")
        assert "no more cases" in annotator.panel().notice
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
        assert annotator.panel().notice == "All discs of this session are done."


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
        assert "no grade yet" in annotator.panel().notice
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
        assert "Reason for 7:" in annotator.question.text, "no second entry after the reveal"
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
        assert panel.hidden == "Measured values are not shown in a blinded session."
        assert "blinded sessions have no reveal" in panel.notice


# ------------------------------------------------------------------ numbering and edits
def test_names_move_down_and_back_with_their_grades(at_work):
    with at_work() as annotator:
        press(annotator, "4", "names down")
        assert annotator.question.text == "L5-S1 becomes S1-S2, the others follow. Reason:"
        annotator.answer("a remnant")
        press(annotator, "names down")
        assert annotator.question.text == "S1-S2 becomes L6-S1, the others follow. Reason:"
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
        assert annotator.question.text == "S1-S2 becomes L5-S1, the others follow. Reason:"
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
        assert annotator.panel().notice == "All entries are saved."
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


# ------------------------------------------------------------------ postponed, and the worklist
def test_a_postponed_disc_is_left_and_comes_again_last(at_work):
    with at_work() as annotator:
        press(annotator, "l")
        assert annotator.key is not L1
        assert annotator.panel().notice == "L1-L2 is postponed to the end."
        assert annotator.panel().rows[0].state == "postponed"
        discs = sum(len(case.discs) for case in annotator.session.cases)
        for _ in range(discs - 1):
            assert annotator.panel().rows[0].grade == "" or annotator.item != annotator.items[0]
            press(annotator, "3", "enter")
        assert (annotator.item, annotator.key) == (annotator.items[0], L1)
        press(annotator, "3", "enter")
        assert annotator.panel().notice == "All discs of this session are done."


def test_the_worklist_filters_and_leads_to_a_disc(at_work):
    with at_work() as annotator:
        press(annotator, "3", "c")
        annotator.answer("Schmorl node")
        press(annotator, "down", "l")
        commented, postponed = (annotator.worklist(one) for one in ("commented", "postponed"))
        assert [one.text for one in commented] == ["1 · L1-L2 · 3 · Schmorl node"]
        assert [one.text for one in postponed] == ["1 · L2-L3 · not read · postponed"]
        everything = annotator.worklist("all discs")
        assert len(annotator.worklist("not read")) == len(everything) - 1
        annotator.go_to(everything[-1].item, everything[-1].key)
        assert (annotator.item, annotator.key) == (annotator.items[-1], L5)


def test_a_read_records_how_it_was_seen_and_for_how_long(plan, monkeypatch):
    clock = iter((100.0, 107.5))
    monkeypatch.setattr("discmri.napari.annotator.monotonic", lambda: next(clock))
    with open_session(plan(Mode.OPEN), "ann") as session:
        annotator = Annotator(session, viewing=lambda: {"framing": "disc"})
        annotator.press("3")
        read = session.case(annotator.item).disc(L1).read
        assert read.viewing == {"framing": "disc", "seconds": 7.5}
