"""Practice sessions: synthetic discs of known grade, with feedback after each read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from discmri.core.grade import Grade, ModifiedPfirrmannGrade
from discmri.core.levels import DiscLevel
from discmri.core.progress import ProgressCallback
from discmri.core.settings import Settings
from discmri.reading.adjudication import histories
from discmri.reading.entry import SessionEntry
from discmri.reading.history import History
from discmri.reading.plan import Case, Mode, Plan, PlannedDisc
from discmri.reading.planning import Planned, SessionOptions, plan_session

DISCS = 6
"""Discs per synthetic spine."""
_SCAN = {"spacing_mm": 0.8, "slices": 9, "fov_mm": (190.0, 270.0)}


def plan_practice(
    folder: Path, reader: str, cases: int, seed: int, progress: ProgressCallback
) -> Planned:
    """Simulate spines whose discs have known grades, and plan a session with them.

    The session is blinded and marked as practice; its suggested grades are the true grades, which a
    viewer shows after each read.  ``folder`` gets studies, results and session file.  Raises the
    errors of :func:`discmri.reading.plan_session`.
    """
    truths: dict[str, Mapping[str, str]] = {}
    studies: dict[Path, Path | None] = {}
    for number, grades in enumerate(practice_grades(cases, seed)):
        name = f"practice-{number + 1:02d}"
        progress(f"simulating spine {number + 1} of {cases}", number / cases)
        study, results = folder / "scans" / name, folder / "results" / name
        truths[name] = _drawn(study, results, grades, seed + number)
        studies[results] = study
    options = SessionOptions((reader,), Mode.BLINDED, seed=seed, title="Practice")
    planned = plan_session(studies, replace(options, planner=reader), folder)
    known = tuple(_with_truth(case, truths[Path(case.results).name]) for case in planned.plan.cases)
    return replace(planned, plan=replace(planned.plan, cases=known, practice=True))


def practice_grades(cases: int, seed: int) -> list[list[str]]:
    """Random grades of the discs of each spine, all eight about equally frequent, some double.

    >>> drawn = practice_grades(4, seed=1)
    >>> [len(one) for one in drawn], sorted({grade for one in drawn for grade in one})[0]
    ([6, 6, 6, 6], '1')
    """
    rng = np.random.default_rng(seed)
    single = [str(one.value) for one in ModifiedPfirrmannGrade]
    block = [*single, "3/6", "4/7", *single]
    blocks = -(-cases * DISCS // len(block))
    grades = np.concatenate([rng.permutation(block) for _ in range(blocks)])[: cases * DISCS]
    return [list(map(str, one)) for one in grades.reshape(cases, DISCS)]


def _drawn(study: Path, results: Path, grades: list[str], seed: int) -> dict[str, str]:
    """Simulate and measure one spine; return the true grades by level."""
    import nibabel as nib

    from discmri.measurement.whole_study import measure
    from discmri.phantoms import (
        Protocol,
        PulseSequence,
        SpineOptions,
        lumbar_levels,
        lumbar_spine,
        make_phantom,
    )
    from discmri.phantoms.vendors import write_study
    from discmri.study import read_study

    protocol = Protocol(sequences=(PulseSequence.T2,), **_SCAN)  # type: ignore[arg-type]
    levels = (DiscLevel.T12_L1, *lumbar_levels())
    options = SpineOptions(grades=dict(zip(levels, grades, strict=True)))
    phantom = make_phantom(lumbar_spine(options, seed=seed))
    write_study(phantom, study, "siemens", protocol)
    grid = phantom.grid(protocol)
    labels = study.parent / f"{study.name}.labels.nii.gz"
    nib.save(
        nib.Nifti1Image(phantom.label_map(grid, protocol.slice_thickness_mm), grid.affine), labels
    )
    measure(read_study(study), Settings(segmenter="masks", masks=labels)).write(results)
    labels.unlink()
    return {level.value: truth.grade for level, truth in phantom.truth().items()}


def _with_truth(case: Case, truth: Mapping[str, str]) -> Case:
    discs = tuple(
        PlannedDisc(one.level, one.label_id, truth[one.level.value]) for one in case.discs
    )
    return replace(case, discs=discs)


@dataclass(frozen=True)
class PracticeResult:
    """First grades of a practice session, compared with the true grades."""

    # true grade and first grade of each disc that was read; None for not evaluable
    pairs: tuple[tuple[Grade, Grade | None], ...]

    @property
    def exact(self) -> int:
        """Number of discs with the true grade, including both parts of a double grade."""
        return sum(true == said for true, said in self.pairs)

    @property
    def within_one(self) -> int:
        """Number of discs within one grade; a double grade counts as its collapse part."""
        return sum(
            said is not None and abs(true.ordinal - said.ordinal) <= 1 for true, said in self.pairs
        )

    def confusion(self) -> list[list[int]]:
        """(8, 9) numbers of discs by true grade and by grade given; last column: not evaluable.

        >>> result = PracticeResult(((Grade(3), Grade(4)), (Grade(3), None)))
        >>> result.confusion()[2]
        [0, 0, 0, 1, 0, 0, 0, 0, 1]
        """
        table = [[0] * 9 for _ in range(8)]
        for true, said in self.pairs:
            table[true.ordinal - 1][8 if said is None else said.ordinal - 1] += 1
        return table


def practice_result(plan: Plan, entries: Iterable[SessionEntry]) -> PracticeResult:
    """Compare the first grade of each disc of a practice session with the true grade."""
    known = histories(entry for entry in entries if entry.row["item"])
    pairs = []
    for reader in plan.readers:
        own = known.get(reader, History())
        for showing in plan.showings(reader):
            for disc in plan.case(showing.case).discs:
                reads = own.of(showing.item, disc.level).reads
                if reads:
                    said = reads[0].judgement
                    given = said if isinstance(said, Grade) else None
                    pairs.append((Grade.parse(disc.suggested_grade), given))
    return PracticeResult(tuple(pairs))
