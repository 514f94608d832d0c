"""Draw a case on the canvas: pictures, marks and the current disc."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from discmri.core.levels import DiscLevel
from discmri.napari.brush import Brush
from discmri.napari.canvas import ViewerCanvas
from discmri.napari.case import LoadedCase
from discmri.napari.images import Picture
from discmri.napari.marks import Mark
from discmri.results.pictures.canvas import LEVEL_COLOURS


class Drawing:
    """Draws a case on a canvas, with the disc that is painted, and redraws only changes."""

    def __init__(self, canvas: ViewerCanvas, brush: Brush) -> None:
        self.canvas, self.brush = canvas, brush
        self._case: LoadedCase | None = None
        self._pictures: tuple[Picture, ...] = ()
        self._marked: tuple[object, ...] = ()
        self._at: tuple[str, DiscLevel | None] | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is drawn."""
        return self._case is None

    def shows(self, case: LoadedCase) -> bool:
        """Whether this case is drawn."""
        return self._case is case

    def draw(self, case: LoadedCase) -> None:
        """Draw the loaded pictures of a case."""
        pictures, complete = case.pictures, self.canvas.complete
        if self.shows(case) and self._pictures == pictures and complete:
            return
        if not (self.shows(case) and complete and len(self._pictures) == len(pictures)):
            self._marked = ()
        if not complete:
            self.look_again()  # new layers reset the view
        self.canvas.draw(case.loaded.images.view, pictures, case.shown)
        self._case, self._pictures = case, pictures

    def mark(
        self,
        case: LoadedCase,
        names: Mapping[DiscLevel, str],
        residual: Mapping[DiscLevel, str],
        may_see: Callable[[DiscLevel], bool],
    ) -> None:
        """Mark the discs and residual discs of the drawn case with their present names.

        ``may_see`` tells whether the height lines of a disc may be shown.
        """
        marks = []
        for key, name in names.items():
            place = self.brush.mark(key) or case.mark(key)
            if place is not None:
                colour, border = LEVEL_COLOURS[DiscLevel(name)], case.border(key)
                number = case.numbers[key]
                marks.append(Mark(place, name, colour, number, may_see(key), border=border))
        for key, name in residual.items():
            place = case.mark(key)
            if place is not None:
                colour, number = LEVEL_COLOURS[DiscLevel(name)], case.numbers[key]
                marks.append(Mark(place, name, colour, number, False, case.dashes(key)))
        signature = tuple(
            (one.name, one.lines, one.place.lines_mm.tobytes(), id(one.border)) for one in marks
        )
        if signature == self._marked:
            return
        self.canvas.mark(marks)
        self._marked = signature
        if self.brush.busy:
            self.brush.resume()  # new layers and colours deactivate the brush

    def go(self, item: str, case: LoadedCase, key: DiscLevel | None) -> bool:
        """Go to a disc; ``False`` if it is current already or has no mark."""
        place = None if key is None else case.mark(key)
        if place is None or self._at == (item, key):
            return False
        self._at = item, key
        self.canvas.focus(place)
        return True

    def look_again(self) -> None:
        """Show the current disc again at the next call of :meth:`go`."""
        self._at = None

    def clear(self) -> None:
        """Remove the drawing."""
        self._case, self._pictures, self._marked, self._at = None, (), (), None
        self.canvas.clear()
