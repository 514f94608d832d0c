"""Real scans to try the segmenter on: folders of studies, and the slices of the SPIDER set.

None of them is in the repository; the caller says where they are.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from discmri.core.errors import DiscmriError
from discmri.core.volume import Volume

USUAL_HEIGHT_MM = (180.0, 420.0)
USUAL_WIDTH_MM = (150.0, 420.0)
SLICE_MM = 4.0


def studies(folder: Path, begins: str = "") -> Iterator[tuple[str, Volume]]:
    """Name and sagittal image of every study below a folder, one study per sub-folder."""
    from discmri.study import read_study

    for place in sorted(path for path in folder.glob(f"{begins}*") if path.is_dir()):
        try:
            study = read_study(place)
            yield place.name, study.read(study.target())
        except DiscmriError as error:
            print(f"{place.name}: {error}")


def spider_slices(folder: Path) -> Iterator[tuple[str, Volume]]:
    """Name and image of every mid-sagittal slice of SPIDER (van der Graaf 2024, CC BY 4.0).

    Expects ``slices/*.png`` and ``overview.csv``.  The spacings in that table are wrong for some
    series: slices that would be of impossible size are left out.
    """
    from PIL import Image

    with (folder / "overview.csv").open(newline="") as stream:
        table = {row["new_file_name"]: row for row in csv.DictReader(stream)}
    for path in sorted(folder.glob("slices/*.png"), key=_patient):
        down_mm, back_mm = _spacing(table.get(path.stem, {}))
        pixels = np.asarray(Image.open(path).convert("L"), dtype=np.float32)
        size = pixels.shape[0] * down_mm, pixels.shape[1] * back_mm
        if down_mm != back_mm or not (
            _within(size[0], USUAL_HEIGHT_MM) and _within(size[1], USUAL_WIDTH_MM)
        ):
            continue
        affine = np.eye(4)
        affine[:3, :3] = [[SLICE_MM, 0, 0], [0, 0, -back_mm], [0, -down_mm, 0]]
        yield path.stem, Volume(pixels[None], affine)


def _patient(path: Path) -> tuple[int, str]:
    return int(path.stem.split("_")[0]), path.stem


def _spacing(row: dict[str, str]) -> tuple[float, float]:
    try:
        down_mm, back_mm = (float(x) for x in row["PixelSpacing"].strip("[]").split(","))
    except (KeyError, ValueError):
        return 0.0, 0.0
    return down_mm, back_mm


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] < value < limits[1]
