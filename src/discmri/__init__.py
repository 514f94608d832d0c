"""Disc height, diffusion and modified Pfirrmann grade of lumbar discs on MRI.

>>> import discmri
>>> study = discmri.read_study("study_dir")  # doctest: +SKIP
>>> result = discmri.measure(study)  # doctest: +SKIP
>>> result.to_dataframe()  # doctest: +SKIP
>>> result.write("out")  # doctest: +SKIP

Arrays are indexed (i, j, k); affines map to patient RAS+ millimetres; names of numbers end
in their unit.  It measures for research; it does not diagnose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from discmri.core.settings import Settings
    from discmri.measurement.pipeline import MeasuredStudy, measure
    from discmri.study import Study, read_study

__version__ = "0.1.0"
__all__ = ["MeasuredStudy", "Settings", "Study", "__version__", "measure", "read_study"]

_HOMES = {
    "MeasuredStudy": "discmri.measurement.pipeline",
    "measure": "discmri.measurement.pipeline",
    "Settings": "discmri.core.settings",
    "Study": "discmri.study",
    "read_study": "discmri.study",
}


def __getattr__(name: str) -> Any:
    """Load the public names on first use, so that ``import discmri`` stays instant."""
    if name not in _HOMES:
        raise AttributeError(f"module 'discmri' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
