"""The layers of a napari viewer: pictures side by side, and the same marks on each of them.

Pictures stand in the cells of napari's grid, whose cameras move together.  A cell is a group of
five layers: the image, the discs' labels, which are seen only while they are painted, their
borders as thin lines, their height lines with corners, and their names.
Layers are made once and then only get other data, so that reading hundreds of cases neither
slows down nor fills the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import Array
from discmri.napari.images import DiscMark, Picture
from discmri.napari.view import SagittalView

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Points, Shapes, Vectors

FIELD_MM = np.array([90.0, 92.0])
"""Height and width of what is seen around one disc, its name included."""
CELLS = 3
_CORNER_MM = 0.7
_LINE_MM = 0.5
_OUTLINE_MM = 0.3
_NAME_SIZE = 11
_NAME_ROOM_MM = 7.0
_GAP_PX = 4
_CALLED = ("", " discs", " borders", " heights", " names")
_NO_TEXT = {"string": {"constant": ""}}
_EMPTY = np.zeros((1, 1, 1), dtype=np.uint8)
_UNMARKED = (None, None, None)


@dataclass(frozen=True, eq=False)
class Mark:
    """One disc as it is marked on every picture.

    Parameters
    ----------
    place
        Where it is.
    name, colour
        What it is called, and its colour.
    number
        Its label.
    lines
        Whether its height lines and corners may be seen.
    dashes
        (n, 2, 3) a residual disc is drawn by these instead of the border of its label, shown
        millimetres; ``None`` for all others.
    border
        (n, 2, 3) ends of the pieces of its border on every slice, shown millimetres.
    """

    place: DiscMark
    name: str
    colour: str
    number: int
    lines: bool
    dashes: Array | None = None
    border: Array = field(default_factory=lambda: np.empty((0, 2, 3)))


@dataclass(frozen=True, eq=False)
class _Cell:
    """The layers of one picture."""

    image: Image
    discs: Labels
    borders: Vectors
    heights: Shapes
    names: Points

    @property
    def layers(self) -> tuple[Any, ...]:
        return self.image, self.discs, self.borders, self.heights, self.names


class Canvas:
    """Draws one study in a viewer.

    Parameters
    ----------
    viewer
        A napari viewer, or its model without a window.
    stroke
        Called after each stroke of the brush.
    """

    def __init__(self, viewer: ViewerModel, stroke: Callable[[], None] = lambda: None) -> None:
        self.viewer = viewer
        self._stroke = stroke
        self._cells: list[_Cell] = []
        self._spacing: Array = np.ones(3)
        self._filled = 0
        self._marked = True
        self._outlined = True
        self._drawn_marks: tuple[Any, ...] = _UNMARKED

    # ------------------------------------------------------------------ drawing
    def draw(
        self, view: SagittalView, pictures: Sequence[Picture], discs: NDArray[np.uint8]
    ) -> None:
        """Show pictures of one lattice side by side, each with the discs on it.

        Parameters
        ----------
        view
            How their lattice is shown.
        pictures
            From left to right, at most three.
        discs
            (slice, row, column) labels of the discs and of nothing else; painting changes it.
        """
        if not self.complete:
            self._build()
        self._spacing = view.spacing_mm
        self._filled = len(pictures)
        self._drawn_marks = _UNMARKED
        self._show()  # first: napari does not learn how large hidden layers are
        for number, cell in enumerate(self._cells):
            self._scale(cell)
            if number < len(pictures):
                self._fill(cell, pictures[number], discs)
            else:
                self._empty(cell)
        self._settle()

    def clear(self) -> None:
        """Show nothing: the next case is not there yet."""
        if self.complete:
            self._drawn_marks = _UNMARKED
            for cell in self._cells:
                self._empty(cell)

    def mark(self, marks: Sequence[Mark]) -> None:
        """Colour, name and measure the discs on every picture; what stays is not drawn anew."""
        if not self.complete:
            return
        colours = {one.number: one.colour for one in marks if one.dashes is None}
        names = [(one.name, one.colour, tuple(one.place.name_mm)) for one in marks]
        borders = [(one.colour, id(one.border)) for one in marks]
        earlier, self._drawn_marks = self._drawn_marks, (colours, names, borders)
        for cell in self._shown:
            if earlier[0] != colours:
                _colour(cell.discs, colours)
            if earlier[1] != names:
                _name(cell.names, marks)
            if earlier[2] != borders:
                _outline(cell.borders, marks, float(self._spacing[0]))
            _measure(cell.heights, marks, float(self._spacing[0]))

    def hide_marks(self, hidden: bool) -> None:
        """Take away or give back everything that lies over the pictures."""
        self._marked = not hidden
        if self.complete:
            self._show()

    def show_outlines(self, shown: bool) -> None:
        """Draw the borders of the discs, or leave the discs as they are seen."""
        self._outlined = shown
        if self.complete:
            self._show()

    def refresh_discs(self) -> None:
        """Draw the labels anew after their array was changed from outside."""
        for cell in self._shown:
            cell.discs.refresh()

    # ------------------------------------------------------------------ looking
    def focus(self, mark: DiscMark) -> None:
        """Go to the slice of a disc and show its surroundings."""
        if self.complete:
            self.viewer.dims.set_point(0, float(mark.centre_mm[0]))
            middle = np.array([mark.centre_mm[1], mark.centre_mm[2] - _NAME_ROOM_MM])
            self._look(middle, FIELD_MM)

    def overview(self) -> None:
        """Show the whole picture."""
        if self._shown:
            size = np.array(self._cells[0].image.data.shape[1:]) * self._spacing[1:]
            self._look(size / 2, size)

    def scroll(self, by: int) -> None:
        """Go to another slice."""
        now = self.viewer.dims.current_step[0]
        self.viewer.dims.set_current_step(0, now + by)

    def shows(self, mark: DiscMark, slices: Collection[int]) -> bool:
        """Whether a disc can be seen now: its picture, one of its slices, and its middle.

        Parameters
        ----------
        mark
            Where the disc is.
        slices
            Numbers of the slices that cross it.
        """
        dims, camera = self.viewer.dims, self.viewer.scene.camera
        if tuple(dims.displayed) != (1, 2) or not any(one.image.visible for one in self._shown):
            return False
        own = round(float(mark.centre_mm[0] / self._spacing[0]))
        if int(dims.current_step[0]) not in {own, *slices}:
            return False
        room = np.array(self.viewer.canvas.viewbox_size(self.viewer.layers), dtype=float)
        away = np.abs(mark.centre_mm[1:] - np.array(camera.center[-2:]))
        return bool(np.all(away < room / camera.zoom / 2))

    def _look(self, centre_mm: Array, size_mm: Array) -> None:
        camera, canvas = self.viewer.scene.camera, self.viewer.canvas
        room = np.array(canvas.viewbox_size(self.viewer.layers), dtype=float)
        camera.center = (0.0, float(centre_mm[0]), float(centre_mm[1]))
        camera.zoom = float(np.min(room / size_mm))

    # ------------------------------------------------------------------ painting
    @property
    def painting(self) -> bool:
        """Whether a label can be painted now."""
        return self.complete and bool(self._cells[0].discs.editable)

    def paint(self, number: int, erase: bool = False) -> None:
        """Let the reader paint or erase one label, and only that one."""
        discs = self._cells[0].discs
        discs.editable = True
        discs.selected_label = number
        discs.preserve_labels = True
        discs.brush_size = 3
        discs.show_selected_label = True
        discs.opacity = 0.5
        self.viewer.layers.selection.active = discs
        discs.mode = "erase" if erase else "paint"

    def stop_painting(self) -> None:
        """Back to looking."""
        if self.complete:
            _look_only(self._cells[0].discs)
            self.viewer.layers.selection.active = self._cells[0].image

    # ------------------------------------------------------------------ layers
    @property
    def complete(self) -> bool:
        """Whether all layers are still there, and in their order; the user may change both."""
        ours = [layer for cell in self._cells for layer in cell.layers]
        return bool(ours) and list(self.viewer.layers)[: len(ours)] == ours

    @property
    def _shown(self) -> list[_Cell]:
        """The cells that hold a picture."""
        return self._cells[: self._filled] if self.complete else []

    def _show(self) -> None:
        """Make visible what holds something; the grid is off meanwhile, which is much quicker."""
        wanted = {
            layer: number < self._filled
            and (self._marked or layer is cell.image)
            and (self._outlined or layer is not cell.borders)
            for number, cell in enumerate(self._cells)
            for layer in cell.layers
        }
        changed = [layer for layer, visible in wanted.items() if layer.visible != visible]
        if changed:
            grid = self.viewer.canvas.grid
            grid.enabled = False
            for layer in changed:
                layer.visible = wanted[layer]
            grid.enabled = True

    def _build(self) -> None:
        self._discard()
        self.viewer.canvas.grid.enabled = False
        self._cells = [self._cell(number) for number in range(CELLS)]
        self._cells[0].discs.events.paint.connect(self._painted)
        grid = self.viewer.canvas.grid
        grid.stride, grid.shape, grid.spacing = len(self._cells[0].layers), (1, -1), _GAP_PX
        bar = self.viewer.canvas.overlays.scale_bar
        bar.visible = True
        self.viewer.dims.axis_labels = ("slice", "row", "column")

    def _painted(self, _event: object) -> None:
        self._stroke()

    def _discard(self) -> None:
        for cell in self._cells:
            for layer in cell.layers:
                if layer in self.viewer.layers:
                    self.viewer.layers.remove(layer)
        self._cells = []

    def _cell(self, number: int) -> _Cell:
        from napari.layers import Image, Labels, Points, Shapes, Vectors

        space: Mapping[str, Any] = {"units": "mm"}
        made = _Cell(
            Image(_EMPTY, visible=False, **space),
            Labels(_EMPTY.copy(), visible=False, **space),
            Vectors(ndim=3, visible=False, vector_style="line", edge_width=_OUTLINE_MM, **space),
            Shapes(ndim=3, visible=False, **space),
            Points(ndim=2, size=0.01, visible=False, **space),
        )
        _look_only(made.discs)
        for place, layer in enumerate(made.layers):
            self.viewer.layers.insert(number * len(made.layers) + place, layer)
        return made

    def _scale(self, cell: _Cell) -> None:
        """One step of the slider is one slice; shapes and names are drawn in millimetres."""
        in_mm = np.array([self._spacing[0], 1.0, 1.0])
        scales = (self._spacing, self._spacing, in_mm, in_mm)
        for layer, scale in zip(cell.layers, scales, strict=False):
            if not np.allclose(layer.scale, scale):
                layer.scale = scale

    def _fill(self, cell: _Cell, picture: Picture, discs: NDArray[np.uint8]) -> None:
        image = cell.image
        image.data = picture.array
        _smooth(image)
        image.colormap = picture.colours
        low, high = picture.limits
        image.contrast_limits_range = (min(low, 0.0), high + (high - low))
        image.contrast_limits = (low, high)
        cell.discs.data = discs
        for layer, what in zip(cell.layers, _CALLED, strict=True):
            layer.name = f"{picture.name}{what}"

    def _empty(self, cell: _Cell) -> None:
        if cell.image.data is _EMPTY:
            return
        cell.image.data = _EMPTY
        cell.discs.data = _EMPTY.copy()
        _measure(cell.heights, (), float(self._spacing[0]))
        _outline(cell.borders, (), float(self._spacing[0]))
        _name(cell.names, ())
        for layer, what in zip(cell.layers, _CALLED, strict=True):
            layer.name = f"no {what.strip() or 'image'}"

    def _settle(self) -> None:
        """The first image at hand, and no mode in which a click would change anything."""
        for cell in self._cells:
            _look_only(cell.discs)
            cell.heights.editable = cell.names.editable = False
        self.viewer.layers.selection.active = self._cells[0].image


def _smooth(image: Image) -> None:
    """Interpolate between pixels; vispy learns the size of new pictures only when this changes."""
    image.interpolation2d = "nearest"
    image.interpolation2d = "cubic"


def _look_only(discs: Labels) -> None:
    """Not seen and not to be painted; napari forgets earlier strokes with that."""
    discs.editable = False
    discs.show_selected_label = False
    discs.opacity = 0.0


def _colour(layer: Labels, colours: Mapping[int, str]) -> None:
    from napari.utils.colormaps import DirectLabelColormap

    nothing: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    layer.colormap = DirectLabelColormap(color_dict=nothing | {**colours})


def _name(layer: Points, marks: Sequence[Mark]) -> None:
    layer.text = _NO_TEXT  # text that depends on features fails while points have none
    layer.data = np.array([one.place.name_mm for one in marks]).reshape(-1, 2)
    layer.features = {"name": [one.name for one in marks], "colour": [one.colour for one in marks]}
    if marks:
        layer.text = {"string": "{name}", "color": {"feature": "colour"}, "size": _NAME_SIZE}


def _outline(layer: Vectors, marks: Sequence[Mark], slice_mm: float) -> None:
    """Borders as short straight pieces, each in the colour of its disc."""
    from napari.utils.colormaps.standardize_color import transform_color

    drawn = [one for one in marks if len(one.border)]
    if not drawn:
        layer.data = np.empty((0, 2, 3))
        return
    pieces = np.concatenate([one.border for one in drawn]) / np.array([slice_mm, 1.0, 1.0])
    layer.data = np.stack([pieces[:, 0], pieces[:, 1] - pieces[:, 0]], axis=1)
    counts = [len(one.border) for one in drawn]
    layer.edge_color = np.repeat(transform_color([one.colour for one in drawn]), counts, axis=0)


def _measure(layer: Shapes, marks: Sequence[Mark], slice_mm: float) -> None:
    """Height lines and dashes as lines, corners as small circles."""
    layer.data = []
    places = [one.place for one in marks if one.lines]
    lines = [line for place in places for line in place.lines_mm]
    dashes = [(dash, one.colour) for one in marks if one.dashes is not None for dash in one.dashes]
    corners = [_circle(corner) for place in places for corner in place.corners_mm]
    shapes = [*lines, *(dash for dash, _ in dashes), *corners]
    if shapes:
        per_slice = np.array([slice_mm, 1.0, 1.0])
        colours = (colour for _, colour in dashes)
        layer.add(
            [shape / per_slice for shape in shapes],
            shape_type=[*["line"] * (len(lines) + len(dashes)), *["ellipse"] * len(corners)],
            edge_width=_LINE_MM,
            edge_color=[*["white"] * len(lines), *colours, *["white"] * len(corners)],
            face_color="transparent",
        )


def _circle(corner_mm: Array) -> Array:
    """The box of a circle on the slice of a corner, as napari's ellipses want it."""
    offsets = np.array([[0, -1, -1], [0, -1, 1], [0, 1, 1], [0, 1, -1]])
    return np.asarray(corner_mm + _CORNER_MM * offsets)
