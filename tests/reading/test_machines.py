"""One reader at two machines: a lease, and nothing that wins because it came last."""

from __future__ import annotations

import pytest
from tests.reading.builder import LEVELS

from discmri import reading
from discmri.core.errors import ConflictError, NotSavedYetError, UsageError
from discmri.core.levels import DiscLevel
from discmri.reading import DiscState, Grade, Mode, Store, lease
from discmri.reading.database import UnavailableError, transaction
from discmri.reading.entry import EntryKind

L1, L2, *_ = LEVELS


@pytest.fixture
def machine(plan, monkeypatch, tmp_path):
    """A function: the session as the reader ann opens it at a named machine."""
    path = plan(Mode.OPEN)
    opened = []

    def open_at(name, reader="ann", **options):
        monkeypatch.setattr(lease.platform, "node", lambda: name)
        monkeypatch.setattr("discmri.reading.journal._folder", lambda _: tmp_path / name)
        opened.append(reading.open_session(path, reader, **options))
        return opened[-1]

    open_at.path = path
    yield open_at
    for session in opened:
        session.close()


@pytest.fixture
def failing(monkeypatch):
    """A switch: while it is on, entries cannot be written."""
    state = {"on": False}
    real = Store.append

    def append(self, one):
        if state["on"]:
            raise UnavailableError("no connection")
        return real(self, one)

    monkeypatch.setattr(Store, "append", append)
    return state


def expire(session, seconds):
    with transaction(session.store.engine, writes=True) as connection:
        connection.exec_driver_sql(f"UPDATE leases SET expires_s = expires_s - {seconds}")


def test_a_second_machine_is_refused_until_the_first_is_closed(machine):
    first = machine("desk")
    with pytest.raises(UsageError, match=r"ann has the session open on desk; .*15 minutes"):
        machine("home")
    machine("home", reader="ben")
    first.close()
    machine("home")


@pytest.mark.parametrize(("seconds", "free"), [(lease.LEASE_S - 30, False), (lease.LEASE_S, True)])
def test_a_lease_expires_and_is_renewed_with_a_row(machine, seconds, free):
    first = machine("desk")
    expire(first, seconds)
    if free:
        machine("home")
        return
    with pytest.raises(UsageError, match="open on desk"):
        machine("home")
    first.record(first.cases[0].item, L1, Grade(3))
    expire(first, seconds)
    with pytest.raises(UsageError, match="open on desk"):
        machine("home")


def test_the_same_machine_need_not_wait_after_a_crash(machine):
    first = machine("desk")
    first._outbox.close()  # as the end of a process does; the lease stays
    with pytest.raises(UsageError, match="desk"):
        machine("home")
    again = machine("desk")
    again.record(again.cases[0].item, L1, Grade(5))
    assert [entry.kind for entry in again.store.entries("ann")] == [EntryKind.READ]


def test_whoever_was_taken_over_is_told_and_records_no_more(machine):
    first = machine("desk")
    item = first.cases[0].item
    second = machine("home", take_over=True)
    second.record(item, L1, Grade(5))
    first.record(item, L2, Grade(2))  # what was entered is never thrown away
    with pytest.raises(UsageError, match="opened the session on home; nothing was recorded"):
        first.record(item, L1, Grade(3))
    kinds = [entry.kind for entry in second.store.entries("ann")]
    assert kinds == [EntryKind.READ, EntryKind.READ]


def test_a_late_grade_is_a_visible_conflict_and_never_wins(machine, failing):
    first = machine("desk")
    item = first.cases[0].item
    failing["on"] = True
    with pytest.raises(NotSavedYetError):
        first.record(item, L1, Grade(3))
    with pytest.raises(NotSavedYetError):
        first.record(item, L1, Grade(2), reason="darker")
    first.close()
    failing["on"] = False
    with machine("home") as second:
        second.record(item, L1, Grade(5))
    again = machine("desk")
    disc = again.case(item).disc(L1)
    assert (disc.read.judgement, disc.conflicts) == (Grade(5), (Grade(3), Grade(2)))
    assert disc.state is DiscState.OPEN
    assert again.next_case().item == item
    assert "L1-L2 was graded 5 on another machine; 3 of" in again.notices[0]
    one = reading.progress_of(again.store).readers[0]
    assert (one.discs_done, one.conflicts, one.waiting) == (0, 2, 0)
    assert reading.verify(again.store).sound
    with pytest.raises(UsageError, match="also has a judgement from another machine"):
        again.record(item, L1, Grade(5))
    disc = again.record(item, L1, Grade(3), reason="looked at both")
    assert (disc.read.judgement, disc.conflicts, disc.state) == (Grade(3), (), DiscState.DONE)
    assert reading.progress_of(again.store).readers[0].conflicts == 0


def test_a_grade_on_a_disc_that_was_graded_elsewhere_is_told_at_once(machine):
    first = machine("desk")
    item = first.cases[0].item
    machine("home", take_over=True).record(item, L1, Grade(5))
    with pytest.raises(ConflictError, match=r"graded 5 on another machine; 3 of .* not used"):
        first.record(item, L1, Grade(3))
    assert first.case(item).disc(L1).read.judgement == Grade(5)


def test_who_does_not_know_of_a_conflict_does_not_settle_it(machine, failing):
    first = machine("desk")
    item = first.cases[0].item
    failing["on"] = True
    with pytest.raises(NotSavedYetError):
        first.record(item, L1, Grade(3))
    failing["on"] = False
    second = machine("home", take_over=True)
    second.record(item, L1, Grade(5))
    with pytest.raises(ConflictError):
        first.save()
    second.record(item, L1, Grade(4), reason="looked again")
    second.close()
    view = machine("home").case(item).disc(L1)
    assert (view.read.judgement, view.conflicts) == (Grade(4), (Grade(3),))


@pytest.mark.parametrize("kind", ["edit", "numbering"])
def test_edits_and_names_do_not_overwrite_either(machine, kind):
    first = machine("desk")
    item = first.cases[0].item
    second = machine("home", take_over=True)
    if kind == "edit":
        second.edit_label(item, L1, {"height_mm": 9.0}, "leak")
        with pytest.raises(ConflictError, match=r"label edit of .* is not used"):
            first.edit_label(item, L1, {"height_mm": 8.0}, "leak")
        assert first.case(item).disc(L1).edit.edited == {"height_mm": 9.0}
    else:
        second.number(item, DiscLevel.L4_L5, "rib")
        with pytest.raises(ConflictError, match=r"numbering of .* is not used"):
            first.number(item, DiscLevel.L6_S1, "rib")
        assert first.case(item).lowest is DiscLevel.L4_L5
    assert len(first.notices) == 1


def test_what_follows_its_own_rows_is_no_conflict(machine, failing):
    session = machine("desk")
    item = session.cases[0].item
    failing["on"] = True
    for grade, reason in ((3, ""), (4, "a"), (5, "b")):
        with pytest.raises(NotSavedYetError):
            session.record(item, L1, Grade(grade), reason=reason)
    with pytest.raises(NotSavedYetError):
        session.undo()
    with pytest.raises(NotSavedYetError):
        session.record(item, L1, Grade(1), reason="c")
    failing["on"] = False
    session.save()
    assert session.notices == ()
    assert session.case(item).disc(L1).read.judgement == Grade(1)
