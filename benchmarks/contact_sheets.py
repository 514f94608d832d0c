"""Contact sheets: what the built-in segmenter found in every scan, drawn on it.

    python -m benchmarks.contact_sheets OUT --studies FOLDER --spider FOLDER

writes one picture per study (every slice that shows a disc) and pages of SPIDER slices, and
prints what was found.  Look at them: a score does not say what went wrong.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.scans import spider_slices, studies
from discmri.core.errors import NothingToMeasureError
from discmri.core.labels import SpineLabels
from discmri.core.levels import Vertebra
from discmri.core.settings import Settings
from discmri.core.volume import SoftMask, Volume
from discmri.measurement.numbering import name_levels
from discmri.measurement.segment import segment
from discmri.measurement.segment.network_slices import NetworkSlices

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LUMBAR = ("L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1")
COLUMNS, PER_PAGE = 6, 12
Picture = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Shown:
    """One slice with what was found on it: pixels (rows, columns) and masks by colour."""

    title: str
    pixels: Picture
    masks: Sequence[tuple[Picture, str]]
    names: Sequence[tuple[Picture, str]]


def find(image: Volume) -> SpineLabels | None:
    """Named structures, or ``None`` where the picture is refused."""
    try:
        return name_levels(segment(image, Settings()))[0]
    except NothingToMeasureError:
        return None


def shown(name: str, image: Volume, labels: SpineLabels | None) -> Iterator[Shown]:
    """The slices that show a disc; the middle one where there is none."""
    network_slices = NetworkSlices.of(image.grid)

    def slices(mask: SoftMask) -> Picture:
        return network_slices.slices(Volume(mask.on(image.grid), image.affine))

    pixels = network_slices.slices(image)
    if labels is None:
        yield Shown(f"{name}: refused", pixels[len(pixels) // 2], [], [])
        return
    masks = [(slices(mask), "tomato") for mask in labels.discs.values()]
    masks += [
        (slices(mask), "magenta" if vertebra is Vertebra.SACRUM else "cyan")
        for vertebra, mask in labels.vertebrae.items()
    ]
    if labels.canal is not None:
        masks.append((slices(labels.canal), "yellow"))
    words = [f"{level.value} {labels.confidence[level]:.2f}" for level in labels.discs]
    for k in range(len(pixels)):
        on_slice = [(mask[k], colour) for mask, colour in masks]
        if any((mask > 0.5).any() for mask, colour in on_slice if colour == "tomato"):
            names = [(mask, word) for (mask, _), word in zip(on_slice, words, strict=False)]
            yield Shown(f"{name} {k}: {labels.numbering.value}", pixels[k], on_slice, names)


def draw(path: Path, slices: Sequence[Shown]) -> None:
    """Write one sheet."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(slices) // COLUMNS)
    figure = Figure(figsize=(4.2 * COLUMNS, 6 * rows), facecolor="black", layout="constrained")
    FigureCanvasAgg(figure)
    for axes, one in zip(figure.subplots(rows, COLUMNS, squeeze=False).flat, slices, strict=False):
        _draw_slice(axes, one)
    for axes in figure.axes:
        axes.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=60, facecolor="black")


def _draw_slice(axes: Axes, one: Shown) -> None:
    lit = one.pixels[one.pixels > 0]
    axes.imshow(one.pixels, cmap="gray", vmin=0, vmax=np.quantile(lit, 0.99) if lit.size else 1)
    for mask, colour in one.masks:
        if (mask > 0.5).any():
            axes.contour(mask, [0.5], colors=colour, linewidths=0.9)
    for mask, word in one.names:
        if (mask > 0.5).any():
            row, column = np.argwhere(mask > 0.5).mean(axis=0)
            axes.text(column + 32, row, word, color="white", fontsize=8, va="center")
    axes.set_title(one.title, color="white", fontsize=10)
    spine = sum(
        (mask for mask, colour in one.masks if colour in ("tomato", "cyan")), start=np.zeros(())
    )
    if spine.ndim == 2:
        at = np.argwhere(spine > 0.5)
        (top, front), (low, back) = at.min(axis=0) - 30, at.max(axis=0) + 60
        axes.set_xlim(max(front, 0), min(back, one.pixels.shape[1]))
        axes.set_ylim(min(low, one.pixels.shape[0]), max(top, 0))


def study_sheets(folder: Path, out: Path) -> None:
    """One sheet per study, and a line of what was found."""
    for name, image in studies(folder):
        labels = find(image)
        draw(out / f"{name}.png", list(shown(name, image, labels)))
        print(f"{name}: {_told(labels)}", flush=True)


def spider_sheets(folder: Path, out: Path) -> None:
    """Pages of slices, those with something missing first, and how many discs were found."""
    wanted, found, whole, rest = Counter[str](), Counter[str](), [], []
    for name, image in spider_slices(folder):
        labels = find(image)
        have = set() if labels is None else {level.value for level in labels.discs}
        kind = "T1" if "_t1" in name else "T2"
        wanted[kind] += len(LUMBAR)
        found[kind] += len(have & set(LUMBAR))
        best = max(
            shown(name, image, labels), key=lambda s: sum((m > 0.5).sum() for m, _ in s.masks)
        )
        complete = labels is not None and set(LUMBAR) <= have and labels.numbering.value == "sacrum"
        (whole if complete else rest).append(best)
        if not complete:
            print(f"{name}: {_told(labels)}", flush=True)
    pages = [*rest, *whole]
    for n in range(0, len(pages), PER_PAGE):
        draw(out / f"spider_{n // PER_PAGE:02}.png", pages[n : n + PER_PAGE])
    for kind in wanted:
        print(f"{kind}: {found[kind]} of {wanted[kind]} discs L1-L2 to L5-S1 found")


def _told(labels: SpineLabels | None) -> str:
    if labels is None:
        return "refused"
    discs = ", ".join(f"{level.value} {labels.confidence[level]:.2f}" for level in labels.discs)
    return f"{labels.numbering.value}: {discs}"


def main() -> None:
    """Parse the call and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--studies", type=Path, help="a folder with one study per sub-folder")
    parser.add_argument("--spider", type=Path, help="slices/*.png and overview.csv of SPIDER")
    arguments = parser.parse_args()
    if arguments.studies:
        study_sheets(arguments.studies, arguments.out)
    if arguments.spider:
        spider_sheets(arguments.spider, arguments.out)


if __name__ == "__main__":
    main()
