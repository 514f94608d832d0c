"""Pictures of a measured study, drawn from its results alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from discmri.results.model import StudyResult


@contextmanager
def _own_style() -> Iterator[None]:
    """Matplotlib's defaults: a user's own style must not change the pictures."""
    from matplotlib import rc_context, rcdefaults

    with rc_context():
        rcdefaults()
        yield


def draw_overview(result: StudyResult) -> bytes:
    """PNG of the whole spine with the discs' borders and names."""
    from discmri.results.pictures.overview import overview

    with _own_style():
        return overview(result)


def draw(result: StudyResult) -> dict[str, bytes]:
    """PNG bytes by name: ``overview``, ``L4-L5``, ``L4-L5-adc`` and so on, cranial to caudal."""
    from discmri.results.pictures.disc import adc_picture, disc_picture

    drawn = {"overview": draw_overview(result)}
    with _own_style():
        for record in result.records:
            outline = result.outlines.get(record.level)
            if outline is None:
                continue
            name = record.level.value
            drawn[name] = disc_picture(result.image, record, outline)
            if result.adc is not None and record.get("adc_disc_um2_ms") is not None:
                drawn[f"{name}-adc"] = adc_picture(result.image, result.adc, record.level, outline)
    return drawn
