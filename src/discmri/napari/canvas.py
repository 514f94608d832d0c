"""The panels of a napari viewer: pictures side by side with the same marks.

Pictures are in the cells of napari's grid, whose cameras move together.  Layers are made once and
their data are replaced, so speed and memory stay constant over hundreds of cases.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import Array
from discmri.napari.images import DiscMark, Picture
from discmri.napari.marks import Mark, frame
from discmri.napari.overlay import (
    BORDER_PX,
    LINE_PX,
    WHITE,
    Lines,
    PanelArea,
    PanelOverlay,
    on_slice,
)
from discmri.napari.view import SagittalView

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from discmri.napari.cells import Cell

FIELD_MM = np.array([90.0, 92.0])
"""Height and width of what is seen around one disc, its name included."""
SPINE_MM = np.array([230.0, 110.0])
"""Height and width of what is seen of a lumbar spine."""
_NAME_ROOM_MM = 7.0
_FRAME_MM = 4.0
_DISC_ROOM_MM = np.array([20.0, 35.0])
_GAP_PX = 4
_USUAL = 3  # pictures of a study
Window = tuple[float, float]
"""Where black and white lie between the automatic ones: (0, 1) is the automatic window."""


class Framing(Enum):
    """Visible part of the picture; it stays the same from disc to disc."""

    DISC = "disc"
    """The current disc, at a fixed size in millimetres."""
    SPINE = "spine"
    """The whole lumbar spine with a frame around the current disc."""


class ViewerCanvas:
    """Draws one study in a napari viewer, or in its model without a window.

    ``stroke`` is called after each stroke of the brush.  ``windows`` are those that the reader
    chose, by name of the picture.
    """

    def __init__(self, viewer: ViewerModel, stroke: Callable[[], None] = lambda: None) -> None:
        self.viewer = viewer
        self.framing = Framing.DISC
        self.smooth = True
        self.windows: dict[str, Window] = {}
        self._stroke = stroke
        self._cells: list[Cell] = []
        self._view: SagittalView | None = None
        self._spacing: Array = np.ones(3)
        self._pictures: tuple[Picture, ...] = ()
        self._discs: NDArray[np.uint8] = np.empty((0, 0, 0), dtype=np.uint8)
        self._painted = 0
        self._held: dict[int, Picture] = {}
        self._hidden: set[str] = set()
        self._marked = True
        self._outlined = True
        self._filling = False
        self._marks: Sequence[Mark] = ()
        self._at: DiscMark | None = None
        viewer.canvas.events.size.connect(lambda _event: self.look())

    # ------------------------------------------------------------------ drawing
    def draw(
        self, view: SagittalView, pictures: Sequence[Picture], discs: NDArray[np.uint8]
    ) -> None:
        """Show pictures of one grid from left to right, each with the discs.

        ``discs`` (slice, row, column) has labels of the discs only; painting changes it in place.
        """
        self._build(len(pictures))
        self._view, self._spacing = view, view.spacing_mm
        self._pictures, self._discs = tuple(pictures), discs
        if all(one.name in self._hidden for one in pictures):
            self._hidden = set()
        self._filling = True
        self._show()  # first: napari ignores the size of hidden layers
        for number, cell in enumerate(self._cells):
            cell.scale(self._spacing)
            if number >= len(pictures):
                self._empty(number)
            elif self._held.get(number) is not pictures[number]:
                self._held[number] = pictures[number]
                cell.fill(pictures[number], self._limits(pictures[number]))
        self._filling = False

    def prepare(self) -> None:
        """Make the layers in advance, which takes seconds."""
        self._build(_USUAL)

    def clear(self) -> None:
        """Show nothing until the next case is loaded."""
        self._at, self._view = None, None
        if self.complete:
            for number in range(len(self._cells)):
                self._empty(number)

    def _empty(self, number: int) -> None:
        """Show nothing in a cell."""
        self._held.pop(number, None)
        self._cells[number].empty()

    def mark(self, marks: Sequence[Mark]) -> None:
        """Show borders, names and height lines of the discs on every picture."""
        self._marks = marks

    def _lines(self, number: int) -> list[Lines]:
        """Borders, height lines, dashes of residual discs, and the frame, on one slice; shown mm."""
        if not self._marked:
            return []
        found: list[Lines] = []
        for one in self._marks:
            drawn = [(one.place.lines_mm, WHITE, LINE_PX)] if one.lines else []
            if self._outlined:
                drawn.append((one.border, one.colour, BORDER_PX))
            if one.dashes is not None:
                drawn.append((one.dashes, one.colour, LINE_PX))
            found += [
                Lines(on_slice(pieces_mm, number, self._slice_mm), colour, width_px)
                for pieces_mm, colour, width_px in drawn
            ]
        if self._at is not None and self.framing is Framing.SPINE:
            found.append(Lines(self._frame(self._at), WHITE, LINE_PX))
        return found

    def _frame(self, at: DiscMark) -> Array:
        """(8, 2, 2) corner lines around the current disc, shown mm."""
        own = [one.border for one in self._marks if np.allclose(one.place.name_mm, at.name_mm)]
        ends = own[0][..., 1:].reshape(-1, 2) if own else np.empty((0, 2))
        if not len(ends):
            ends = at.centre_mm[None, 1:]
        return frame(ends.min(axis=0) - _FRAME_MM, ends.max(axis=0) + _FRAME_MM)

    def hide_marks(self, hidden: bool) -> None:
        """Hide or show everything that is drawn over the pictures."""
        self._marked = not hidden

    @property
    def outlined(self) -> bool:
        """Whether the borders of the discs are drawn."""
        return self._outlined and self._marked

    def show_outlines(self, shown: bool) -> None:
        """Show or hide the borders of the discs."""
        self._outlined = shown

    def refresh_discs(self) -> None:
        """Redraw the labels after a change of their array."""
        for cell in self._filled if self._painted else ():
            cell.discs.refresh()

    # ------------------------------------------------------------------ looking
    def focus(self, mark: DiscMark) -> None:
        """Go to the slice of a disc and show it in the framing of the session."""
        if self.complete:
            self._at = mark
            self.viewer.dims.set_point(0, float(mark.centre_mm[0]))
            self.look()

    def look(self) -> None:
        """Show the current disc in the framing of the session and undo the reader's panning."""
        at = self._at
        if at is None or not self._filled:
            return
        if self.framing is Framing.DISC:
            self._look(at.centre_mm[1:] - np.array([0.0, _NAME_ROOM_MM]), FIELD_MM)
        else:
            self._look(self._spine_mm(at), SPINE_MM)

    def _spine_mm(self, at: DiscMark) -> Array:
        """(2,) middle of the lumbar discs, moved to keep the current disc visible, shown mm."""
        lumbar = [one.place for one in self._marks if one.name.startswith("L")] or [at]
        found = np.array([one.centre_mm[1:] for one in lumbar])
        own, room = at.centre_mm[1:], SPINE_MM / 2 - _DISC_ROOM_MM
        middle = (found.min(axis=0) + found.max(axis=0)) / 2
        return np.asarray(np.clip(middle, own - room, own + room))

    def switch_framing(self) -> None:
        """Switch between the whole spine and one disc."""
        self.framing = Framing.SPINE if self.framing is Framing.DISC else Framing.DISC
        self.look()

    def scroll(self, by: int) -> None:
        """Go some slices further or back."""
        now = self.viewer.dims.current_step[0]
        self.viewer.dims.set_current_step(0, now + by)

    def shows(self, mark: DiscMark, slices: Collection[int]) -> bool:
        """Whether a disc is visible: its picture, a slice that crosses it, and its middle."""
        dims, camera = self.viewer.dims, self.viewer.scene.camera
        if tuple(dims.displayed) != (1, 2) or not any(one.image.visible for one in self._filled):
            return False
        own = round(float(mark.centre_mm[0] / self._slice_mm))
        if int(dims.current_step[0]) not in {own, *slices}:
            return False
        away = np.abs(mark.centre_mm[1:] - np.array(camera.center[-2:]))
        return bool(np.all(away < self._room_px / camera.zoom / 2))

    @property
    def _room_px(self) -> Array:
        """(2,) height and width of a panel in pixels."""
        return np.array(self.viewer.canvas.viewbox_size(self.viewer.layers), dtype=float)

    def _look(self, centre_mm: Array, size_mm: Array) -> None:
        """Show a part of the picture, moved to avoid empty space beyond its edges."""
        camera = self.viewer.scene.camera
        zoom = float(np.min(self._room_px / size_mm))
        shape = np.array(self._cells[0].image.data.shape[1:])
        size, seen = shape * self._spacing[1:], self._room_px / zoom
        low, high = seen / 2, size - seen / 2
        inside = np.where(low < high, np.clip(centre_mm, low, np.maximum(low, high)), size / 2)
        inside -= self._spacing[1:] / 2  # shown millimetres count from the middle of a voxel
        centre = (0.0, float(inside[0]), float(inside[1]))
        if not np.allclose(camera.center, centre):
            camera.center = centre
        if not np.isclose(camera.zoom, zoom):
            camera.zoom = zoom

    @property
    def overlays(self) -> tuple[PanelOverlay, ...]:
        """Return the overlays of the panels, from left to right."""
        view, viewer = self._view, self.viewer
        shown = [one for one in self._pictures if one.name not in self._hidden]
        if view is None or not self.complete or tuple(viewer.dims.displayed) != (1, 2):
            return ()
        size_px, room_px = np.array(viewer.canvas.size)[::-1], self._room_px[::-1]
        columns = viewer.canvas.grid.actual_shape(viewer.layers)[1]
        gap_px = (size_px[0] - columns * room_px[0]) / max(columns - 1, 1)
        number = int(np.clip(viewer.dims.current_step[0], 0, view.shape[0] - 1))
        where = f"{number + 1} of {view.shape[0]}\n{view.side(number)}"  # 4/7 is like a grade
        names = [(one.name, one.colour, one.place.name_mm) for one in self._marks if self._marked]
        camera, lines = viewer.scene.camera, self._lines(number)
        centre_mm = np.array(camera.center[-2:])
        found = []
        for place, picture in enumerate(shown[-columns:]):
            corner_px = np.array([place * (room_px[0] + gap_px), 0.0])
            area = PanelArea(corner_px, room_px, centre_mm, camera.zoom)
            found.append(PanelOverlay.of(area, picture.title, where, names, lines))
        return (*found[:-1], found[-1].scaled())

    # ------------------------------------------------------------------ series and windows
    @property
    def series(self) -> tuple[tuple[str, bool], ...]:
        """Return the title of each picture and whether it is shown."""
        return tuple((one.title, one.name not in self._hidden) for one in self._pictures)

    @property
    def scale(self) -> tuple[Picture, tuple[float, float]] | None:
        """Return the visible picture with a colour scale, and its window."""
        for picture in self._pictures:
            if picture.unit and picture.name not in self._hidden:
                return picture, self._limits(picture)
        return None

    def toggle_series(self, number: int) -> None:
        """Show or hide a picture; the last visible one stays."""
        if number >= len(self._pictures):
            return
        name = self._pictures[number].name
        hidden = self._hidden ^ {name}
        if any(one.name not in hidden for one in self._pictures):
            self._hidden = hidden
            self._show()
            self.look()

    def show_all_series(self) -> None:
        """Show all pictures from the next case on."""
        self._hidden = set()

    def smoothen(self, smooth: bool) -> None:
        """Switch interpolation between pixels on or off."""
        self.smooth = smooth
        for cell in self._cells:
            cell.image.interpolation2d = self._interpolation

    @property
    def _interpolation(self) -> str:
        return "linear" if self.smooth else "nearest"

    def _limits(self, picture: Picture) -> tuple[float, float]:
        """Grey values of the reader's window of a picture."""
        black, white = self.windows.get(picture.name, (0.0, 1.0))
        low, high = picture.limits
        return low + black * (high - low), low + white * (high - low)

    def _window_changed(self, _event: object = None) -> None:
        """Store the window that the reader set."""
        if self._filling:
            return
        for cell, picture in zip(self._cells, self._pictures, strict=False):
            low, high = picture.limits
            black, white = ((one - low) / (high - low) for one in cell.image.contrast_limits)
            chosen = (round(float(black), 3), round(float(white), 3))
            if chosen != self.windows.get(picture.name, (0.0, 1.0)):
                self.windows[picture.name] = chosen

    def reset_windows(self) -> None:
        """Show every picture in its automatic window again."""
        self.windows.clear()
        self.apply_windows()

    def apply_windows(self) -> None:
        """Show every picture in the reader's window."""
        self._filling = True
        for cell, picture in zip(self._filled, self._pictures, strict=False):
            cell.image.contrast_limits = self._limits(picture)
        self._filling = False

    # ------------------------------------------------------------------ painting
    @property
    def painting(self) -> bool:
        """Whether a label is being painted."""
        return self.complete and bool(self._cells[0].discs.editable)

    def paint(self, number: int, erase: bool = False) -> None:
        """Start to paint or erase one label; other labels are protected."""
        self._painted = number
        colours = {one.number: one.colour for one in self._marks}
        self._show()
        for cell in self._filled:
            cell.take_labels(self._discs, number, colours.get(number, "white"))
        discs = self._cells[0].discs
        discs.brush_size = 3
        self.viewer.layers.selection.active = discs
        discs.mode = "erase" if erase else "paint"

    def stop_painting(self) -> None:
        """Stop painting."""
        if self.complete and self._painted:
            for cell in self._cells:
                cell.put_labels_away()
            self.viewer.layers.selection.active = self._cells[0].image
            self._painted = 0
            self._show()

    # ------------------------------------------------------------------ layers
    @property
    def complete(self) -> bool:
        """Whether all layers exist in their order; the user can change both."""
        ours = [layer for cell in self._cells for layer in cell.layers]
        return bool(ours) and list(self.viewer.layers)[: len(ours)] == ours

    @property
    def _slice_mm(self) -> float:
        return float(self._spacing[0])

    @property
    def _filled(self) -> list[Cell]:
        """The cells that hold a picture."""
        return self._cells[: len(self._pictures)] if self.complete else []

    def _show(self) -> None:
        """Show the layers with data; the grid is off during this, which is much faster."""
        pictures, cells, painting = self._pictures, self._cells, self._painted > 0
        seen = [one.name not in self._hidden for one in pictures]
        wanted = {
            layer: number < len(seen) and seen[number] and (layer is not cell.discs or painting)
            for number, cell in enumerate(cells)
            for layer in cell.layers
        }
        changed = [layer for layer, visible in wanted.items() if layer.visible != visible]
        if changed:
            grid = self.viewer.canvas.grid
            grid.enabled = False
            for layer in changed:
                layer.visible = wanted[layer]
            grid.enabled = True

    def _build(self, count: int) -> None:
        """Make cells until each picture has one."""
        from discmri.napari.cells import Cell

        complete = self.complete
        if complete and len(self._cells) >= count:
            return
        self.viewer.canvas.grid.enabled = False  # otherwise each layer triggers a layout of all
        if not complete:
            self._put_back()
        first = not self._cells
        for number in range(len(self._cells), count):
            cell = Cell.made()
            cell.image.interpolation2d = self._interpolation
            cell.image.events.contrast_limits.connect(self._window_changed)
            for place, layer in enumerate(cell.layers):
                self.viewer.layers.insert(number * len(cell.layers) + place, layer)
            self._cells.append(cell)
        if first:
            self._cells[0].discs.events.paint.connect(self._tell_stroke)
            self._set_up()
        self.viewer.layers.selection.active = self._cells[0].image
        self.viewer.canvas.grid.enabled = True

    def _set_up(self) -> None:
        """Set up the grid with panels side by side."""
        grid = self.viewer.canvas.grid
        grid.stride, grid.shape, grid.spacing = len(self._cells[0].layers), (1, -1), _GAP_PX
        self.viewer.dims.axis_labels = ("slice", "row", "column")

    def _tell_stroke(self, _event: object) -> None:
        self._stroke()

    def _put_back(self) -> None:
        """Restore layers that the user removed from the list or moved in it."""
        layers = self.viewer.layers
        for place, layer in enumerate(layer for cell in self._cells for layer in cell.layers):
            if layer not in layers:
                layers.insert(place, layer)
            elif layers.index(layer) != place:
                layers.move(layers.index(layer), place)
