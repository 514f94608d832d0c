"""Planning of a session from results folders."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from discmri.core.errors import UsageError
from discmri.core.progress import ProgressCallback
from discmri.core.tables import MISSING_WORDS
from discmri.core.text import one_line
from discmri.reading import plan as plans
from discmri.reading.entry import Draft, EntryKind
from discmri.reading.plan import Case, Mode, Order, Plan
from discmri.reading.results import case_of, find_images
from discmri.reading.sequence import sequences


@dataclass(frozen=True)
class SessionOptions:
    """Options of a new session.

    Parameters
    ----------
    readers
        Names of the readers, at least one.
    mode
        Information that readers may see.
    order
        Order of the cases.
    repeats
        Share of cases that are presented again unannounced, 0 to 0.5.
    seed
        Random seed of order and repeats.
    title
        Title for display; not shown in blinded mode.
    planner
        Name of the planner, stored in the first entry.
    """

    readers: tuple[str, ...]
    mode: Mode = Mode.LOCKED
    order: Order = Order.PER_READER
    repeats: float = 0.0
    seed: int = 0
    title: str = ""
    planner: str = "planner"


@dataclass(frozen=True)
class Planned:
    """A plan before it is stored.

    Parameters
    ----------
    plan
        The plan.
    left_out
        Results folders without measured discs.
    planner
        Name of the planner.
    """

    plan: Plan
    left_out: tuple[Path, ...] = ()
    planner: str = "planner"

    def draft(self) -> Draft:
        """The first entry of the session."""
        content = plans.to_content(self.plan)
        return Draft(EntryKind.PLAN, self.planner, self.plan.mode.value, content=content)


def plan_session(
    studies: Mapping[Path, Path | None],
    options: SessionOptions,
    beside: Path | None = None,
    progress: ProgressCallback | None = None,
) -> Planned:
    """Plan a session: cases, readers, mode and order.

    Parameters
    ----------
    studies
        Images of each results folder, or ``None`` if images are not needed.  Images are checked
        by their headers; pixels are checked when a case is opened.
    options
        Options of the session.
    beside
        Folder of the session file, so that it can be moved together with the data; ``None`` for a
        database server.
    progress
        Called for each folder.

    Returns
    -------
    Planned
        The plan; nothing is written yet.

    Raises
    ------
    UsageError
        If options contradict each other, nothing was measured, two folders are of the same
        visit, or the folders have no common root.
    SessionError
        If a results folder cannot be read, or images are not the measured ones.

    Examples
    --------
    >>> options = SessionOptions(("ann", "ben"), Mode.BLINDED, Order.COMMON)
    >>> planned = plan_session({Path("out/S01"): Path("scans/S01")}, options)  # doctest: +SKIP
    >>> len(planned.plan.cases)  # doctest: +SKIP
    1
    """
    readers = _readers(options)
    report = progress or (lambda _text, _share: None)
    folders = {
        folder.resolve(): None if s is None else s.resolve() for folder, s in studies.items()
    }
    root = _root(folders)
    cases: list[Case] = []
    left_out: list[Path] = []
    for n, (folder, study) in enumerate(folders.items()):
        report(f"checking {folder.name}", n / len(folders))
        key = f"c{len(cases) + 1:0{len(str(len(folders)))}d}"
        images = "" if study is None else study.relative_to(root).as_posix()
        case = case_of(key, folder, folder.relative_to(root).as_posix(), images)
        if case is None:
            left_out.append(folder)
            continue
        if study is not None:
            find_images(case, study)
        cases.append(case)
    _refuse_duplicates(cases)
    plan = Plan(
        session_id=secrets.token_hex(8),
        title=one_line(options.title),
        mode=options.mode,
        order=options.order,
        seed=options.seed,
        repeats=options.repeats,
        readers=readers,
        cases=tuple(cases),
        sequences=sequences(cases, readers, options.order, options.repeats, options.seed),
        root=str(root),
    )
    if beside is not None:
        plan = replace(plan, root_from_session=_relative(root, beside))
    return Planned(plan, tuple(left_out), one_line(options.planner))


def _readers(options: SessionOptions) -> tuple[str, ...]:
    names = tuple(one_line(name) for name in options.readers)
    if not names or not all(names):
        raise UsageError("a session needs readers; name each with --reader NAME")
    if len(set(names)) < len(names):
        raise UsageError(f"a reader is named twice in {', '.join(names)}; name each once")
    if unusable := [name for name in names if name.casefold() in MISSING_WORDS]:
        raise UsageError(f"{unusable[0]!r} means a missing value in tables; use another name")
    if options.mode is Mode.BLINDED and options.order is Order.AS_GIVEN:
        raise UsageError(
            "the order of a blinded session cannot be as-given, because visits are shuffled; "
            f"choose {Order.PER_READER.value} or {Order.COMMON.value}"
        )
    return names


def _root(folders: Mapping[Path, Path | None]) -> Path:
    """The deepest common folder of all results and images."""
    if not folders:
        raise UsageError("a session needs cases; name results folders of discmri measure")
    paths = [str(folder.parent) for folder in folders]
    paths += [str(study.parent) for study in folders.values() if study is not None]
    try:
        return Path(os.path.commonpath(paths))
    except ValueError as error:
        raise UsageError(
            "results and images are on different drives; move them below one folder"
        ) from error


def _relative(root: Path, beside: Path) -> str:
    try:
        return Path(os.path.relpath(root, beside.resolve())).as_posix()
    except ValueError:  # another drive
        return ""


def _refuse_duplicates(cases: Sequence[Case]) -> None:
    """Check that all visits differ, because they are the keys of reads."""
    if not cases:
        raise UsageError("none of the results folders has measured discs; there is nothing to read")
    seen: dict[tuple[str, str, str], Case] = {}
    for case in cases:
        twin = seen.setdefault(case.visit, case)
        if twin is not case:
            raise UsageError(
                f"{twin.results} and {case.results} are the same visit of {case.subject_id} "
                f"(study {case.study_uid or 'without UID'}); give one of them"
            )
