"""Cases that are loaded: the one at hand, the one before and the one to come, no more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, SoftMask
from discmri.measurement.disc_values import RemeasuredDisc
from discmri.measurement.pipeline import StudySteps
from discmri.napari.images import (
    DiscMark,
    Picture,
    adc_to_come,
    border_of,
    dashes_of,
    traced,
)
from discmri.napari.loading import LoadedStudy, packed, unpacked
from discmri.results.outline import DiscBorder


@dataclass(eq=False)
class LoadedCase:
    """One case, loaded.

    Attributes
    ----------
    loaded
        Its images and automatic labels.
    numbers
        Label number of each disc.
    discs
        (i, j, k) labels of the discs alone, with the reader's edits; painting changes it.
    edits
        By automatic level, the row of the edit that ``discs`` holds.
    adc
        Its ADC on the lattice of the pictures; until it is there, what stands in its place.
    without_adc
        Why there is none to show; empty where none was measured.
    complete
        Whether everything that its results hold is loaded, the ADC included.
    measured
        The study measured again, so that painted discs can be; ``None`` until it is.
    to_measure
        Whether that is wanted.
    edited
        Discs measured with a label that was painted here; ``None`` where nothing was left of it.
    """

    loaded: LoadedStudy
    numbers: Mapping[DiscLevel, int]
    discs: NDArray[np.uint8]
    edits: Mapping[DiscLevel, str] = field(default_factory=dict)
    adc: Picture | None = None
    without_adc: str = ""
    complete: bool = False
    measured: StudySteps | None = None
    to_measure: bool = False
    edited: dict[DiscLevel, RemeasuredDisc | None] = field(default_factory=dict)
    _dashes: dict[DiscLevel, Array] = field(default_factory=dict)
    _borders: dict[DiscLevel, tuple[object, Array]] = field(default_factory=dict)

    @classmethod
    def of(cls, loaded: LoadedStudy, numbers: Mapping[DiscLevel, int]) -> LoadedCase:
        """A case with its automatic labels, and all of it that takes time."""
        adc = None if loaded.diffusion is None else adc_to_come(loaded.images.view)
        case = cls(loaded, numbers, _discs_alone(loaded.images.labels, numbers), adc=adc)
        for level in numbers:
            case.border(level)
        return case

    def apply_edits(self, painted: bytes | None, edits: Mapping[DiscLevel, str]) -> None:
        """Take the labels as the reader left them; ``None`` where they are the automatic ones."""
        labels = self.loaded.images.labels if painted is None else unpacked(painted).array
        self.discs[:] = _discs_alone(labels, self.numbers)
        self.edited = {
            level: one
            for level, one in self.edited.items()
            if level in edits and edits[level] == self.edits.get(level)
        }
        self.edits = dict(edits)

    def set_adc(self, adc: Picture | str) -> None:
        """Take the ADC, the last of what is loaded, or why there is none."""
        self.adc, self.without_adc = (None, adc) if isinstance(adc, str) else (adc, "")
        self.complete = True

    @property
    def ready(self) -> bool:
        """Whether nothing of it is to be loaded or measured now."""
        return self.complete and (self.measured is not None or not self.to_measure)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Series that are not shown, each with the reason."""
        return tuple(filter(None, (*self.loaded.images.left_out, self.without_adc)))

    def set_measured(self, steps: StudySteps) -> None:
        """Take the study as it was measured again."""
        self.measured = steps

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """From left to right."""
        pictures = self.loaded.images.pictures
        return pictures if self.adc is None else (*pictures, self.adc)

    @property
    def shown(self) -> NDArray[np.uint8]:
        """(slice, row, column) the discs as they are drawn: the same memory as ``discs``."""
        return self.loaded.images.view.shown(self.discs)

    def where(self, level: DiscLevel) -> NDArray[np.bool_]:
        """(i, j, k) voxels of a disc now."""
        return np.asarray(self.discs == self.numbers[level])

    def slices(self, level: DiscLevel) -> frozenset[int]:
        """Numbers of the shown slices that cross a disc."""
        crossed = np.any(self.shown == self.numbers[level], axis=(1, 2))
        return frozenset(np.flatnonzero(crossed).tolist())

    def mark(self, level: DiscLevel) -> DiscMark | None:
        """Where a disc is, with height lines where it is traced."""
        mark = self.loaded.images.marks.get(level)
        border = self._traced(level)
        if mark is None or border is None:
            return mark
        return traced(mark, self.loaded.images.view, border)

    def dashes(self, level: DiscLevel) -> Array:
        """(n, 2, 3) the border of a disc's automatic label as dashes, shown millimetres."""
        if level not in self._dashes:
            images = self.loaded.images
            self._dashes[level] = dashes_of(images.view, images.labels == self.numbers[level])
        return self._dashes[level]

    def border(self, level: DiscLevel) -> Array:
        """(n, 2, 3) the border that is measured, or that of the label before, shown millimetres.

        The same array is returned until the border changes.
        """
        again, view = self.edited.get(level), self.loaded.images.view
        source = (again, self.edits.get(level))
        if self._borders.get(level, ((), None))[0] != source:
            where, traced_border = self.where(level), self._traced(level)
            if again is not None and again.outline is not None:
                mask = again.outline.mask
            else:
                mask = SoftMask.from_fractions(where.astype(np.float32), view.grid.affine)
            middle = None if traced_border is None else traced_border.contour_world_mm
            drawn = border_of(view, mask, middle) if where.any() else np.empty((0, 2, 3))
            self._borders[level] = (source, drawn)
        return self._borders[level][1]

    def _traced(self, level: DiscLevel) -> DiscBorder | None:
        """The border that was measured; ``None`` for a label that was painted in another sitting."""
        if level not in self.edited:
            return None if level in self.edits else self.loaded.borders.get(level)
        again = self.edited[level]
        outline = None if again is None else again.outline
        return None if outline is None else outline.border(level)

    def file(self) -> bytes:
        """The whole label map with the reader's edits, as a file."""
        labels = self.loaded.images.labels.copy()
        labels[np.isin(labels, list(self.numbers.values()))] = 0
        painted = self.discs > 0
        labels[painted] = self.discs[painted]
        return packed(labels, self.loaded.images)


def _discs_alone(labels: NDArray[np.uint8], numbers: Mapping[DiscLevel, int]) -> NDArray[np.uint8]:
    return np.where(np.isin(labels, list(numbers.values())), labels, 0).astype(np.uint8)


def edited_values(again: RemeasuredDisc) -> dict[str, float]:
    """The numbers of a disc that was measured again, as a session records them."""
    return {
        name: float(one.value)
        for name, one in again.record.values.items()
        if not isinstance(one.value, str) and name != "confidence"
    }


class CaseCache:
    """Loaded cases by item."""

    def __init__(self) -> None:
        self._cases: dict[str, LoadedCase] = {}

    def get(self, item: str) -> LoadedCase | None:
        """A case, ``None`` where it is not loaded."""
        return self._cases.get(item)

    def put(self, item: str, case: LoadedCase) -> None:
        """Keep a case."""
        self._cases[item] = case

    def keep(self, items: Collection[str]) -> None:
        """Forget all cases but these."""
        self._cases = {item: case for item, case in self._cases.items() if item in items}

    def __len__(self) -> int:
        return len(self._cases)
