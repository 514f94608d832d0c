"""Measurement of many studies in parallel, with tables and pages about all of them.

>>> from discmri.cohort import find_cohort, run_batch
>>> result = run_batch(find_cohort(Path("scans")), Path("out"), Settings())  # doctest: +SKIP
>>> result.files  # doctest: +SKIP
('cohort.csv', 'cohort.parquet', 'board.html', 'batch.json')
"""

from discmri.cohort.batch import BatchProgress, BatchResult, run_batch
from discmri.cohort.isolated import Limits
from discmri.cohort.measuring import StudyOutcome, StudyStatus
from discmri.cohort.studies import Cohort, StudyInput, find_cohort
from discmri.cohort.workers import Workers

__all__ = [
    "BatchProgress",
    "BatchResult",
    "Cohort",
    "Limits",
    "StudyInput",
    "StudyOutcome",
    "StudyStatus",
    "Workers",
    "find_cohort",
    "run_batch",
]
