"""Layers of a viewer's model: nothing is drawn, no screen is needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from discmri.core.levels import DiscLevel
from discmri.core.volume import Grid
from discmri.napari.canvas import FIELD_MM, Framing, ViewerCanvas
from discmri.napari.images import DiscMark, Picture, dashes_of
from discmri.napari.marks import Mark
from discmri.napari.overlay import BORDER_PX, WHITE
from discmri.napari.view import SagittalView
from discmri.results.pictures.canvas import LEVEL_COLOURS

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::PendingDeprecationWarning"
)
GRID = Grid((5, 40, 30), np.diag([4.0, 1.0, 0.8, 1.0]))
VIEW = SagittalView.of(GRID)
L4, L5 = DiscLevel.L4_L5, DiscLevel.L5_S1


def picture(name, value):
    return Picture(name, np.full(VIEW.shape, value, dtype=np.float32), (0.0, 2.0 * value))


def mark(level, row_mm, lines=True):
    centre = np.array([8.0, row_mm, 20.0])
    ends = np.array([[[8.0, row_mm - 4.0, 18.0], [8.0, row_mm + 4.0, 18.0]]])
    place = DiscMark(centre, np.array([row_mm, 3.0]), ends)
    return Mark(place, level.value, LEVEL_COLOURS[level], level.label_id, lines)


@pytest.fixture
def discs():
    shown = np.zeros(VIEW.shape, dtype=np.uint8)
    shown[1:4, 5:10, 10:20] = L4.label_id
    shown[1:4, 15:20, 10:20] = L5.label_id
    return shown


@pytest.fixture
def canvas(discs):
    from napari.components import ViewerModel

    made = ViewerCanvas(ViewerModel())
    made.draw(VIEW, [picture("T2", 5.0), picture("T1", 7.0)], discs)
    made.mark([mark(L4, 7.0), mark(L5, 17.0, lines=False)])
    return made


def layers(canvas, visible=True):
    return [layer for layer in canvas.viewer.layers if seen(layer) or not visible]


def seen(layer):
    return layer.visible and layer.opacity > 0


def lines(canvas, number=2):
    """Colour, width and (n, 2, 2) millimetres of what is drawn on a slice."""
    return [(one.colour, one.width_px, one.pieces) for one in canvas._lines(number)]


def written(canvas):
    return [one.text for panel in canvas.overlays for one in panel.captions]


def test_each_picture_has_its_cell_with_the_same_marks(canvas):
    assert [layer.name for layer in layers(canvas)] == ["T2", "T1"]
    left, right = canvas.overlays
    for one, two in zip(left.lines, right.lines, strict=True):
        np.testing.assert_allclose(
            two.pieces - one.pieces, [right.area.corner_px] * 2 - np.zeros((len(one.pieces), 2, 2))
        )
    grid = canvas.viewer.canvas.grid
    assert (grid.enabled, grid.stride) == (True, 2)
    assert grid.actual_shape(canvas.viewer.layers) == (1, 2)


def test_millimetres_are_right_in_every_direction(canvas):
    for layer in layers(canvas):
        if layer.name.endswith(("T2", "T1", "discs")):
            np.testing.assert_allclose(layer.scale, VIEW.spacing_mm)
    assert canvas.viewer.dims.range[0].step == 4.0, "one step is one slice"


@pytest.mark.parametrize("spacing_mm", [4.399999999999999, 3.3, 5.1, 0.7, 4.95])
def test_the_last_slice_can_be_reached(spacing_mm):
    from napari.components import ViewerModel

    view = SagittalView.of(Grid((16, 6, 5), np.diag([spacing_mm, 1.0, 0.67, 1.0])))
    made = ViewerCanvas(ViewerModel())
    made.draw(
        view, [Picture("T2", np.ones(view.shape), (0.0, 2.0))], np.zeros(view.shape, np.uint8)
    )
    assert made.viewer.dims.nsteps == view.shape
    made.scroll(15)
    assert any(text.startswith("16 of 16") for text in written(made))


def test_levels_have_their_colours_and_names(canvas):
    for level in (L4, L5):
        canvas.paint(level.label_id)
        painted = canvas.viewer.layers["T1 discs"].get_color(level.label_id)
        red, green, blue = (int(LEVEL_COLOURS[level][n : n + 2], 16) / 255 for n in (1, 3, 5))
        np.testing.assert_allclose(painted[:3], [red, green, blue], atol=0.01)
    canvas.focus(mark(L4, 7.0).place)
    for panel in canvas.overlays:
        named = [(one.text, one.colour) for one in panel.captions if "-" in one.text]
        assert named == [(level.value, LEVEL_COLOURS[level]) for level in (L4, L5)]


def test_only_what_changed_is_drawn_anew(canvas):
    image, filled = canvas.viewer.layers["T1"], []
    image.events.data.connect(lambda _event: filled.append("T1"))
    t2, adc = canvas._pictures[0], picture("ADC", 1.0)
    canvas.draw(VIEW, [t2, adc], canvas._discs)
    canvas.draw(VIEW, [t2, adc], canvas._discs)
    assert filled == ["T1"], "a picture that stands there is not drawn again"
    before = canvas.overlays
    assert all(one.same(two) for one, two in zip(before, canvas.overlays, strict=True))
    canvas.mark([mark(L4, 7.0), mark(L5, 17.0)])
    assert not any(one.same(two) for one, two in zip(before, canvas.overlays, strict=True))


def test_height_lines_only_where_they_may_be_seen(canvas):
    canvas.show_outlines(False)
    ((colour, _, pieces),) = lines(canvas)
    assert colour == WHITE
    np.testing.assert_allclose(pieces, [[[3.0, 18.0], [11.0, 18.0]]])
    assert [len(one) for _, _, one in lines(canvas, 1)] == [0]
    canvas.mark([mark(L4, 7.0, lines=False)])
    assert lines(canvas) == []


def test_a_residual_disc_has_dashes_and_a_name_instead_of_the_border_of_its_label(canvas, discs):
    dashes = dashes_of(VIEW, np.asarray(_stored(discs == L5.label_id)))
    low, high = dashes.min(axis=(0, 1)), dashes.max(axis=(0, 1))
    np.testing.assert_allclose(low[1:], [11.6, 9.5], atol=0.5)  # rows 15 to 19, columns 10 to 19
    np.testing.assert_allclose(high[1:], [15.6, 19.5], atol=0.5)
    assert low[0] == high[0] == 8.0, "on the middle one of its three slices"
    np.testing.assert_allclose(np.linalg.norm(dashes[:, 1] - dashes[:, 0], axis=1), 2.0, atol=0.4)
    residual = replace(mark(L5, 17.0, lines=False), name="S1-S2", dashes=dashes)
    canvas.mark([mark(L4, 7.0), residual])
    canvas.focus(mark(L4, 7.0).place)
    assert [text for text in written(canvas) if "-" in text] == 2 * ["L4-L5", "S1-S2"]
    canvas.show_outlines(False)
    heights, dashed = lines(canvas)
    assert (heights[0], dashed[0]) == (WHITE, LEVEL_COLOURS[L5]), "dashes have its colour"
    assert (len(heights[2]), len(dashed[2])) == (1, len(dashes))


def _stored(shown):
    """An array as it is shown, in the order in which it is stored."""
    voxels = np.zeros(GRID.shape, dtype=bool)
    VIEW.shown(voxels)[:] = shown
    return voxels


def test_focus_goes_to_the_slice(canvas):
    canvas.focus(mark(L4, 7.0).place)
    viewer = canvas.viewer
    assert viewer.dims.current_step[0] == 2
    canvas.scroll(1)
    assert viewer.dims.current_step[0] == 3


@pytest.fixture
def large():
    """A picture that is larger than what is seen of it, 2 px a millimetre."""
    from napari.components import ViewerModel

    view = SagittalView.of(Grid((5, 300, 300), np.diag([4.0, 1.0, 1.0, 1.0])))
    made = ViewerCanvas(ViewerModel())
    made.viewer.canvas.size = (184, 368 + 4)
    nothing = np.zeros(view.shape, dtype=np.uint8)
    shown = [Picture(n, np.ones(view.shape), (0.0, 2.0)) for n in ("T2", "T1")]
    made.draw(view, shown, nothing)
    made.mark([mark(L4, 100.0), mark(L5, 140.0)])
    return made


def test_zoom_and_place_are_the_same_for_every_disc_and_one_key_switches(large):
    camera = large.viewer.scene.camera
    zooms, frames = [], []
    for _ in range(2):
        for row_mm in (100.0, 140.0):
            large.focus(mark(L4, row_mm).place)
            zooms.append(camera.zoom)
            frames.append(sum(len(pieces) == 8 for _, _, pieces in lines(large)))
        large.switch_framing()
    room = np.array(large.viewer.canvas.viewbox_size(large.viewer.layers))
    assert zooms[0] == zooms[1] == pytest.approx(np.min(room / FIELD_MM))
    assert zooms[2] == zooms[3] < zooms[0]
    assert frames == [0, 0, 1, 1], "the current disc is framed"
    assert large.framing is Framing.DISC, "back again"


def test_nothing_beyond_the_picture_takes_room_from_it(large):
    camera = large.viewer.scene.camera
    large.focus(mark(L4, 10.0).place)
    room = np.array(large.viewer.canvas.viewbox_size(large.viewer.layers))
    top = camera.center[1] - room[0] / camera.zoom / 2
    assert top == pytest.approx(-0.5), "the upper edge of the first row of pixels"


def test_every_panel_says_what_it_shows_and_where_the_patient_lies(large):
    disc = mark(L4, 100.0).place
    large.focus(disc)
    left, right = (panel.captions for panel in large.overlays)
    assert {one.text for one in left} == {
        "L4-L5", "T2", *"APHF", f"3 of 5\n{large._view.side(2)}",
    }  # fmt: skip
    assert {"T1", "20 mm", "L4-L5"} < {one.text for one in right}
    places = {one.text: one.at_px for one in left}
    assert (places["A"], places["P"]) == ((5.0, 92.0), (179.0, 92.0))
    assert (places["H"], places["F"]) == ((92.0, 5.0), (92.0, 179.0))
    assert {one.text: one.at_px for one in right}["A"] == (5.0 + 184.0 + 4.0, 92.0)
    camera, (row, column) = large.viewer.scene.camera, disc.name_mm
    wanted = 92.0 + np.array([column - camera.center[2], row - camera.center[1]]) * camera.zoom
    np.testing.assert_allclose(places["L4-L5"], wanted)
    assert right[-1].line_px == pytest.approx(20.0 * camera.zoom)
    large.scroll(1)
    assert f"4 of 5\n{large._view.side(3)}" in written(large)
    large.hide_marks(True)
    assert not [text for text in written(large) if "-" in text]
    large.toggle_series(0)
    (alone,) = large.overlays
    assert {one.text: one.at_px for one in alone.captions}["T1"] == (5.0, 5.0)


def test_a_picture_with_a_unit_tells_its_scale_while_it_is_shown(canvas, discs):
    adc = Picture("ADC", np.ones(VIEW.shape), (0.0, 3.0), "viridis", "µm²/ms")
    assert canvas.scale is None
    canvas.draw(VIEW, [picture("T2", 3.0), adc], discs)
    assert "ADC µm²/ms" in canvas.viewer.layers
    assert canvas.scale == (adc, (0.0, 3.0))
    canvas.toggle_series(1)
    assert canvas.scale is None


def test_series_are_hidden_one_by_one_but_never_all(canvas):
    assert canvas.series == (("T2", True), ("T1", True))
    canvas.toggle_series(0)
    assert canvas.series == (("T2", False), ("T1", True))
    assert next(layer.name for layer in layers(canvas)) == "T1"
    canvas.toggle_series(1)
    assert canvas.series[1] == ("T1", True), "the last one stays"
    canvas.toggle_series(5)
    canvas.toggle_series(0)
    assert canvas.series[0] == ("T2", True)


def test_a_case_without_the_series_that_are_shown_shows_what_it_has(canvas, discs):
    canvas.toggle_series(0)
    canvas.draw(VIEW, [picture("T2", 3.0)], discs)
    assert canvas.series == (("T2", True),)


def test_the_readers_window_goes_along_to_the_next_case_until_it_is_reset(canvas, discs):
    layer = canvas.viewer.layers["T1"]
    layer.contrast_limits = (3.5, 7.0)
    assert canvas.windows == {"T1": (0.25, 0.5)}
    canvas.draw(VIEW, [picture("T2", 5.0), picture("T1", 70.0)], discs)
    assert tuple(layer.contrast_limits) == (35.0, 70.0), "the same share of another scale"
    canvas.reset_windows()
    assert tuple(layer.contrast_limits) == (0.0, 140.0)
    assert canvas.windows == {}


def test_pixels_are_shown_smooth_or_as_they_are(canvas):
    image = canvas.viewer.layers["T1"]
    assert image.interpolation2d == "linear"
    canvas.smoothen(False)
    assert image.interpolation2d == "nearest"


def test_a_case_with_other_pictures_uses_the_same_layers(canvas, discs):
    before = list(canvas.viewer.layers)
    canvas.draw(VIEW, [picture("T2", 3.0)], discs)
    assert list(canvas.viewer.layers) == before
    assert [layer.name for layer in layers(canvas)] == ["T2"]
    assert canvas.viewer.layers["T2"].data.max() == 3.0
    canvas.draw(VIEW, [picture("T2", 3.0), picture("T1", 1.0), picture("ADC", 1.0)], discs)
    assert list(canvas.viewer.layers)[: len(before)] == before
    assert len(layers(canvas)) == 3


def test_cleared_leaves_no_voxel_of_the_last_case(canvas):
    assert np.any(canvas.viewer.layers["T2"].data)
    canvas.clear()
    assert canvas.overlays == ()
    for layer in canvas.viewer.layers:
        data = np.concatenate([np.ravel(part) for part in layer.data]) if len(layer.data) else [0]
        assert not np.any(data), layer.name


def test_a_layer_that_was_deleted_is_made_again(canvas, discs):
    del canvas.viewer.layers["T2 discs"]
    assert canvas.overlays == ()
    canvas.draw(VIEW, [picture("T2", 5.0)], discs)
    assert [layer.name for layer in layers(canvas)] == ["T2"]
    assert len(canvas.viewer.layers) == 4


def test_labels_can_be_painted_only_when_asked_and_only_one(canvas, discs):
    layer = canvas.viewer.layers["T2 discs"]
    assert not layer.editable
    assert not seen(layer)
    assert not canvas.painting
    canvas.paint(L4.label_id)
    assert canvas.painting
    assert seen(layer)
    assert seen(canvas.viewer.layers["T1 discs"])
    layer.paint((2, 3, 15), L4.label_id)
    layer.paint((2, 17, 15), L4.label_id)
    assert discs[2, 3, 15] == L4.label_id, "the array of the case is painted"
    assert np.count_nonzero(discs == L5.label_id) == 150, "the neighbour is safe"
    canvas.stop_painting()
    layer.undo()
    assert discs[2, 3, 15] == L4.label_id, "earlier strokes are forgotten"
    assert not canvas.painting


def test_strokes_are_told(discs):
    from napari.components import ViewerModel

    strokes = []
    canvas = ViewerCanvas(ViewerModel(), lambda: strokes.append(True))
    canvas.draw(VIEW, [picture("T2", 5.0)], discs)
    canvas.paint(L4.label_id)
    canvas.viewer.layers["T2 discs"].paint((2, 3, 15), L4.label_id)
    assert strokes == [True]


def test_marks_can_be_hidden_and_stay_hidden_with_the_next_case(canvas, discs):
    canvas.hide_marks(True)
    canvas.draw(VIEW, [picture("T2", 3.0)], discs)
    assert lines(canvas) == []
    canvas.hide_marks(False)
    assert len(lines(canvas)) == 3


def test_borders_are_thin_lines_on_their_slices_and_go_by_themselves(canvas):
    pieces = np.array(
        [[[8.0, 3.0, 18.0], [8.0, 3.4, 18.6]], [[12.0, 3.0, 18.0], [12.0, 4.0, 18.0]]]
    )
    canvas.mark([replace(mark(L4, 7.0, lines=False), border=pieces)])
    for number, piece in ((2, pieces[0]), (3, pieces[1])):
        ((colour, width_px, drawn),) = lines(canvas, number)
        assert (colour, width_px) == (LEVEL_COLOURS[L4], BORDER_PX)
        np.testing.assert_allclose(drawn, [piece[:, 1:]])
    assert not seen(canvas.viewer.layers["T1 discs"]), "no voxel is covered"
    canvas.mark([replace(mark(L4, 7.0), border=pieces)])
    canvas.show_outlines(False)
    assert [colour for colour, _, _ in lines(canvas)] == [WHITE], "height lines stay"


@pytest.mark.parametrize(
    ("step", "camera", "seen"),
    [
        (2, (7.0, 20.0), True),
        (1, (7.0, 20.0), True),
        (0, (7.0, 20.0), False),
        (2, (7.0 + 49.0, 20.0), True),
        (2, (7.0 + 51.0, 20.0), False),
    ],
)
def test_a_disc_is_seen_on_its_slices_inside_the_picture(canvas, step, camera, seen):
    viewer, disc = canvas.viewer, mark(L4, 7.0).place
    canvas.focus(disc)
    viewer.canvas.size = (200, 404)
    viewer.scene.camera.zoom = 2.0  # 100 mm high
    viewer.scene.camera.center = (0.0, *camera)
    viewer.dims.set_current_step(0, step)
    assert canvas.shows(disc, {1, 2, 3}) is seen
