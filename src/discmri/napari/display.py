"""Display settings that a reader changes by keys and each read records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from discmri.napari.canvas import Framing, ViewerCanvas

SERIES_KEYS = tuple(f"f{number}" for number in range(1, 7))
"""Each shows or hides one picture."""


class Display:
    """Keys that change the display of the pictures on a canvas."""

    def __init__(self, canvas: ViewerCanvas) -> None:
        self._canvas = canvas
        self._marks_hidden = False
        series = {key: partial(canvas.toggle_series, n) for n, key in enumerate(SERIES_KEYS)}
        self.keys: Mapping[str, Callable[[], object]] = {
            **series,
            "0": canvas.switch_framing,
            "h": self._toggle_marks,
            "o": lambda: canvas.show_outlines(not canvas.outlined),
            "i": lambda: canvas.smoothen(not canvas.smooth),
            "x": canvas.reset_windows,
            "left": partial(canvas.scroll, -1),
            "right": partial(canvas.scroll, 1),
        }

    def begin(self, blinded: bool, earlier: Mapping[str, Any]) -> None:
        """Restore the reader's display settings; in a blinded session outlines are hidden at first.

        ``earlier`` is the result of :meth:`facts` at the last read; empty before the first.
        """
        canvas = self._canvas
        canvas.show_all_series()
        canvas.show_outlines(not blinded)
        canvas.framing = Framing(earlier.get("framing", Framing.DISC.value))
        canvas.smoothen(bool(earlier.get("smooth", True)))
        canvas.windows = {
            name: (float(black), float(white))
            for name, (black, white) in earlier.get("windows", {}).items()
        }
        canvas.apply_windows()

    def facts(self) -> dict[str, Any]:
        """Return the present display settings, JSON-like.

        ``windows`` holds the reader's window of each picture whose automatic window was changed, as
        positions of black and white relative to the automatic window.
        """
        canvas = self._canvas
        return {
            "framing": canvas.framing.value,
            "smooth": canvas.smooth,
            "outlines": canvas.outlined,
            "series": [title for title, shown in canvas.series if shown],
            "windows": {name: list(one) for name, one in sorted(canvas.windows.items())},
        }

    def _toggle_marks(self) -> None:
        self._marks_hidden = not self._marks_hidden
        self._canvas.hide_marks(self._marks_hidden)
