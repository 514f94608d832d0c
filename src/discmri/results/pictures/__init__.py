"""Pictures of a measured study, drawn from its results only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial, reduce
from operator import or_
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from discmri.results.model import StudyResult
    from discmri.results.records import DiscRecord


def draw_overview(result: StudyResult) -> bytes:
    """Return a PNG of the whole spine with borders and names of the discs."""
    from discmri.results.pictures.overview import overview

    return overview(result)


def draw(result: StudyResult) -> dict[str, bytes]:
    """Return PNG bytes by name, cranial to caudal: ``overview``, ``L4-L5``, ``L4-L5-adc`` etc."""
    with ThreadPoolExecutor(result.provenance.settings.threads) as executor:
        spine = executor.submit(draw_overview, result)
        discs = executor.map(partial(_draw_disc, result), result.records)
        return reduce(or_, discs, {"overview": spine.result()})


def _draw_disc(result: StudyResult, record: DiscRecord) -> dict[str, bytes]:
    """Draw a disc with its border and heights, and a second picture with its ADC if measured."""
    from discmri.results.pictures.disc import DiscPlane, adc_picture, disc_picture

    level, outline = record.level, result.outlines.get(record.level)
    if outline is None:
        return {}
    plane = DiscPlane.of(result.image, outline)
    drawn = {level.value: disc_picture(plane, record)}
    if result.adc is not None and record.get("adc_disc_um2_ms") is not None:
        drawn[f"{level.value}-adc"] = adc_picture(plane, result.adc, level)
    return drawn
