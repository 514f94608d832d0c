"""Pictures of a measured study, drawn from its results only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from discmri.core.second_process import SecondProcess
    from discmri.core.volume import Volume
    from discmri.results.model import StudyResult
    from discmri.results.outline import DiscOutline
    from discmri.results.records import DiscRecord


def draw_overview(result: StudyResult) -> bytes:
    """Return a PNG of the whole spine with borders and names of the discs."""
    from discmri.results.pictures.overview import overview

    return overview(result)


def draw(result: StudyResult, second: SecondProcess | None = None) -> dict[str, bytes]:
    """Return PNG bytes by name, cranial to caudal: ``overview``, ``L4-L5``, ``L4-L5-adc`` etc.

    Parameters
    ----------
    result
        The measured study.
    second
        Process that draws most of the discs; ``None`` for this one.
    """
    spine = draw_overview(result)
    discs = [_ShownDisc.of(result, one) for one in result.records if one.level in result.outlines]
    each = map if second is None else second.map
    return reduce(or_, each(_draw_disc, discs), {"overview": spine})


@dataclass(frozen=True, eq=False)
class _ShownDisc:
    """A disc and the parts of the images that its pictures show."""

    record: DiscRecord
    outline: DiscOutline
    image: Volume
    adc: Volume | None

    @classmethod
    def of(cls, result: StudyResult, record: DiscRecord) -> _ShownDisc:
        from discmri.results.pictures.disc import part_around

        outline = result.outlines[record.level]
        adc = None if record.get("adc_disc_um2_ms") is None else result.adc
        return cls(record, outline, part_around(result.image, outline), adc)


def _draw_disc(shown: _ShownDisc) -> dict[str, bytes]:
    """Draw a disc with its border and heights, and a second picture with its ADC if measured."""
    from discmri.results.pictures.disc import DiscPlane, adc_picture, disc_picture

    level = shown.record.level
    plane = DiscPlane.of(shown.image, shown.outline)
    drawn = {level.value: disc_picture(plane, shown.record)}
    if shown.adc is not None:
        drawn[f"{level.value}-adc"] = adc_picture(plane, shown.adc, level)
    return drawn
