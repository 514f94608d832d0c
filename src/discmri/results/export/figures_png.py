"""``figures/*.png``: the pictures of the report as files of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

# Drawn once per result, although both the report and the figures show them.
_DRAWN: WeakKeyDictionary[StudyResult, Mapping[str, bytes]] = WeakKeyDictionary()


def export(result: StudyResult, folder: Path) -> None:
    """Write ``figures/overview.png``, one picture per disc and one per disc with ADC.

    Parameters
    ----------
    result
        What was measured.
    folder
        An existing folder.
    """
    target = folder / "figures"
    target.mkdir(exist_ok=True)
    for name, content in pictures(result).items():
        (target / f"{name}.png").write_bytes(content)


def pictures(result: StudyResult) -> Mapping[str, bytes]:
    """PNG bytes by name: ``overview``, ``L4-L5``, ``L4-L5-adc`` and so on, cranial to caudal."""
    if result not in _DRAWN:
        _DRAWN[result] = _draw(result)
    return _DRAWN[result]


def _draw(result: StudyResult) -> dict[str, bytes]:
    from matplotlib import rc_context, rcdefaults

    from discmri.results.pictures.disc import adc_picture, disc_picture
    from discmri.results.pictures.overview import overview

    with rc_context():
        rcdefaults()  # a user's own style must not change the pictures
        drawn = {"overview": overview(result)}
        for record in result.records:
            outline = result.outlines.get(record.level)
            if outline is None:
                continue
            name = record.level.value
            drawn[name] = disc_picture(result.image, record.level, outline)
            if result.adc is not None and record.get("adc_disc_um2_ms") is not None:
                drawn[f"{name}-adc"] = adc_picture(result.image, result.adc, record.level, outline)
    return drawn
