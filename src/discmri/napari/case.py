"""A loaded case: pictures, marks, and labels that can be painted."""

from __future__ import annotations

from collections.abc import Mapping
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
from discmri.napari.loading import LoadedStudy, unpacked
from discmri.results.label_map import LabelMap
from discmri.results.outline import DiscBorder


@dataclass(eq=False)
class LoadedCase:
    """One loaded case.

    Attributes
    ----------
    loaded
        Images and automatic labels.
    numbers
        Label number of each disc.
    discs
        (i, j, k) labels of the discs only, with the reader's edits; painting changes it in place.
    edits
        Row of each edit in ``discs``, by automatic level.
    adc
        ADC on the grid of the pictures; a placeholder until it is loaded.
    without_adc
        Reason why no ADC is shown; empty if none was measured.
    complete
        Whether all results are loaded, including the ADC.
    measured
        The study measured again, needed to measure painted discs; ``None`` before.
    to_measure
        Whether the study must be measured again.
    edited
        Discs measured with a label painted here; ``None`` for an empty label.
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
        """A case with its automatic labels; the slow steps are done here."""
        adc = None if loaded.diffusion is None else adc_to_come(loaded.images.view)
        case = cls(loaded, numbers, _discs_alone(loaded.images.labels, numbers), adc=adc)
        for level in numbers:
            case.border(level)
        return case

    def apply_edits(self, painted: bytes | None, edits: Mapping[DiscLevel, str]) -> None:
        """Apply the reader's edited labels; ``None`` for the automatic ones."""
        labels = self.loaded.images.labels if painted is None else unpacked(painted).array
        self.discs[:] = _discs_alone(labels, self.numbers)
        self.edited = {
            level: one
            for level, one in self.edited.items()
            if level in edits and edits[level] == self.edits.get(level)
        }
        self.edits = dict(edits)

    def set_adc(self, adc: Picture | str) -> None:
        """Set the ADC or the reason why there is none; this completes the case."""
        self.adc, self.without_adc = (None, adc) if isinstance(adc, str) else (adc, "")
        self.complete = True

    @property
    def ready(self) -> bool:
        """Whether nothing remains to be loaded or measured."""
        return self.complete and (self.measured is not None or not self.to_measure)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Series that are not shown, with reasons."""
        return tuple(filter(None, (*self.loaded.images.left_out, self.without_adc)))

    def set_measured(self, steps: StudySteps) -> None:
        """Set the study that was measured again."""
        self.measured = steps

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Pictures from left to right."""
        pictures = self.loaded.images.pictures
        return pictures if self.adc is None else (*pictures, self.adc)

    @property
    def shown(self) -> NDArray[np.uint8]:
        """(slice, row, column) view of ``discs`` for drawing; shares its memory."""
        return self.loaded.images.view.shown(self.discs)

    def where(self, level: DiscLevel) -> NDArray[np.bool_]:
        """(i, j, k) present voxels of a disc."""
        return np.asarray(self.discs == self.numbers[level])

    def slices(self, level: DiscLevel) -> frozenset[int]:
        """Numbers of the shown slices that cross a disc."""
        crossed = np.any(self.shown == self.numbers[level], axis=(1, 2))
        return frozenset(np.flatnonzero(crossed).tolist())

    def mark(self, level: DiscLevel) -> DiscMark | None:
        """Mark of a disc, with height lines if it is traced."""
        mark = self.loaded.images.marks.get(level)
        border = self._traced(level)
        if mark is None or border is None:
            return mark
        return traced(mark, self.loaded.images.view, border)

    def dashes(self, level: DiscLevel) -> Array:
        """(n, 2, 3) dashes along the border of a disc's automatic label, shown millimetres."""
        if level not in self._dashes:
            images = self.loaded.images
            self._dashes[level] = dashes_of(images.view, images.labels == self.numbers[level])
        return self._dashes[level]

    def border(self, level: DiscLevel) -> Array:
        """(n, 2, 3) measured border, else that of the label, shown millimetres.

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
        """Measured border; ``None`` for a label painted in an earlier sitting."""
        if level not in self.edited:
            return None if level in self.edits else self.loaded.borders.get(level)
        again = self.edited[level]
        outline = None if again is None else again.outline
        return None if outline is None else outline.border(level)

    def file(self) -> bytes:
        """Label map with the reader's edits, as a file."""
        labels = self.loaded.images.labels.copy()
        labels[np.isin(labels, list(self.numbers.values()))] = 0
        painted = self.discs > 0
        labels[painted] = self.discs[painted]
        return LabelMap(labels, self.loaded.images.view.grid).to_bytes()


def _discs_alone(labels: NDArray[np.uint8], numbers: Mapping[DiscLevel, int]) -> NDArray[np.uint8]:
    return np.where(np.isin(labels, list(numbers.values())), labels, 0).astype(np.uint8)


def edited_values(again: RemeasuredDisc) -> dict[str, float]:
    """Values of a disc that was measured again, as recorded in a session."""
    return {
        name: float(one.value)
        for name, one in again.record.values.items()
        if not isinstance(one.value, str) and name != "confidence"
    }
