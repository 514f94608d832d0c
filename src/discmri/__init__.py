"""Disc height, diffusion and modified Pfirrmann grade of lumbar discs on MRI.

>>> import discmri
>>> study = discmri.read_study("study_dir")  # doctest: +SKIP
>>> result = discmri.measure(study)  # doctest: +SKIP
>>> result.to_dataframe()  # doctest: +SKIP
>>> result.write("out")  # doctest: +SKIP
>>> discmri.read_results("out") == result  # doctest: +SKIP
True

Arrays are indexed (i, j, k); affines map to patient RAS+ millimetres; names of numbers end
in their unit.  For research only, not for diagnosis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from discmri.cohort.read import CohortResult, read_cohort
    from discmri.core.errors import DiscmriError
    from discmri.core.findings import Finding
    from discmri.core.grade import Grade
    from discmri.core.levels import DiscLevel
    from discmri.core.settings import Settings
    from discmri.measurement.pipeline import StudySteps
    from discmri.measurement.whole_study import measure
    from discmri.results.model import StudyResult
    from discmri.results.read import read_results
    from discmri.results.records import DiscRecord, Measurement
    from discmri.study import Study, read_study

    __version__: str
__all__ = [
    "CohortResult",
    "DiscLevel",
    "DiscRecord",
    "DiscmriError",
    "Finding",
    "Grade",
    "Measurement",
    "Settings",
    "Study",
    "StudyResult",
    "StudySteps",
    "__version__",
    "measure",
    "read_cohort",
    "read_results",
    "read_study",
]

_HOMES = {
    "CohortResult": "discmri.cohort.read",
    "DiscLevel": "discmri.core.levels",
    "DiscRecord": "discmri.results.records",
    "DiscmriError": "discmri.core.errors",
    "Finding": "discmri.core.findings",
    "Grade": "discmri.core.grade",
    "Measurement": "discmri.results.records",
    "Settings": "discmri.core.settings",
    "Study": "discmri.study",
    "StudyResult": "discmri.results.model",
    "StudySteps": "discmri.measurement.pipeline",
    "measure": "discmri.measurement.whole_study",
    "read_cohort": "discmri.cohort.read",
    "read_results": "discmri.results.read",
    "read_study": "discmri.study",
}


if not TYPE_CHECKING:  # a type checker sees the imports above and no other name

    def __getattr__(name: str) -> object:
        """Load the public names on first use, so that ``import discmri`` stays instant."""
        if name == "__version__":
            from importlib.metadata import version

            return version("discmri")
        if name not in _HOMES:
            raise AttributeError(f"module 'discmri' has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
