"""A reader at a session in a real viewer, by keyboard alone, as fast as it answers.

``python -m benchmarks.viewer_session SESSION CASES`` prints one line of JSON: seconds of each
step, and memory after every tenth of the cases.  ``... SESSION CASES DISCS`` reads so many discs
instead: a grade for each, some double, some postponed first, and Enter.
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
        """The current case, ``None`` until its images are there."""
        return self.shell.loader.cases.get(self.desk.item)

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
        """Wait for all that belongs to the current case."""
        self.settle(lambda: self.case is not None and self.case.complete)

    def step_and_grade(self) -> None:
        """Go through the discs of a case, and grade each."""
        for _ in self.desk.case.discs[1:]:
            with self.timed("step to another disc"):
                self.press("Down")
            with self.timed("grade a disc"):
                self.press("3")

    def paint(self) -> None:
        """Three strokes on the current label, then drop them."""
        case, number = self.case, self.case.numbers[self.desk.key]
        self.press("P")
        self.settle(lambda: case.measured is not None)
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


def main(path: str, cases: int, discs: int = 0) -> None:
    """Read, and print what it took."""
    start = time.perf_counter()
    import napari

    from discmri.napari.qt.window import shell_of
    from discmri.reading import open_session

    viewer = napari.Viewer(show=False, show_welcome_screen=False)
    reader = Reader(shell_of(viewer))
    window = viewer.window._qt_window
    memory: dict[int, float] = {}
    with open_session(path, "ann") as session:
        reader.shell.read(session)
        reader.times_s["start napari and open the session"].append(time.perf_counter() - start)
        window.resize(1800, 1000)
        with reader.timed("from the window to the first study"):
            viewer.window.show()
            reader.settle(lambda: reader.case is not None)
        window.activateWindow()  # keys reach no other
        reader.settle(window.isActiveWindow)
        with reader.timed("then until its ADC is there"):
            reader.wait_until_measured()
        if discs:
            _read(reader, discs)
        for number in range(1, 0 if discs else cases + 1):
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


def _read(reader: Reader, discs: int) -> None:
    """Grade so many discs by keys, each timed from its grade until the next one is drawn."""
    session, grades = reader.desk.session, "3475268"
    for number in range(discs):
        reader.settle(lambda: reader.case is not None)
        if number % 10 == 5:
            with reader.timed("postpone a disc"):
                reader.press("L")
                reader.settle(lambda: reader.case is not None)
        with reader.timed("a disc by keyboard"):
            reader.press(grades[number % len(grades)])
            if number % 6 == 1:
                reader.press("Slash")
                reader.press("7")
            reader.press("Return")
            reader.settle(lambda: reader.case is not None)
    done = session.progress[0]
    if done != discs:
        sys.exit(f"{done} of {discs} discs are done")


def _next(reader: Reader) -> None:
    """The next case, once it was loaded ahead."""
    upcoming = reader.desk.upcoming
    assert upcoming is not None

    def ready() -> bool:
        case = reader.shell.loader.cases.get(upcoming)
        return case is not None and case.complete

    reader.settle(ready)
    with reader.timed("draw the next case, loaded ahead"):
        reader.press("PageDown")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
