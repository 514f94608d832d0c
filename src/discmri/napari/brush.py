"""Paint the label of one disc and measure the disc again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from discmri.core.levels import DiscLevel
from discmri.core.progress import ProgressCallback
from discmri.measurement.disc_values import RemeasuredDisc
from discmri.napari.case import LoadedCase, edited_values
from discmri.napari.images import DiscMark, traced
from discmri.napari.loading import measure_painted

if TYPE_CHECKING:
    from discmri.napari.canvas import ViewerCanvas

StrokeStarter = Callable[
    [Callable[[ProgressCallback], Any], Callable[[Any], None], Callable[[Exception], None]], object
]
"""Does a job in a worker and calls one of two functions with what came of it."""


class Brush:
    """Edits the label of one disc at a time.

    A worker measures the disc after each stroke.  Strokes during a measurement are measured
    together afterwards.  ``moved`` is called after each change, ``failed`` with the error of a
    failed measurement.
    """

    def __init__(
        self,
        canvas: ViewerCanvas,
        work: StrokeStarter,
        moved: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self.case: LoadedCase | None = None
        self.key: DiscLevel | None = None
        self._canvas, self._work, self._moved, self._fail = canvas, work, moved, failed
        self._before: NDArray[np.uint8] | None = None
        self._again: RemeasuredDisc | None = None
        self._seen: NDArray[np.bool_] | None = None
        self._measuring = self._stale = self._erase = False
        self._waiting: Callable[[], None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a label is being painted."""
        return self.case is not None

    @property
    def changed(self) -> bool:
        """Whether the label differs from the one before painting."""
        return (
            self.case is not None
            and self._before is not None
            and not np.array_equal(self.case.discs, self._before)
        )

    @property
    def values(self) -> dict[str, float]:
        """Last measured values by parameter name."""
        return {} if self._again is None else edited_values(self._again)

    def mark(self, key: DiscLevel) -> DiscMark | None:
        """Mark of the disc after the last stroke; ``None`` for other discs and before a stroke."""
        case, again = self.case, self._again
        if case is None or key is not self.key or again is None or again.outline is None:
            return None
        mark = case.loaded.images.marks.get(key)
        border = again.outline.border(key)
        return None if mark is None else traced(mark, case.loaded.images.view, border)

    def start(self, case: LoadedCase, key: DiscLevel, erase: bool) -> None:
        """Start to paint or erase, or switch between them."""
        if self.case is None:
            self.case, self.key, self._before = case, key, case.discs.copy()
        self._erase = erase
        self.resume()

    def resume(self) -> None:
        """Activate the brush again after the layers were redrawn."""
        if self.case is not None and self.key is not None:
            self._canvas.paint(self.case.numbers[self.key], self._erase)

    def stroke(self) -> None:
        """Measure the changed label, now or after the running measurement."""
        self._canvas.refresh_discs()
        case, key = self.case, self.key
        if case is None or key is None:
            return
        steps, images = case.measured, case.loaded.images
        if self._measuring or steps is None:
            self._stale = True
            return
        self._measuring, self._stale = True, False
        where, number = case.where(key), case.numbers[key]
        self._seen = where

        def job(_progress: ProgressCallback) -> RemeasuredDisc | None:
            return measure_painted(steps, images, key, where, number)

        self._work(job, self._measured, self._broken)

    def catch_up(self) -> None:
        """Measure strokes that were painted before the study was measured."""
        if self._stale and not self._measuring and self.case is not None and self.case.measured:
            self.stroke()

    def _measured(self, again: RemeasuredDisc | None) -> None:
        self._measuring = False
        if not self.busy:
            return
        self._again = again
        if self._stale:
            self.stroke()
        elif self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting()
        self._moved()

    def _broken(self, error: Exception) -> None:
        self._fail(error)
        self._measured(None)

    def when_measured(self, then: Callable[[], None]) -> None:
        """Call a function when the present label is measured."""
        case, key, seen = self.case, self.key, self._seen
        if case is None or key is None:
            return
        fresh = seen is not None and np.array_equal(case.where(key), seen)
        if fresh and not self._measuring:
            then()
            return
        self._waiting = then
        if not fresh:
            self.stroke()

    def done(self) -> None:
        """Keep the edit as the label of the case."""
        if self.case is not None and self.key is not None:
            self.case.edited[self.key] = self._again
        self._end()

    def drop(self) -> None:
        """Restore the label from before painting."""
        if self.case is not None and self._before is not None:
            self.case.discs[:] = self._before
        self._end()
        self._canvas.refresh_discs()

    def _end(self) -> None:
        self.case = self.key = self._before = self._waiting = None
        self._again = self._seen = None
        self._stale = False
        self._canvas.stop_painting()
        self._moved()
