"""The list of a trial: a CSV file in, a :class:`Trial` or everything that is wrong with it out."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from discmri.core.errors import UsageError
from discmri.core.levels import MEASURED_LEVELS, DiscLevel
from discmri.core.text import one_line
from discmri.trial.plan import Scan, Subject, Trial
from discmri.trial.remarks import Remark, Weight, errors

NEEDED = ("subject", "visit", "path")
TIMES = ("date", "week")
COLUMNS = (
    *NEEDED, *TIMES, "treated", "arm", "repeat", "rest_min", "study_uid", "masks", "mask_scheme",
    "lowest_disc",
)  # fmt: skip
"""What a list may say of a scan."""

NONE = ("none", "no", "-", "control")
_WINDOW_WEEKS = 2.0  # between week and date of a visit before it is remarked
_REPEAT_WEEKS = 2.0  # between a scan and its repeat before it is remarked


@dataclass(frozen=True)
class Listing:
    """A list that was read.

    Parameters
    ----------
    trial
        What could be understood of it.
    remarks
        What was noticed.
    """

    trial: Trial
    remarks: tuple[Remark, ...]


def read_trial(path: Path) -> Trial:
    """A trial from its list.

    Parameters
    ----------
    path
        CSV file with the columns of :data:`COLUMNS`.

    Raises
    ------
    UsageError
        Where the list cannot be read or is wrong; it says the first mistake and how many more.
    """
    listing = read_listing(path)
    wrong = errors(listing.remarks)
    if wrong:
        more = f" (and {len(wrong) - 1} more: discmri trial check {path})" if wrong[1:] else ""
        raise UsageError(f"{path}, {wrong[0]}{more}")
    return listing.trial


def read_listing(path: Path) -> Listing:
    """A list with all that is wrong with it.

    Raises
    ------
    UsageError
        Where there is nothing to understand: no text, no scan, or not the columns needed.
    """
    names, rows = _table(path)
    remarks: list[Remark] = []
    scans: list[tuple[Scan, Mapping[str, str]]] = []
    for line, row in rows:
        scan = _scan(row, path.parent, line, remarks)
        if scan is not None:
            scans.append((scan, row))
    remarks += _twice([scan for scan, _ in scans])
    by_subject: dict[str, list[tuple[Scan, Mapping[str, str]]]] = defaultdict(list)
    for scan, cells in scans:
        by_subject[scan.subject].append((scan, cells))
    subjects = []
    for name, own in by_subject.items():
        subject = _subject(name, own, remarks)
        remarks += _visits_of(subject)
        subjects.append(subject)
    unused = tuple(name for name in names if name and name not in COLUMNS)
    if unused:
        text = f"columns that mean nothing here: {', '.join(unused)}"
        remarks.append(Remark(Weight.NOTE, "", text))
    trial = Trial(tuple(subjects), unused)
    remarks += _between(trial)
    return Listing(trial, tuple(remarks))


# ------------------------------------------------------------------ text to cells
def _table(path: Path) -> tuple[tuple[str, ...], list[tuple[int, dict[str, str]]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no UTF-8 text ({error.reason}); save it so") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); name a CSV list") from error
    first = text.splitlines()[0] if text.strip() else ""
    separator = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(), delimiter=separator, strict=True)
    try:
        names = tuple(name.strip().lower() for name in next(reader, []))
        _check_names(names, path, first)
        rows = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                raise UsageError(
                    f"{path}, line {reader.line_num}: {len(cells)} cells came, {len(names)} were "
                    "expected; quote cells that hold the separator"
                )
            known = dict(zip(names, (cell.strip() for cell in cells), strict=True))
            rows.append((reader.line_num, {name: known.get(name, "") for name in COLUMNS}))
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: {error}") from error
    if not rows:
        raise UsageError(f"{path} lists no scan; give one scan a line")
    return names, rows


def _check_names(names: Sequence[str], path: Path, first: str) -> None:
    missing = [name for name in NEEDED if name not in names]
    if not set(TIMES) & set(names):
        missing.append("date or week")
    if missing:
        raise UsageError(
            f"{path} has no column {missing[0]} (its first line is {one_line(first)[:80]!r}); "
            f"name the columns there: {', '.join(COLUMNS)}"
        )
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise UsageError(f"{path} has two columns {twice[0]}; keep one")


# ------------------------------------------------------------------ cells to scans
def _scan(cells: Mapping[str, str], folder: Path, line: int, remarks: list[Remark]) -> Scan | None:
    """One scan; what is wrong with it goes to ``remarks``."""
    before = len(remarks)

    def wrong(text: str) -> None:
        remarks.append(Remark(Weight.ERROR, f"line {line}", text))

    for name in NEEDED:
        if not cells[name]:
            wrong(f"{name} is empty; say which")
    if not cells["date"] and not cells["week"]:
        wrong("neither date nor week is given; give one of them")
    found = {
        "date": _as_date(cells["date"]),
        "week": _as_number(cells["week"]),
        "repeat": _as_count(cells["repeat"] or "1"),
        "rest_min": _as_number(cells["rest_min"], least=0.0),
        "lowest_disc": _as_level(cells["lowest_disc"]),
    }
    for name, expected in _EXPECTED.items():
        if cells[name] and found[name] is None:
            wrong(f"{name} is {one_line(cells[name])!r}; expected {expected}")
    if cells["mask_scheme"] and cells["mask_scheme"] not in _schemes():
        wrong(
            f"mask_scheme is {one_line(cells['mask_scheme'])!r}; expected one of "
            f"{', '.join(_schemes())}"
        )
    if len(remarks) > before:
        return None
    return Scan(
        subject=one_line(cells["subject"]),
        visit=one_line(cells["visit"]),
        path=folder / cells["path"],
        study_uid=cells["study_uid"] or None,
        masks=folder / cells["masks"] if cells["masks"] else None,
        mask_scheme=cells["mask_scheme"] or None,
        line=line,
        **found,  # type: ignore[arg-type]
    )


_LEVELS = ", ".join(level.value for level in MEASURED_LEVELS)
_EXPECTED = {
    "date": "a day such as 2026-03-31",
    "week": "a number such as 12 (0 or below before treatment)",
    "repeat": "1 for the scan of the visit, 2 and up for its repeats",
    "rest_min": "minutes, 0 or more",
    "lowest_disc": f"one of {_LEVELS}, S1-S2 (a residual disc in the sacrum)",
}


def _schemes() -> Sequence[str]:
    from discmri.measurement.segment.schemes import SCHEMES

    return tuple(SCHEMES)


def _as_date(text: str) -> date | None:
    for form in ("%Y-%m-%d", "%Y%m%d"):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None


def _as_number(text: str, least: float = -math.inf) -> float | None:
    value = float(text) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) else None
    return None if value is None or value < least else value


def _as_count(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[1-9][0-9]?", text) else None


def _as_level(text: str) -> DiscLevel | None:
    try:
        return DiscLevel(_tidy(text))
    except ValueError:
        return None


def _tidy(text: str) -> str:
    """A level as people write it in the notation of this package.

    >>> _tidy("l4/l5"), _tidy("L5/S1"), _tidy("L4-5"), _tidy("L5–S1"), _tidy("S1-2")
    ('L4-L5', 'L5-S1', 'L4-L5', 'L5-S1', 'S1-S2')
    """
    text = re.sub(r"[/–_]", "-", text.strip().upper())
    return re.sub(r"^([LTS])([0-9]+)-([0-9]+)$", r"\1\2-\1\3", text)


# ------------------------------------------------------------------ scans to subjects
def _subject(
    name: str, own: Sequence[tuple[Scan, Mapping[str, str]]], remarks: list[Remark]
) -> Subject:
    """Treated discs and arm may stand in one line of the subject or in all, never two ways."""
    said: dict[str, dict[str, int]] = {"treated": {}, "arm": {}}
    for scan, cells in own:
        for column, ways in said.items():
            if cells[column]:
                ways.setdefault(one_line(cells[column]), scan.line)
    for column, ways in said.items():
        if len(ways) > 1:
            listed = " and ".join(f"{way!r} (line {line})" for way, line in ways.items())
            text = f"{column} is {listed}; a subject has one"
            remarks.append(Remark(Weight.ERROR, f"subject {name}", text))
    treated = _treated(next(iter(said["treated"]), ""), name, remarks)
    scans = sorted((scan for scan, _ in own), key=lambda one: (*one.moment, one.repeat))
    return Subject(name, tuple(scans), treated, next(iter(said["arm"]), ""))


def _treated(text: str, name: str, remarks: list[Remark]) -> tuple[DiscLevel, ...]:
    if text.lower() in NONE:
        return ()
    levels = []
    for part in re.split(r"[;,+\s]+", text):
        level = _as_level(part)
        if part and (level is None or not level.is_measured):
            what = f"no disc is called {part!r}" if level is None else f"{part!r} is not measured"
            wrong = f"{what} (column treated); expected {_LEVELS} or none"
            remarks.append(Remark(Weight.ERROR, f"subject {name}", wrong))
        elif level is not None:
            levels.append(level)
    return tuple(dict.fromkeys(levels))


def _visits_of(subject: Subject) -> Iterator[Remark]:
    where = f"subject {subject.name}"
    if len({scan.visit for scan in subject.first_scans}) < 2:
        text = "has one visit only, so that no change can be measured"
        yield Remark(Weight.WARNING, where, text)
    for scan in subject.scans:
        alone = not any(o.visit == scan.visit and o.repeat == 1 for o in subject.scans)
        if scan.repeat > 1 and alone:
            text = f"repeat {scan.repeat} of {scan.visit} has no scan with repeat 1"
            yield Remark(Weight.ERROR, f"line {scan.line}", f"{text}; give the first one")
    yield from _times_of(subject, where)
    first = subject.scans[0]
    said = [scan for scan in subject.scans if scan.lowest_disc is not None]
    if said and first.lowest_disc is None:
        text = f"lowest_disc stands at {said[0].visit} but not at {first.visit}, whose names the"
        yield Remark(Weight.WARNING, where, f"{text} others get; give it there")
    for scan in subject.first_scans[1:]:
        yield from _out_of_step(first, scan, where)


def _times_of(subject: Subject, where: str) -> Iterator[Remark]:
    """Visits that cannot be put in order, and repeats too late to show noise alone."""
    whole = [
        name for name in TIMES if all(getattr(scan, name) is not None for scan in subject.scans)
    ]
    if not whole:
        text = "some of its scans have only a date, others only a week, so that visits cannot be"
        yield Remark(Weight.ERROR, where, f"{text} put in order; fill one column for all of them")
        return
    seen: dict[tuple[float, float], Scan] = {}
    for scan in subject.first_scans:
        if scan.moment in seen and seen[scan.moment].visit != scan.visit:
            text = f"{seen[scan.moment].visit} and {scan.visit} are at the same time"
            yield Remark(Weight.ERROR, where, f"{text}; correct date or week")
        seen.setdefault(scan.moment, scan)
    first = {scan.visit: scan for scan in subject.first_scans}
    for scan in subject.scans:
        if scan.repeat > 1 and scan.visit in first:
            weeks = _weeks_between(first[scan.visit], scan)
            if abs(weeks) > _REPEAT_WEEKS:
                text = f"is {abs(weeks):.1f} weeks from the scan it repeats: a true change would"
                yield Remark(Weight.WARNING, scan.name, f"{text} count as noise")


def _weeks_between(first: Scan, later: Scan) -> float:
    if first.date is not None and later.date is not None:
        return (later.date - first.date).days / 7
    return later.moment[0] - first.moment[0]


def _out_of_step(first: Scan, scan: Scan, where: str) -> Iterator[Remark]:
    """Week and date that do not tell the same time."""
    if first.date is None or scan.date is None or first.week is None or scan.week is None:
        return
    days = (scan.date - first.date).days
    weeks = scan.week - first.week
    if abs(days / 7 - weeks) > _WINDOW_WEEKS:
        text = (
            f"{scan.visit} is {weeks:g} weeks after {first.visit} by week and "
            f"{days / 7:.1f} by date; correct one"
        )
        yield Remark(Weight.WARNING, where, text)


def _twice(scans: Sequence[Scan]) -> Iterator[Remark]:
    seen: dict[object, Scan] = {}
    for scan in scans:
        place = scan.path.resolve(), scan.study_uid
        for key, what in (
            (scan.name, f"{scan.name} is listed twice; number scans of one visit in repeat"),
            (place, f"{scan.path} is listed twice; every scan has a study of its own"),
        ):
            if key in seen:
                text = f"{what} (see line {seen[key].line})"
                yield Remark(Weight.ERROR, f"line {scan.line}", text)
            seen.setdefault(key, scan)


# ------------------------------------------------------------------ between subjects
def _between(trial: Trial) -> Iterator[Remark]:
    if not trial.subjects:
        return
    usual = trial.visits
    starts = Counter(subject.baseline.visit for subject in trial.subjects if subject.first_scans)
    for subject in trial.subjects:
        where = f"subject {subject.name}"
        own = [scan.visit for scan in subject.first_scans]
        missing = [visit for visit in usual if visit not in own]
        if missing:
            text = f"has no scan at {', '.join(missing)}, which other subjects have"
            yield Remark(Weight.WARNING, where, text)
        if own and own[0] != starts.most_common(1)[0][0]:
            text = (
                f"starts with {own[0]}, most others with {starts.most_common(1)[0][0]}: its "
                "changes are not counted in pooled tables"
            )
            yield Remark(Weight.WARNING, where, text)
        in_order = [visit for visit in usual if visit in own]
        if own != in_order and len(set(own)) == len(own):  # one listed twice has been said
            text = f"has its visits in the order {', '.join(own)}, others {', '.join(in_order)}"
            yield Remark(Weight.ERROR, where, f"{text}; correct date or week")
    if not any(subject.treated for subject in trial.subjects):
        text = "no treated disc is named (column treated): treated and untreated discs are not told apart"
        yield Remark(Weight.WARNING, "", text)
    arms = Counter(subject.arm for subject in trial.subjects)
    if "" in arms and len(arms) > 1:
        who = ", ".join(one.name for one in trial.subjects if not one.arm)
        yield Remark(Weight.ERROR, "", f"no arm is given for {who}; give it to all or to none")
