"""Reading of the results of a batch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from discmri.cohort.measuring import StudyStatus
from discmri.core.errors import UsageError
from discmri.core.quality import Quality
from discmri.results.document import decoded
from discmri.results.model import StudyResult
from discmri.results.read import read_results

if TYPE_CHECKING:
    import pandas as pd

RECORD = "batch.json"


@dataclass(frozen=True)
class CohortStudy:
    """One study of a batch."""

    name: str  # name in the tables
    status: StudyStatus
    reason: str  # reason why there is no result; otherwise empty
    folder: Path

    @cached_property
    def result(self) -> StudyResult:
        """The result, read on first access; ``UsageError`` if the study failed."""
        if self.status is StudyStatus.FAILED:
            raise UsageError(f"study {self.name} has no result: {self.reason}; run the batch again")
        return read_results(self.folder)


class CohortResult(tuple[CohortStudy, ...]):
    """The studies of a batch, in the order of its tables.

    Parameters
    ----------
    iterable
        Studies with name, status and folder.
    """

    __slots__ = ()

    def to_dataframe(self, quality: Iterable[str] = ()) -> pd.DataFrame:
        """One row per disc: name of the study, then the columns of ``discs.csv``.

        Parameters
        ----------
        quality
            Only discs of these qualities, such as ``("good", "check")``; empty for all.

        Raises
        ------
        UsageError
            If a quality is unknown.
        """
        import pandas as pd

        wanted = set(quality)
        known = [one.value for one in Quality]
        if not wanted <= set(known):
            raise UsageError(
                f"unknown quality {min(wanted - set(known))!r}; choose from {', '.join(known)}"
            )

        rows = [
            {"study": one.name} | row
            for one in self
            if one.status is StudyStatus.MEASURED
            for row in read_results(one.folder).rows()
            if not wanted or row["quality"] in wanted
        ]
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        """One line: number of studies, number without result."""
        without = sum(one.status is not StudyStatus.MEASURED for one in self)
        return f"<CohortResult: {len(self)} studies, {without} without result>"


class _Study(msgspec.Struct, frozen=True):
    study: str
    folder: str
    status: StudyStatus
    reason: str


class _Batch(msgspec.Struct, frozen=True):
    studies: tuple[_Study, ...]


def read_cohort(folder: str | Path) -> CohortResult:
    """Read the results of a batch.

    Parameters
    ----------
    folder
        Output folder of ``discmri batch``.

    Returns
    -------
    CohortResult
        One entry per study; results are read on first access.

    Raises
    ------
    UsageError
        If the folder has no ``batch.json``.
    ResultsError
        If ``batch.json`` cannot be read.

    Examples
    --------
    >>> import discmri
    >>> cohort = discmri.read_cohort("cohort-out")  # doctest: +SKIP
    >>> cohort.to_dataframe().groupby("level").height_mm.median()  # doctest: +SKIP
    """
    path = Path(folder) / RECORD
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror or error}); "
            "give the output folder of discmri batch"
        ) from error
    found = decoded(text, _Batch, str(path))
    return CohortResult(
        CohortStudy(one.study, one.status, one.reason, Path(folder) / one.folder)
        for one in found.studies
    )
