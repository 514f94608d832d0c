"""No given grade is lost: crashes, full disks, and what the journal does about them."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reading.builder import GRADE_EVERYTHING, LEVELS, reader_process

from discmri import reading
from discmri.core.errors import NotSavedYetError, UsageError
from discmri.reading import Grade, Store, database
from discmri.reading import journal as module
from discmri.reading.database import UnavailableError
from discmri.reading.entry import Draft, EntryKind
from discmri.reading.journal import RESERVED_BYTES, Journal, read_journal
from discmri.reading.store import Head

L1, L2, L3, *_ = LEVELS


def draft(text="", attachment=None) -> Draft:
    return Draft(
        EntryKind.READ,
        "ann",
        "open",
        "c1.1",
        "L4-L5",
        ("images",),
        "ab",
        {"comment": text},
        attachment,
    )


# ------------------------------------------------------------------ the file
@settings(max_examples=40)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5), st.binary())
def test_what_is_written_down_is_read_again(tmp_path_factory, texts, data):
    path = tmp_path_factory.mktemp("j") / "x.journal"
    drafts = [draft(text, data) for text in texts]
    with Journal(path) as journal:
        for one in drafts:
            journal.add(one)
    with Journal(path) as journal:
        assert journal.pending == drafts
        journal.settle(Head(3, "c" * 64))
    with Journal(path) as journal:
        assert journal.pending == []
        assert journal.receipt == Head(3, "c" * 64)


def test_its_space_is_taken_beforehand(tmp_path):
    path = tmp_path / "x.journal"
    with Journal(path) as journal:
        assert path.stat().st_size == RESERVED_BYTES
        journal.add(draft("x" * 1000))
        assert path.stat().st_size == RESERVED_BYTES
        journal.add(draft("x" * 2 * RESERVED_BYTES))
        journal.settle(Head(2, "c" * 64))
    assert read_journal(path).pending == []


@pytest.mark.parametrize("cut", [2, 10, 60, 200])
def test_a_line_cut_off_by_a_power_cut_harms_no_other(tmp_path, cut):
    path = tmp_path / "x.journal"
    with Journal(path) as journal:
        journal.add(draft("first"))
        start = journal._end
        journal.add(draft("second"))
        end = journal._end
    data = bytearray(path.read_bytes())
    data[end - cut : end] = b"\n" * cut
    path.write_bytes(data)
    with Journal(path) as journal:
        assert [one.content["comment"] for one in journal.pending] == ["first"]
        journal.add(draft("third"))
    assert [one.content["comment"] for one in read_journal(path).pending] == ["first", "third"]
    path.write_bytes(bytes(data[: start + 20]))
    with Journal(path) as journal:
        journal.add(draft("fourth"))
    assert [one.content["comment"] for one in read_journal(path).pending] == ["first", "fourth"]


def test_no_flipped_bit_loses_a_waiting_entry_in_silence(tmp_path):
    path = tmp_path / "x.journal"
    with Journal(path) as journal:
        journal.settle(Head(3, "c" * 64))
        for text in ("first", "second"):
            journal.add(draft(text))
        end = journal._end
    whole = path.read_bytes()[: end + 2]
    for place in range(end):
        for bit in (0, 4, 7):
            data = bytearray(whole)
            data[place] ^= 1 << bit
            found = module._parsed(bytes(data))
            told = [one.content["comment"] for one in found.pending]
            there = told == ["first", "second"] and found.receipt == Head(3, "c" * 64)
            assert there or found.damaged, (
                place,
                bit,
                bytes(data[max(0, place - 20) : place + 20]),
            )


def test_no_line_cut_off_anywhere_is_called_damaged(tmp_path):
    path = tmp_path / "x.journal"
    with Journal(path) as journal:
        journal.add(draft("first"))
        start = journal._end
        journal.add(draft("second"))
        end = journal._end
    data = path.read_bytes()
    for cut in range(start + 2, end - 1):
        for left in (b"", b"\n" * 9, b"\0" * 9):
            found = module._parsed(data[:cut] + left)
            assert (len(found.pending), found.damaged) == (1, ()), cut


def test_a_damaged_line_is_kept_aside_and_reported(plan, failing, caplog):
    path = plan()
    session = reading.open_session(path, "ann")
    item = session.cases[0].item
    for level in (L1, L2):
        with pytest.raises(NotSavedYetError):
            session.record(item, level, Grade(3), comment="waiting")
    session.close()
    journal = next(path.parent.glob("*.journal"))
    damaged = journal.read_bytes().replace(b"waiting", b"wbiting", 1)
    journal.write_bytes(damaged)
    assert "1 damaged line in" in reading.progress_of(Store.open(path)).readers[0].damage
    failing["on"] = False
    for _ in range(2):  # also when it was opened again
        with reading.open_session(path, "ann") as session:
            assert [session.case(item).disc(one).read is not None for one in (L1, L2)] == [
                False,
                True,
            ]
            assert "1 damaged line in" in session.notices[0]
    assert "1 damaged line in" in caplog.text
    copies = list(path.parent.glob("*.damaged-*"))
    assert [copy.read_bytes() for copy in copies] == [damaged]
    verdict = reading.verify(Store.open(path))
    assert verdict.sound
    assert "may be missing" in verdict.notices[0].text
    copies[0].unlink()
    assert reading.verify(Store.open(path)).notices == ()


def test_a_damaged_line_that_cannot_be_kept_aside_is_not_lost(tmp_path, monkeypatch):
    path = tmp_path / "x.journal"
    with Journal(path) as journal:
        journal.add(draft("first"))
    damaged = path.read_bytes().replace(b"first", b"farst")
    path.write_bytes(damaged)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(UsageError, match="cannot be copied"):
        Journal(path)
    assert path.read_bytes() == damaged


def test_lines_of_the_earlier_format_are_read(tmp_path):
    path = tmp_path / "x.journal"
    with Journal(path) as journal:
        journal.add(draft("first"))
    line = path.read_bytes().strip()
    old = line[:17] + line[line.index(b"{") :]
    assert old != line
    assert [one.content["comment"] for one in module._parsed(old).pending] == ["first"]
    assert module._parsed(old[:-5]).damaged == ()
    assert module._parsed(old.replace(b"first", b"farst")).damaged != ()


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="make its folder writable"):
        Journal(tmp_path / "file" / "x.journal")
    with pytest.raises(UsageError, match="cannot be read"):
        read_journal(tmp_path / "nowhere")


def test_names_tell_readers_apart(tmp_path, monkeypatch):
    session = tmp_path / "x.session"
    names = {module.journal_path(session, "id", reader) for reader in ("ann", "a/b", "a b", "Änn")}
    assert len(names) == 4
    assert all(path.parent == tmp_path for path in names)
    for path in (*names, module.journal_path(session, "other", "ann")):
        path.write_text("")
    assert set(module.journals(session, "id")) == names
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert module.journal_path(None, "id", "ann").parent == tmp_path / "discmri"


# ------------------------------------------------------------------ a store that fails
@pytest.fixture
def failing(monkeypatch):
    """A switch: while it is on, the store can be read but not written."""
    state = {"on": True}
    real = Store.append

    def append(self, one):
        if state["on"]:
            raise UnavailableError("database or disk is full")
        return real(self, one)

    monkeypatch.setattr(Store, "append", append)
    return state


def test_a_grade_that_cannot_be_saved_counts_and_is_saved_with_the_next(plan, failing):
    path = plan()
    with reading.open_session(path, "ann") as session:
        item = session.cases[0].item
        with pytest.raises(NotSavedYetError, match=r"disk is full\); 1 entry is kept in .*journal"):
            session.record(item, L1, Grade(3))
        assert session.case(item).disc(L1).read.judgement == Grade(3)
        with pytest.raises(NotSavedYetError, match="2 entries are kept"):
            session.record(item, L2, Grade(4))
        assert session.unsaved == 2
        assert reading.progress_of(session.store).readers[0].waiting == 2
        failing["on"] = False
        session.record(item, L3, Grade(5))
        assert session.unsaved == 0
        assert [one.content["grade"] for one in session.store.entries("ann")] == ["3", "4", "5"]
        assert reading.progress_of(session.store).readers[0].waiting == 0


def test_it_is_saved_when_the_session_is_opened_again(plan, failing):
    path = plan()
    session = reading.open_session(path, "ann")
    item = session.cases[0].item
    with pytest.raises(NotSavedYetError):
        session.edit_label(item, L1, {"height_mm": 8.0}, "leak", b"map")
    session.close()
    with reading.open_session(path, "ann") as session:
        assert session.unsaved == 1, "it still cannot be written, and reading goes on"
        assert session.case(item).disc(L1).edit.edited == {"height_mm": 8.0}
    failing["on"] = False
    with reading.open_session(path, "ann") as session:
        assert session.unsaved == 0
        edit = session.case(item).disc(L1).edit
        assert session.store.attachment(edit.attachment_sha256) == b"map"
        assert reading.verify(session.store).sound


def test_a_renamed_session_keeps_its_journal_and_a_new_one_does_not_get_it(plan, failing):
    path = plan()
    session = reading.open_session(path, "ann")
    with pytest.raises(NotSavedYetError):
        session.record(session.cases[0].item, L1, Grade(3))
    session.close()
    failing["on"] = False
    renamed = path.rename(path.with_name("renamed.session"))
    with reading.open_session(plan(), "ann") as other:
        assert other.progress[0] == 0
    with reading.open_session(renamed, "ann") as session:
        assert session.progress[0] == 1


def test_a_journal_that_fails_too_is_said(plan, failing, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with reading.open_session(plan(), "ann") as session:
        item = session.cases[0].item
        with monkeypatch.context() as patch:
            patch.setattr(module, "_write", full)
            with pytest.raises(NotSavedYetError, match="kept in memory only, so do not close"):
                session.record(item, L1, Grade(3))
            failing["on"] = False
            session.save()
        assert session.store.entries("ann")[0].content["grade"] == "3"


def test_sqlite_that_may_not_grow(plan, monkeypatch):
    """The limit of pages is SQLite's own disk full."""
    path = plan()
    limited = {"pages": 0}
    real = database._on_sqlite_connect

    def connect(connection, record):
        real(connection, record)
        if limited["pages"]:
            connection.execute(f"PRAGMA max_page_count={limited['pages']}")

    monkeypatch.setattr(database, "_on_sqlite_connect", connect)
    with reading.open_session(path, "ann") as session:
        limited["pages"] = 1  # as many as it has
        item = session.cases[0].item
        with pytest.raises(NotSavedYetError, match="disk is full"):
            session.edit_label(item, L1, {"height_mm": 8.0}, "leak", os.urandom(100_000))
        limited["pages"] = 0
        session.save()
        assert reading.verify(session.store).sound


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of half a megabyte."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(folder)]
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root may mount a tiny disk")
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a tiny disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(path):
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 1024)


def test_a_full_disk(plan, tiny_disk):
    path = plan(at=tiny_disk / "x.session")
    with reading.open_session(path, "ann") as session:
        item = session.cases[0].item
        session.record(item, L1, Grade(2))
        filler = tiny_disk / "filler"
        fill(filler)
        assert shutil.disk_usage(tiny_disk).free == 0
        with pytest.raises(NotSavedYetError, match=r"is kept in .*\.ann-.*journal"):
            session.record(item, L2, Grade(3))
        session.close()
        pending = read_journal(next(tiny_disk.glob("*.journal"))).pending
        assert [one.content["grade"] for one in pending] == ["3"]
        filler.unlink()
    with reading.open_session(path, "ann") as session:
        assert session.unsaved == 0
        assert [one.content["grade"] for one in session.store.entries("ann")] == ["2", "3"]


# ------------------------------------------------------------------ kill -9
KILLED = -signal.SIGKILL

DIE_BEFORE_THE_STORE = """\
module.Store.append = die
session.record(session.cases[0].item, session.cases[0].discs[0].key, Grade(4, 7))
"""
DIE_AFTER_THE_STORE = """\
module.Journal.settle = die
session.record(session.cases[0].item, session.cases[0].discs[0].key, Grade(4, 7))
"""


@pytest.mark.parametrize("program", [DIE_BEFORE_THE_STORE, DIE_AFTER_THE_STORE])
def test_killed_between_journal_and_store(plan, program):
    path = plan()
    killed = reader_process(path, "ann", program)
    _, error = killed.communicate(timeout=600)
    assert killed.returncode == KILLED, error
    with reading.open_session(path, "ann") as session:
        assert session.cases[0].discs[0].read.judgement == Grade(4, 7)
        assert len(session.store.entries("ann")) == 1
        session.undo()
        with pytest.raises(UsageError, match="nothing to undo"):
            session.undo()
        assert reading.verify(session.store).sound


def test_two_writers_killed_at_any_moment_lose_nothing(plan):
    """Two processes that grade as fast as they can are killed again and again."""
    path, readers = plan(), ("ann", "ben")
    chance, acknowledged = random.Random(1), {name: [] for name in readers}
    for _ in range(4):
        writers = {name: reader_process(path, name, GRADE_EVERYTHING) for name in readers}
        for name, process in writers.items():
            assert process.stdout.readline() == "ready\n", process.stderr.read()
            acknowledged[name].append(process.stdout.readline().strip())
        for process in writers.values():
            time.sleep(chance.uniform(0.0, 0.15))
            process.kill()
        for name, process in writers.items():
            out, _ = process.communicate(timeout=600)
            acknowledged[name] += [line for line in out.split("\n")[:-1] if line]
        for name in readers:
            with reading.open_session(path, name) as session:
                stored = [entry.entry_id for entry in session.store.entries(name)]
                assert set(acknowledged[name]) <= set(stored)
                assert len(stored) == len(set(stored))
                assert reading.verify(session.store).sound
                assert session.progress[0] > 0
    assert all(len(rows) >= 4 for rows in acknowledged.values())
