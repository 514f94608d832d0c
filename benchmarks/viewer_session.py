"""A reader who pages through a session in a real viewer, as fast as it answers.

``python -m benchmarks.viewer_session SESSION CASES`` prints one line of JSON: seconds of each
step, and memory after every tenth of the cases.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import psutil

if TYPE_CHECKING:
    from discmri.napari.annotator import Annotator
    from discmri.napari.qt.shell import Shell

PATIENCE_S = 120.0
TIMED = 5
"""Cases in which every step is timed; from then on they are only paged through."""


class Reader:
    """Somebody in front of the screen, with a stopwatch."""

    def __init__(self, shell: Shell) -> None:
        self.shell, self.canvas = shell, shell.viewer.window._qt_viewer.canvas.native
        self.times_s: dict[str, list[float]] = defaultdict(list)

    @property
    def desk(self) -> Annotator:
        """The annotator."""
        desk: Annotator = self.shell.desk
        return desk

    @property
    def case(self):
        """The case at hand, ``None`` until its images are there."""
        return self.shell.loader.case(self.desk.item)

    def settle(self, until: Callable[[], bool] = lambda: True) -> None:
        """Let Qt work until something is so and all of it is drawn."""
        from qtpy.QtWidgets import QApplication

        end = time.monotonic() + PATIENCE_S
        while not until():
            if time.monotonic() > end:
                sys.exit("waited in vain")
            QApplication.processEvents()
            time.sleep(0.002)
        for _ in range(4):
            QApplication.processEvents()

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Note the time of what is done inside, once it is drawn."""
        start = time.perf_counter()
        yield
        self.settle()
        self.times_s[name].append(time.perf_counter() - start)

    def press(self, key: str) -> None:
        """A key on the canvas."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        QTest.keyClick(self.canvas, getattr(Qt.Key, f"Key_{key}"))

    def wait_until_measured(self) -> None:
        """Wait for all that belongs to the case at hand."""
        self.settle(lambda: self.case is not None and self.case.measured is not None)

    def step_and_grade(self) -> None:
        """Go through the discs of a case, and grade each."""
        for _ in self.desk.case.discs[1:]:
            with self.timed("step to another disc"):
                self.press("Down")
            with self.timed("grade a disc"):
                self.press("3")

    def paint(self) -> None:
        """Three strokes on the label at hand, then drop them."""
        case, number = self.case, self.case.numbers[self.desk.key]
        self.press("P")
        layer = self.shell.canvas._cells[0].discs
        middle = int(self.shell.viewer.dims.current_step[0])
        voxels = np.argwhere(case.shown[middle] == number)
        row, column = voxels.min(axis=0)[0], int(np.median(voxels[:, 1]))
        for by in range(3):
            seen = self.shell.brush._again
            with self.timed("measure a disc after a stroke"):
                layer.paint((middle, int(row) - by, column), number)
                self.settle(lambda seen=seen: self.shell.brush._again is not seen)
        self.press("Escape")
        self.settle()


def main(path: str, cases: int) -> None:
    """Read, and print what it took."""
    start = time.perf_counter()
    import napari

    from discmri.napari.qt.window import shell_of
    from discmri.reading import open_session

    viewer = napari.Viewer(show=False)
    reader = Reader(shell_of(viewer))
    viewer.window.show()
    viewer.window._qt_window.resize(1800, 1000)
    window = viewer.window._qt_window
    window.activateWindow()  # keys reach no other
    reader.settle(window.isActiveWindow)
    reader.times_s["start napari"].append(time.perf_counter() - start)
    memory: dict[int, float] = {}
    with open_session(path, "ann") as session:
        with reader.timed("open the session and draw the first study"):
            reader.shell.read(session)
            reader.settle(lambda: reader.case is not None)
        with reader.timed("then until it is measured"):
            reader.wait_until_measured()
        for number in range(1, cases + 1):
            reader.wait_until_measured()
            if number <= TIMED:
                reader.step_and_grade()
                reader.paint()
            if number % max(cases // 10, 1) == 0:
                memory[number] = psutil.Process().memory_info().rss / 1e6
            if number < cases:
                _next(reader)
        reader.shell.leave()
    print(json.dumps({"times_s": reader.times_s, "memory_mb": memory}))


def _next(reader: Reader) -> None:
    """The next case, once it was loaded ahead."""
    upcoming = reader.desk.upcoming
    assert upcoming is not None

    def ready() -> bool:
        case = reader.shell.loader.case(upcoming)
        return case is not None and case.measured is not None

    reader.settle(ready)
    with reader.timed("draw the next case, loaded ahead"):
        reader.press("PageDown")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
