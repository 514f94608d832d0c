"""Draws the discs beside the criteria of the scale: ``python -m benchmarks.viewer_examples``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from discmri.core.levels import DiscLevel
from discmri.napari.view import SagittalView
from discmri.phantoms import Protocol, PulseSequence, SpineOptions, lumbar_spine, make_phantom

FOLDER = Path(__file__).parents[1] / "src" / "discmri" / "napari" / "examples"
LEVEL = DiscLevel.L3_L4
SIZE_MM = np.array([34.0, 52.0])
PROTOCOL = Protocol(spacing_mm=0.5, slices=3, fov_mm=(170.0, 230.0))


def main() -> None:
    """Write one picture per grade."""
    FOLDER.mkdir(exist_ok=True)
    for grade in range(1, 9):
        phantom = make_phantom(lumbar_spine(SpineOptions(grades={LEVEL: grade}), seed=11))
        image = phantom.image(PulseSequence.T2, PROTOCOL)
        view = SagittalView.of(image.grid)
        shown = view.shown(image.array)
        labels = view.shown(phantom.label_map(image.grid, PROTOCOL.slice_thickness_mm))
        where = np.argwhere(labels[1] == LEVEL.label_id)
        middle = where.mean(axis=0)
        half = SIZE_MM / view.spacing_mm[1:] / 2
        low, high = np.round(middle - half).astype(int), np.round(middle + half).astype(int)
        cut = shown[1, low[0] : high[0], low[1] : high[1]]
        white = np.percentile(shown[1], 99.0)
        grey = np.clip(255 * cut / white, 0, 255).astype(np.uint8)
        Image.fromarray(grey).save(FOLDER / f"grade_{grade}.png", optimize=True)


if __name__ == "__main__":
    main()
