"""Pictures of a measured study, drawn from its results alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    return in_order(draw_anatomy(result) | draw_adc(result), result)


def draw_anatomy(result: StudyResult) -> dict[str, bytes]:
    """The overview, and every disc with its border and heights; needs no diffusion images."""
    from discmri.results.pictures.disc import disc_picture

    drawn = {"overview": draw_overview(result)}
    with _own_style():
        for record in result.records:
            outline = result.outlines.get(record.level)
            if outline is not None:
                drawn[record.level.value] = disc_picture(result.image, record, outline)
    return drawn


def draw_adc(result: StudyResult) -> dict[str, bytes]:
    """Every disc whose ADC was measured."""
    from discmri.results.pictures.disc import adc_picture

    drawn: dict[str, bytes] = {}
    if result.adc is None:
        return drawn
    with _own_style():
        for record in result.records:
            outline = result.outlines.get(record.level)
            if outline is not None and record.get("adc_disc_um2_ms") is not None:
                name = f"{record.level.value}-adc"
                drawn[name] = adc_picture(result.image, result.adc, record.level, outline)
    return drawn


def in_order(pictures: Mapping[str, bytes], result: StudyResult) -> dict[str, bytes]:
    """Pictures in the order of the discs, that of the ADC after the disc's own."""
    levels = [record.level.value for record in result.records]
    names = ["overview", *(name for level in levels for name in (level, f"{level}-adc"))]
    return {name: pictures[name] for name in names if name in pictures}
