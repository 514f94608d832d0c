"""Reading and checking the list of a trial, a CSV file."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.core.tables import CellError, Row, Table, read_table
from discmri.core.text import one_line
from discmri.trial.conditions import clock
from discmri.trial.issues import Issue, IssueSeverity, errors
from discmri.trial.plan import RepeatKind, Scan, Subject, Trial

NEEDED = ("subject", "visit", "path")
TIMES = ("date", "week")
COLUMNS = (
    *NEEDED, *TIMES, "treated", "arm", "repeat", "repeat_kind", "rest_min", "rise_time", "study_uid",
    "masks", "mask_scheme", "lowest_disc",
)  # fmt: skip
"""Columns of a list."""

T = TypeVar("T")

NONE = ("none", "no", "-", "control")
_WINDOW_WEEKS = 2.0  # greatest difference of week and date without a warning
_REPEAT_WEEKS = 2.0  # greatest time between a scan and its repeat without a warning


@dataclass(frozen=True)
class Listing:
    """A list that was read.

    Parameters
    ----------
    trial
        The trial, without invalid scans.
    issues
        Errors, warnings and notes.
    """

    trial: Trial
    issues: tuple[Issue, ...]


def read_trial(path: Path) -> Trial:
    """Read a trial from its list.

    Parameters
    ----------
    path
        CSV file with the columns of :data:`COLUMNS`.

    Returns
    -------
    Trial
        Subjects with their scans.

    Raises
    ------
    UsageError
        If the list cannot be read or has errors; the message has the first error and their number.

    Examples
    --------
    >>> [one.name for one in read_trial(Path("trial.csv")).subjects]  # doctest: +SKIP
    ['S01', 'S02']
    """
    listing = read_listing(path)
    wrong = errors(listing.issues)
    if wrong:
        more = f" (and {len(wrong) - 1} more: discmri trial check {path})" if wrong[1:] else ""
        raise UsageError(f"{path}, {wrong[0]}{more}")
    return listing.trial


def read_listing(path: Path) -> Listing:
    """Read a list with all its errors.

    Parameters
    ----------
    path
        CSV file with the columns of :data:`COLUMNS`.

    Returns
    -------
    Listing
        The trial, and all issues with their lines.

    Raises
    ------
    UsageError
        If the file cannot be read, has no scan, or lacks required columns.

    Examples
    --------
    >>> read_listing(Path("trial.csv")).issues  # doctest: +SKIP
    ()
    """
    table = _table(path)
    issues: list[Issue] = []
    scans: list[tuple[Scan, Row]] = []
    for row in table.rows:
        scan = _scan(row, path.parent, issues)
        if scan is not None:
            scans.append((scan, row))
    issues += _twice([scan for scan, _ in scans])
    by_subject: dict[str, list[tuple[Scan, Row]]] = defaultdict(list)
    for scan, cells in scans:
        by_subject[scan.subject].append((scan, cells))
    subjects = []
    for name, own in by_subject.items():
        subject = _subject(name, own, issues)
        issues += visits_of(subject)
        subjects.append(subject)
    unused = tuple(name for name in table.columns if name not in COLUMNS)
    if unused:
        text = f"columns that are not used: {', '.join(unused)}"
        issues.append(Issue(IssueSeverity.NOTE, "", text))
    trial = Trial(tuple(subjects), unused)
    issues += between_subjects(trial)
    return Listing(trial, tuple(issues))


# ------------------------------------------------------------------ cells to scans
def _table(path: Path) -> Table:
    hint = f"columns of a list of scans: {', '.join(COLUMNS)}"
    table = read_table(path, NEEDED, hint)
    if not set(TIMES) & set(table.columns):
        raise UsageError(f"{path} has no column date or week; {hint}")
    if not table.rows:
        raise UsageError(f"{path} lists no scan; give one scan per line")
    return table


def _scan(row: Row, folder: Path, issues: list[Issue]) -> Scan | None:
    """One scan; errors are appended to ``issues``."""
    from discmri.measurement.segment.schemes import SCHEMES

    before = len(issues)

    def known(read: Callable[..., T | None], *given: object) -> T | None:
        try:
            return read(*given)
        except CellError as error:
            issues.append(Issue(IssueSeverity.ERROR, error.where, error.problem))
            return None

    for name in NEEDED:
        known(row.filled, name)
    if not row.text("date") and not row.text("week"):
        text = "neither date nor week is given; give one of them"
        issues.append(Issue(IssueSeverity.ERROR, f"line {row.line}", text))
    masks, study_uid = (known(row.optional, name) for name in ("masks", "study_uid"))
    known(row.optional, "arm")
    scan = Scan(
        subject=one_line(row.text("subject")),
        visit=one_line(row.text("visit")),
        path=folder / row.text("path"),
        study_uid=study_uid or None,
        masks=folder / masks if masks else None,
        mask_scheme=known(row.choice, "mask_scheme", SCHEMES),
        line=row.line,
        date=known(row.day, "date"),
        week=known(row.number, "week"),
        repeat=known(row.integer, "repeat", 1, 99) or 1,
        repeat_kind=known(repeat_kind, row),
        rest_min=known(row.number, "rest_min", 0.0),
        rise_h=known(clock, row, "rise_time"),
        lowest_disc=known(row.level, "lowest_disc"),
    )
    return scan if len(issues) == before else None


def repeat_kind(row: Row) -> RepeatKind | None:
    """The kind of a repeat; raises :class:`CellError` for other text."""
    text = row.choice("repeat_kind", [one.value for one in RepeatKind])
    return None if text is None else RepeatKind(text)


# ------------------------------------------------------------------ scans to subjects
def _subject(name: str, own: Sequence[tuple[Scan, Row]], issues: list[Issue]) -> Subject:
    """A subject; treated discs and arm may be in one or more of its lines, but must agree."""
    said: dict[str, dict[str, int]] = {"treated": {}, "arm": {}}
    for scan, cells in own:
        for column, ways in said.items():
            if cells.text(column):
                ways.setdefault(one_line(cells.text(column)), scan.line)
    for column, ways in said.items():
        if len(ways) > 1:
            listed = " and ".join(f"{way!r} (line {line})" for way, line in ways.items())
            text = f"{column} is {listed}; give one per subject"
            issues.append(Issue(IssueSeverity.ERROR, f"subject {name}", text))
    treated = _treated(next(iter(said["treated"]), ""), name, issues)
    return Subject(
        name, in_order((s for s, _ in own), issues), treated, next(iter(said["arm"]), "")
    )


def in_order(scans: Iterable[Scan], issues: list[Issue]) -> tuple[Scan, ...]:
    """Scans of a subject in order of time, with the kinds of repeats."""
    every = sorted(scans, key=lambda one: (*one.moment, one.repeat))
    first = {scan.visit: scan for scan in every if scan.repeat == 1}
    return tuple(_with_kind(scan, first.get(scan.visit), issues) for scan in every)


def _with_kind(scan: Scan, first: Scan | None, issues: list[Issue]) -> Scan:
    """A scan with its kind of repeat: as listed, otherwise from the dates."""
    kind, text = scan.repeat_kind, ""
    if scan.repeat == 1:
        if kind is not None:
            text = (
                f"repeat_kind {kind.value} is given for a scan that is not a repeat; leave it empty"
            )
    elif first is not None:
        apart = _weeks_between(first, scan) != 0
        if kind is None:
            kind = RepeatKind.OTHER_DAY if apart else RepeatKind.SAME_SESSION
        elif (kind is RepeatKind.OTHER_DAY) != apart and (apart or _days_known(first, scan)):
            said = "another day than" if apart else "the same day as"
            text = (
                f"repeat_kind is {kind.value}, but it is of {said} the scan it repeats; correct one"
            )
    if text:
        issues.append(Issue(IssueSeverity.ERROR, f"line {scan.line}", text))
    return replace(scan, repeat_kind=kind)


def _days_known(first: Scan, scan: Scan) -> bool:
    return first.date is not None and scan.date is not None


def _treated(text: str, name: str, issues: list[Issue]) -> tuple[DiscLevel, ...]:
    if text.lower() in NONE:
        return ()
    levels = []
    for part in filter(None, re.split(r"[;,+\s]+", text)):
        try:
            level = DiscLevel.parse(part)
            if not level.is_measured:
                raise UsageError(f"{part!r} is not measured; give a disc above the sacrum")
            levels.append(level)
        except UsageError as error:
            where = f"subject {name}, column treated"
            issues.append(Issue(IssueSeverity.ERROR, where, f"{error}, or none"))
    return tuple(dict.fromkeys(levels))


def visits_of(subject: Subject) -> Iterator[Issue]:
    """Issues of the visits of one subject."""
    where = f"subject {subject.name}"
    if len({scan.visit for scan in subject.first_scans}) < 2:
        text = "has only one visit, so that no change can be measured"
        yield Issue(IssueSeverity.WARNING, where, text)
    for scan in subject.scans:
        alone = not any(o.visit == scan.visit and o.repeat == 1 for o in subject.scans)
        if scan.repeat > 1 and alone:
            text = f"repeat {scan.repeat} of {scan.visit} has no scan with repeat 1"
            yield Issue(IssueSeverity.ERROR, f"line {scan.line}", f"{text}; list that scan")
    yield from _times_of(subject, where)
    first = subject.scans[0]
    said = [scan for scan in subject.scans if scan.lowest_disc is not None]
    if said and first.lowest_disc is None:
        text = f"lowest_disc is given at {said[0].visit}, but levels are taken from {first.visit}"
        yield Issue(IssueSeverity.WARNING, where, f"{text}; give it there")
    for scan in subject.first_scans[1:]:
        yield from _out_of_step(first, scan, where)


def _times_of(subject: Subject, where: str) -> Iterator[Issue]:
    """Visits that cannot be ordered, and late repeats."""
    whole = [
        name for name in TIMES if all(getattr(scan, name) is not None for scan in subject.scans)
    ]
    if not whole:
        text = "some scans have only a date, others only a week, so visits cannot be ordered"
        yield Issue(IssueSeverity.ERROR, where, f"{text}; fill one column for all scans")
        return
    seen: dict[tuple[float, float], Scan] = {}
    for scan in subject.first_scans:
        if scan.moment in seen and seen[scan.moment].visit != scan.visit:
            text = f"{seen[scan.moment].visit} and {scan.visit} are at the same time"
            yield Issue(IssueSeverity.ERROR, where, f"{text}; correct date or week")
        seen.setdefault(scan.moment, scan)
    first = {scan.visit: scan for scan in subject.first_scans}
    for scan in subject.scans:
        if scan.repeat > 1 and scan.visit in first:
            weeks = _weeks_between(first[scan.visit], scan)
            if abs(weeks) > _REPEAT_WEEKS:
                text = f"is {abs(weeks):.1f} weeks from the scan it repeats: true changes would"
                yield Issue(IssueSeverity.WARNING, scan.name, f"{text} count as noise")


def _weeks_between(first: Scan, later: Scan) -> float:
    if first.date is not None and later.date is not None:
        return (later.date - first.date).days / 7
    return later.moment[0] - first.moment[0]


def _out_of_step(first: Scan, scan: Scan, where: str) -> Iterator[Issue]:
    """Week and date that contradict each other."""
    if first.date is None or scan.date is None or first.week is None or scan.week is None:
        return
    days = (scan.date - first.date).days
    weeks = scan.week - first.week
    if abs(days / 7 - weeks) > _WINDOW_WEEKS:
        text = (
            f"{scan.visit} is {weeks:g} weeks after {first.visit} by week and "
            f"{days / 7:.1f} by date; correct one"
        )
        yield Issue(IssueSeverity.WARNING, where, text)


def _twice(scans: Sequence[Scan]) -> Iterator[Issue]:
    seen: dict[object, Scan] = {}
    for scan in scans:
        place = scan.path.resolve(), scan.study_uid
        for key, what in (
            (scan.name, f"{scan.name} is listed twice; number scans of one visit in repeat"),
            (place, f"{scan.path} is listed twice; every scan needs its own study"),
        ):
            if key in seen:
                text = f"{what} (see line {seen[key].line})"
                yield Issue(IssueSeverity.ERROR, f"line {scan.line}", text)
            seen.setdefault(key, scan)


# ------------------------------------------------------------------ between subjects
def between_subjects(trial: Trial) -> Iterator[Issue]:
    """Issues between subjects."""
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
            yield Issue(IssueSeverity.WARNING, where, text)
        if own and own[0] != starts.most_common(1)[0][0]:
            text = (
                f"starts with {own[0]}, most others with {starts.most_common(1)[0][0]}: it is "
                "left out of effects over subjects"
            )
            yield Issue(IssueSeverity.WARNING, where, text)
        in_order = [visit for visit in usual if visit in own]
        if own != in_order and len(set(own)) == len(own):  # duplicates are reported elsewhere
            text = f"has its visits in the order {', '.join(own)}, others {', '.join(in_order)}"
            yield Issue(IssueSeverity.ERROR, where, f"{text}; correct date or week")
    if not any(subject.treated for subject in trial.subjects):
        text = "there are no treated discs (column treated), so no contrast to untreated discs"
        yield Issue(IssueSeverity.WARNING, "", text)
    yield from _arms(trial)


def _arms(trial: Trial) -> Iterator[Issue]:
    arms = Counter(subject.arm for subject in trial.subjects)
    treated = {subject.arm for subject in trial.subjects if subject.treated}
    without = [arm for arm in arms if arm and arm not in treated]
    if without and treated:
        text = (
            f"arm {', '.join(without)} has no index discs (column treated), so it cannot be "
            "compared with the others; list the discs that would have been treated"
        )
        yield Issue(IssueSeverity.WARNING, "", text)
    if "" in arms and len(arms) > 1:
        who = ", ".join(one.name for one in trial.subjects if not one.arm)
        yield Issue(
            IssueSeverity.ERROR, "", f"no arm is given for {who}; give it to all or to none"
        )
