"""Segmentation of the spine in a sagittal image.

To add a segmenter, write one file with a function of type :data:`Segmenter` and add one line to
:data:`SEGMENTERS`.  ``tests/test_members.py`` tests every member.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from discmri.core.errors import UsageError
from discmri.core.labels import FoundSpine
from discmri.core.settings import Settings
from discmri.core.volume import Volume
from discmri.measurement.segment.builtin import builtin
from discmri.measurement.segment.masks import masks

Segmenter = Callable[[Volume, Settings], FoundSpine]
"""From a sagittal image (any axis order; see ``Volume.sagittal_axis``) and settings to an unnamed
spine on the image's grid.  Raises ``NothingToMeasureError`` if there is no disc."""

SEGMENTERS: Mapping[str, Segmenter] = {"builtin": builtin, "masks": masks}


def segment(image: Volume, settings: Settings) -> FoundSpine:
    """Find the spine with the segmenter of the settings; ``UsageError`` if it does not exist."""
    if settings.segmenter not in SEGMENTERS:
        known = ", ".join(SEGMENTERS)
        raise UsageError(f"no segmenter is called {settings.segmenter!r}; choose one of: {known}")
    return SEGMENTERS[settings.segmenter](image, settings)
