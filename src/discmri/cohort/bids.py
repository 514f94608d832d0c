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
_MARK_LENGTH = 6  # of the suffix of Patient IDs with equal labels


@dataclass(frozen=True)
class BidsSession:
    """One study with a dataset of its own."""

    name: BidsName  # BIDS labels of that dataset
    subject_id: str  # as in tables, like the next two
    study_uid: str
    study_date: str
    rejected: tuple[str, ...] = ()  # levels that were rejected; their values are left out

    @property
    def person(self) -> str:
        """Patient ID, equal for all visits of a person; without one, the study UID."""
        return self.subject_id or self.study_uid


def write_dataset(studies: Sequence[StudyRows], folders: Sequence[Path], target: Path) -> bool:
    """Copy the datasets of single studies into one; return whether there are any.

    Without any, an earlier one is removed.
    """
    sources = [
        (
            folder / DATASET,
            BidsSession(
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


def names_of(visits: Sequence[BidsSession]) -> Mapping[int, BidsName]:
    """Unique BIDS labels of each visit, by number.

    Patient IDs with equal labels get a suffix.  Several studies of one person without sessions are
    numbered as sessions by date.
    """
    labels: dict[str, set[str]] = {}
    people: dict[str, list[int]] = {}
    for number, visit in enumerate(visits):
        # names that differ only in case are the same folder on many file systems
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


def _sessions(visits: Sequence[BidsSession], numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Visits of one person, with different sessions if there are several."""
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
    """Labels of a dataset of one study; ``None`` without dataset."""
    for subject in dataset.glob("sub-*"):
        sessions = [folder.name.removeprefix("ses-") for folder in subject.glob("ses-*")]
        return BidsName(subject.name.removeprefix("sub-"), sessions[0] if sessions else "")
    return None


def _copy(source: Path, visit: BidsSession, target: Path, new: BidsName) -> None:
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
    """A table of labels without the values of some levels."""
    rows = [line.split("\t") for line in table.splitlines()]
    return "".join(
        "\t".join(row if row[1] not in levels else [*row[:2], *["n/a"] * len(row[2:])]) + "\n"
        for row in rows
    )
