"""Many studies: measured side by side, compared with their truth, and a site's acceptance test.

>>> from discmri.cohort import find_cohort, run_batch
>>> result = run_batch(find_cohort(Path("scans")), Path("out"), Settings())  # doctest: +SKIP
>>> result.files  # doctest: +SKIP
('cohort.csv', 'cohort.parquet', 'board.html', 'batch.json')
"""

from discmri.cohort.batch import BatchResult, Tally, run_batch
from discmri.cohort.isolated import Limits
from discmri.cohort.measuring import Outcome, Status
from discmri.cohort.studies import Cohort, Entry, find_cohort
from discmri.cohort.workers import Workers

__all__ = [
    "BatchResult",
    "Cohort",
    "Entry",
    "Limits",
    "Outcome",
    "Status",
    "Tally",
    "Workers",
    "find_cohort",
    "run_batch",
]
