"""``outlines.json``: frame and mid-sagittal border of each disc, RAS+ millimetres."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from discmri.results.jsonable import dumps

if TYPE_CHECKING:
    from discmri.core.volume import Array
    from discmri.results.model import StudyResult

SCHEMA_NAME = "discmri-outlines-1"


def export(result: StudyResult, folder: Path) -> None:
    """Write ``outlines.json``."""
    discs = {
        level.value: {
            "origin_mm": _rounded(border.frame.origin_mm),
            "anterior": _rounded(border.frame.anterior),
            "cranial": _rounded(border.frame.cranial),
            "left": _rounded(border.frame.left),
            "mid_left_mm": round(border.left_mm, 5),
            "contour_mm": _rounded(border.contour_mm),
        }
        for level, border in result.borders.items()
    }
    text = dumps(
        {
            "schema": SCHEMA_NAME,
            "axes": "origin and axes are patient RAS+; contours are (anterior, cranial) in the "
            "disc's own frame, in the plane mid_left_mm to the left of its origin",
            "series_uid": result.series_uid,
            "discs": discs,
        }
    )
    (folder / "outlines.json").write_text(text, encoding="utf-8", newline="\n")


def _rounded(values: Array) -> object:
    return values.round(5).tolist()
