"""``bids/``: the BIDS datasets of all studies of a cohort as one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from discmri.cohort.tables import StudyRows
from discmri.core.files import atomic_folder
from discmri.core.software import versions
from discmri.core.text import pseudonym
from discmri.results.export.bids import BidsName, write_head, write_participants

DATASET = "bids"
_MARK_LENGTH = 6  # of what tells two Patient IDs apart whose labels would be one


@dataclass(frozen=True)
class Visit:
    """One study with a dataset of its own.

    Parameters
    ----------
    name
        Labels of that dataset.
    subject_id, study_uid, study_date
        As in tables.
    rejected
        Levels whose values are not given.
    """

    name: BidsName
    subject_id: str
    study_uid: str
    study_date: str
    rejected: tuple[str, ...] = ()

    @property
    def person(self) -> str:
        """The same for all visits of one person; a study without a Patient ID is alone."""
        return self.subject_id or self.study_uid


def write_dataset(studies: Sequence[StudyRows], folders: Sequence[Path], target: Path) -> bool:
    """Copy the datasets of single studies into one; without any, an earlier one is removed.

    Parameters
    ----------
    studies
        What is known of each.
    folders
        Of their results.
    target
        The dataset.

    Returns
    -------
    bool
        Whether there is one.
    """
    sources = [
        (
            folder / DATASET,
            Visit(
                name,
                study.subject_id,
                study.study_uid,
                study.study_date,
                tuple(level.value for level in study.rejected),
            ),
        )
        for study, folder in zip(studies, folders, strict=True)
        if (study.discs or study.rejected) and (name := _name_in(folder / DATASET)) is not None
    ]
    if not sources:
        shutil.rmtree(target, ignore_errors=True)
        return False
    visits = [visit for _, visit in sources]
    names = names_of(visits)
    with atomic_folder(target, overwrite=True, keep_others=False) as fresh:
        write_head(fresh, versions()["discmri"], sorted({one.study_uid for one in visits}))
        people = {
            f"sub-{name.subject}": visits[number].subject_id for number, name in names.items()
        }
        write_participants(fresh, sorted(people.items()))
        for number, (source, visit) in enumerate(sources):
            _copy(source, visit, fresh, names[number])
    return True


def names_of(visits: Sequence[Visit]) -> Mapping[int, BidsName]:
    """A name for each visit, by its number, of which no two are the same.

    Two Patient IDs with one label get a mark each; several studies of one person without
    sessions of their own are sessions 1, 2, ... by date.
    """
    labels: dict[str, set[str]] = {}
    people: dict[str, list[int]] = {}
    for number, visit in enumerate(visits):
        # Two names that differ in their case alone are one folder on many file systems
        labels.setdefault(visit.name.subject.casefold(), set()).add(visit.person)
        people.setdefault(visit.person, []).append(number)
    named: dict[int, BidsName] = {}
    for person, numbers in people.items():
        label = visits[numbers[0]].name.subject
        if len(labels[label.casefold()]) > 1:
            label += pseudonym(person)[:_MARK_LENGTH]
        for number, session in _sessions(visits, numbers):
            named[number] = BidsName(label, session)
    return named


def _sessions(visits: Sequence[Visit], numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    """The visits of one person, each with a session of its own where there are several."""
    taken = {visits[number].name.session for number in numbers}
    free = (str(number) for number in count(1) if str(number) not in taken)
    used = {""} if len(numbers) > 1 else set()
    for number in sorted(numbers, key=lambda n: (visits[n].study_date, visits[n].study_uid, n)):
        session = visits[number].name.session
        if session in used:
            session = next(free)
        used.add(session)
        yield number, session


def _name_in(dataset: Path) -> BidsName | None:
    """Labels of a dataset of one study; ``None`` where there is no dataset."""
    for subject in dataset.glob("sub-*"):
        sessions = [folder.name.removeprefix("ses-") for folder in subject.glob("ses-*")]
        return BidsName(subject.name.removeprefix("sub-"), sessions[0] if sessions else "")
    return None


def _copy(source: Path, visit: Visit, target: Path, new: BidsName) -> None:
    """Copy the files of one study under another name, without the values of rejected discs."""
    old = visit.name
    for path in sorted((source / old.folder).glob("*/*")):
        place = target / new.folder / path.parent.name
        place.mkdir(parents=True, exist_ok=True)
        copy = place / path.name.replace(old.prefix, new.prefix, 1)
        if visit.rejected and path.name.endswith("_dseg.tsv"):
            text = _without_values(path.read_text(encoding="utf-8"), visit.rejected)
            copy.write_text(text, encoding="utf-8", newline="\n")
        else:
            shutil.copyfile(path, copy)


def _without_values(table: str, levels: Sequence[str]) -> str:
    """A table of labels in which some have a number and a name alone."""
    rows = [line.split("\t") for line in table.splitlines()]
    return "".join(
        "\t".join(row if row[1] not in levels else [*row[:2], *["n/a"] * len(row[2:])]) + "\n"
        for row in rows
    )
