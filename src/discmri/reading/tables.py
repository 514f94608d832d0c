"""Tables of a session for statistics, with visits as keys."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import discmri
from discmri.agreement.ratings import ReaderRole
from discmri.core.files import atomic_folder, resolved
from discmri.core.levels import DiscLevel
from discmri.reading.adjudication import histories
from discmri.reading.entry import SessionEntry, canonical
from discmri.reading.history import DiscHistory, History, Read, counted, names
from discmri.reading.judgement import Judgement, NotEvaluable
from discmri.reading.objects import write_objects
from discmri.reading.plan import Case, Mode, Plan, occasion_of, to_content
from discmri.reading.store import Store
from discmri.reading.verification import Verification, verified_entries
from discmri.results.export.csv_wide import Cells, cell, write_table
from discmri.results.jsonable import dumps

_log = logging.getLogger(__name__)

VISIT = ("subject_id", "study_date", "study_uid", "level_automatic")
"""Key of a row: the visit and the automatic level of the disc."""

_LONG = (
    *VISIT, "level", "reader", "role", "occasion", "mode", "grade", "grade_ordinal",
    "grade_signal", "grade_collapse", "not_evaluable", "comment", "grade_before_reveal", "reason",
    "corrections", "read_at", "software", "suggested_grade", "input_sha256", "seconds",
    "viewing",
)  # fmt: skip
_EDITS = (
    *VISIT, "level", "reader", "occasion", "parameter", "automatic", "edited", "reason",
    "edited_at", "labels_sha256",
)  # fmt: skip
_NUMBERING = (*VISIT[:3], "reader", "occasion", "lowest_automatic", "lowest")


def export_session(
    store: Store,
    folder: Path,
    overwrite: bool = False,
    anyway: bool = False,
    images: Path | None = None,
) -> Verification:
    """Write the tables of a session into a folder atomically.

    ``reads_long.csv`` has one row per reader, disc and presentation, ``reads_wide.csv`` one per disc
    of a visit, ``label_edits.csv`` one per value of an edited label, and ``numbering.csv`` one per
    case that a reader renumbered.  ``session.json`` has the plan and the head of the chain.

    Parameters
    ----------
    store
        The session.
    folder
        Output folder.
    overwrite
        Replace the files of an earlier export.
    anyway
        Export the session even if verification fails.
    images
        Folder of results and images, to write DICOM objects as well (``dicom/``); see
        :func:`discmri.reading.opening.data_root`.

    Returns
    -------
    Verification
        Result of :func:`discmri.reading.verify`.

    Raises
    ------
    SessionError
        If verification fails without ``anyway``.
    UsageError
        If the folder exists without ``overwrite`` or cannot be written.

    Examples
    --------
    >>> export_session(Store.open("lumbar.session"), Path("tables")).sound  # doctest: +SKIP
    True
    """
    verified = verified_entries(store, anyway)
    plan, entries, verdict = verified.plan, verified.entries, verified.verification
    with atomic_folder(resolved(folder), overwrite) as fresh:
        write_table(fresh / "reads_long.csv", _LONG, _cells(long_rows(plan, entries), _LONG))
        wide = list(wide_rows(plan, entries))
        columns = list(dict.fromkeys(column for row in wide for column in row))
        header = [cell(column) for column in columns]
        write_table(fresh / "reads_wide.csv", header, _cells(wide, columns))
        write_table(fresh / "label_edits.csv", _EDITS, _cells(edit_rows(plan, entries), _EDITS))
        numbering = _cells(numbering_rows(plan, entries), _NUMBERING)
        write_table(fresh / "numbering.csv", _NUMBERING, numbering)
        if images is not None:
            for notice in write_objects(plan, long_rows(plan, entries), images, fresh / "dicom"):
                _log.warning("%s", notice)
        (fresh / "session.json").write_text(dumps(_account(plan, verdict)), encoding="utf-8")
    return verdict


def long_rows(plan: Plan, entries: Iterable[SessionEntry]) -> list[Cells]:
    """One row per read: reader, disc and presentation; sorted by visit and level."""
    return sorted((row for _, row in _reads(plan, entries)), key=_by_visit)


def _reads(plan: Plan, entries: Iterable[SessionEntry]) -> Iterator[tuple[int, Cells]]:
    """Position of each valid read, and its row of the long table."""
    for reader, item, case, known in _showings(plan, entries):
        names_of = counted if reader in plan.readers else names  # decisions are always used
        called = names_of(case, known.lowest.get(item))
        for disc in case.all_discs:
            found = known.of(item, disc.level)
            if found.last is None or disc.level not in called:
                continue
            yield (
                found.last.seq,
                _key(case, disc.level)
                | {
                    "level": called[disc.level].value,
                    "reader": reader,
                    "role": (
                        ReaderRole.READER if reader in plan.readers else ReaderRole.ADJUDICATOR
                    ).value,
                    "occasion": occasion_of(item),
                    "mode": plan.mode.value,
                    **_judgement(found.last.judgement),
                    "comment": found.last.comment,
                    "grade_before_reveal": _before(found, plan.mode),
                    "reason": found.last.reason,
                    "corrections": sum(bool(read.reason) for read in found.reads),
                    "read_at": found.last.at,
                    "software": found.last.software,
                    "suggested_grade": disc.suggested_grade,
                    "input_sha256": case.input_sha256,
                    **_viewing(found.last),
                },
            )


def _viewing(read: Read) -> Cells:
    """Viewing time of the disc before the read, and display settings."""
    shown = {name: value for name, value in read.viewing.items() if name != "seconds"}
    return {
        "seconds": read.viewing.get("seconds"),
        "viewing": canonical(shown) if shown else None,
    }


def wide_rows(plan: Plan, entries: Iterable[SessionEntry]) -> Iterator[Cells]:
    """One row per disc of a visit, with a column per reader, per repeat, and for the decision."""
    read: dict[tuple[object, ...], Cells] = {}
    for _, row in sorted(_reads(plan, entries), key=lambda one: one[0]):  # the last row is used
        shown = row["grade"] or "not evaluable"
        column = f"grade_{row['reader']}" if row["reader"] in plan.readers else "grade_adjudicated"
        column += "_repeat" if row["occasion"] == 2 else ""
        read.setdefault(tuple(row[name] for name in VISIT), {})[column] = shown
    columns = [f"grade_{reader}" for reader in plan.readers]
    if any(showing.occasion == 2 for one in plan.sequences.values() for showing in one):
        columns += [f"{column}_repeat" for column in columns]
    columns.append("grade_adjudicated")
    for case in sorted(plan.cases, key=lambda case: case.visit):
        for disc in case.all_discs:
            key = _key(case, disc.level)
            given = read.get(tuple(key.values()), {})
            if not (disc.level.is_measured or given):
                continue
            yield (
                key
                | {"suggested_grade": disc.suggested_grade}
                | {column: given.get(column) for column in columns}
            )


def edit_rows(plan: Plan, entries: Iterable[SessionEntry]) -> list[Cells]:
    """One row per value of the last label edits, sorted by visit and level."""
    rows = []
    for reader, item, case, known in _showings(plan, entries):
        called = counted(case, known.lowest.get(item))
        for disc, level in called.items():
            for edit in known.of(item, disc).edits[-1:]:
                rows += [
                    _key(case, disc)
                    | {
                        "level": level.value,
                        "reader": reader,
                        "occasion": occasion_of(item),
                        "parameter": parameter,
                        "automatic": edit.automatic.get(parameter),
                        "edited": edited,
                        "reason": edit.reason,
                        "edited_at": edit.at,
                        "labels_sha256": edit.attachment_sha256,
                    }
                    for parameter, edited in edit.edited.items()
                ]
    return sorted(rows, key=_by_visit)


def numbering_rows(plan: Plan, entries: Iterable[SessionEntry]) -> list[Cells]:
    """One row per case that a reader renumbered, sorted by visit."""
    rows: list[Cells] = []
    for reader, item, case, known in _showings(plan, entries):
        if item in known.lowest:
            lowest = case.all_discs[-1].level
            rows.append(
                dict(list(_key(case, lowest).items())[:3])
                | {
                    "reader": reader,
                    "occasion": occasion_of(item),
                    "lowest_automatic": lowest.value,
                    "lowest": known.lowest[item].value,
                }
            )
    return sorted(rows, key=lambda row: [str(row[name]) for name in (*VISIT[:3], "reader")])


def _showings(
    plan: Plan, entries: Iterable[SessionEntry]
) -> Iterator[tuple[str, str, Case, History]]:
    """Presentations to all readers and adjudicators: name, item, case and history."""
    known = histories(entry for entry in entries if entry.row["item"])
    for name in (*plan.readers, *(one for one in sorted(known) if one not in plan.readers)):
        for showing in plan.showings(name):
            yield name, showing.item, plan.case(showing.case), known.get(name, History())


def _key(case: Case, level: DiscLevel) -> Cells:
    return {
        "subject_id": case.subject_id,
        "study_date": case.study_date,
        "study_uid": case.study_uid,
        "level_automatic": level.value,
    }


_RANK = {level.value: n for n, level in enumerate(DiscLevel)}


def _by_visit(row: Cells) -> tuple[object, ...]:
    visit = tuple(str(row[name]) for name in VISIT[:3])
    return (*visit, _RANK[str(row["level_automatic"])], str(row["reader"]), row["occasion"])


def _judgement(judgement: Judgement) -> Cells:
    if isinstance(judgement, NotEvaluable):
        return {"grade": None, "not_evaluable": judgement.reason}
    return {
        "grade": str(judgement),
        "grade_ordinal": judgement.ordinal,
        "grade_signal": judgement.signal,
        "grade_collapse": judgement.collapse,
    }


def _before(found: DiscHistory, mode: Mode) -> str | None:
    """In a locked session, the judgement before the measured values were shown."""
    before: Read | None = found.before_reveal
    return None if mode is not Mode.LOCKED or before is None else str(before.judgement)


def _cells(rows: Iterable[Cells], columns: Sequence[str]) -> Iterator[list[str]]:
    for row in rows:
        yield [cell(row.get(column)) for column in columns]


def _account(plan: Plan, verdict: Verification) -> Cells:
    """The plan without the reading orders, and the result of verification."""
    names = ("session_id", "title", "mode", "order", "seed", "repeats", "readers")
    content = to_content(plan)
    return {
        "schema": "discmri-session-1",
        **{name: content[name] for name in names},
        "cases": len(plan.cases),
        "discs": sum(len(case.discs) for case in plan.cases),
        "head": str(verdict.head),
        "problems": [problem.text for problem in verdict.problems],
        "software": discmri.__version__,
    }
