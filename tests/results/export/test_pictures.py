"""The canvas that pictures are drawn on: millimetres, orientation, borders, bytes."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from discmri.results.pictures import draw
from discmri.results.pictures.canvas import Canvas, Style, closed, rgb

SCALE = 8.0
EDGES = {"as x grows": (-20.0, 20.0, -10.0, 10.0), "turned": (20.0, -20.0, -10.0, 10.0)}


def _pixels(canvas: Canvas, colours: list[str] | None = None, coloured: bool = False):
    image = Image.open(io.BytesIO(canvas.png(colours or [], coloured))).convert("RGB")
    return np.asarray(image).astype(int)


def _places(canvas: Canvas, wanted) -> np.ndarray:
    """Middle of the wanted pixels in millimetres: x, y."""
    rows, columns = np.nonzero(wanted)
    left, right, _, top = canvas.edges
    x = left + np.sign(right - left) * (columns.mean() + 0.5) / SCALE
    return np.array([x, top - (rows.mean() + 0.5) / SCALE])


@pytest.mark.parametrize("edges", EDGES.values(), ids=EDGES)
def test_a_line_an_area_and_a_voxel_lie_at_their_millimetres(edges):
    canvas = Canvas(edges, SCALE)
    ring = np.array([[4.0, 2.0], [6.0, 2.0], [6.0, 4.0], [4.0, 4.0]])
    canvas.line(closed(ring), "#ffffff", 1.0)
    np.testing.assert_allclose(_places(canvas, _pixels(canvas).sum(axis=2) > 300), (5, 3), atol=0.1)
    canvas = Canvas(edges, SCALE)
    canvas.box((-9.0, -7.0, -6.0, -5.0), "#ffffff")
    np.testing.assert_allclose(
        _places(canvas, _pixels(canvas).sum(axis=2) > 300), (-8, -5.5), atol=0.1
    )
    canvas = Canvas(edges, SCALE)
    values = np.zeros((20, 40))
    values[14, 7] = 1.0  # row 14 from the bottom, column 7 from x = -20
    canvas.greys(values, (-20.0, 20.0, -10.0, 10.0), 0.0, 1.0, smooth=False)
    np.testing.assert_allclose(
        _places(canvas, _pixels(canvas).sum(axis=2) > 300), (-12.5, 4.5), atol=0.1
    )


def test_an_image_larger_and_one_smaller_than_the_canvas_keep_their_scale():
    for half in (40.0, 10.0):
        canvas = Canvas(EDGES["as x grows"], SCALE)
        values = np.zeros((200, 200))
        values[100:120, 100:130] = 1.0
        canvas.greys(values, (-half, half, -half / 2, half / 2), 0.0, 1.0, smooth=True)
        bright = _pixels(canvas).sum(axis=2) > 380
        expected = half * np.array([0.15, 0.05])
        np.testing.assert_allclose(_places(canvas, bright), expected, atol=0.1)
        assert bright.sum() == pytest.approx(0.3 * half * 0.1 * half * SCALE**2, rel=0.05)


def test_dashes_have_the_share_of_their_length():
    counts = []
    for dashes in (None, (3.0, 2.0)):
        canvas = Canvas(EDGES["as x grows"], SCALE)
        canvas.line(np.array([[-15.0, 0.0], [0.0, 0.0], [15.0, 0.0]]), "#ffffff", 1.5, dashes)
        counts.append((_pixels(canvas).sum(axis=2) > 380).sum())
    assert counts[1] / counts[0] == pytest.approx(0.6, abs=0.05)


def test_a_sharp_corner_of_a_line_is_filled():
    canvas = Canvas(EDGES["as x grows"], SCALE)
    canvas.line(np.array([[-10.0, 0.0], [0.0, 0.0], [-10.0, 0.5]]), "#ffffff", 6.0)
    row = _pixels(canvas)[int(10 * SCALE)].sum(axis=1)
    assert row[int(20.4 * SCALE)] > 380, "the outer side of the bend"


def test_the_colour_map_is_shown_within_the_border_and_where_values_are():
    canvas = Canvas(EDGES["turned"], SCALE)
    shares = np.full((20, 40), 1.0)
    shares[:, :20] = np.nan  # nothing at x below 0
    border = np.array([[-5.0, -5.0], [5.0, -5.0], [5.0, 5.0], [-5.0, 5.0]])
    canvas.colours(shares, (-20.0, 20.0, -10.0, 10.0), border)
    yellow = np.abs(_pixels(canvas, coloured=True) - rgb("#fde725")).max(axis=2) < 25
    np.testing.assert_allclose(_places(canvas, yellow), (2.5, 0.0), atol=0.1)
    assert yellow.sum() == pytest.approx(50 * SCALE**2, rel=0.03)


def test_text_lies_beside_its_place():
    for across, side in (("l", 1), ("r", -1)):
        canvas = Canvas(EDGES["as x grows"], SCALE)
        canvas.text(0.0, 0.0, "L4-L5", Style(12.0, across=across, rim=False))
        found = _places(canvas, _pixels(canvas).sum(axis=2) > 300)
        assert side * found[0] > 1.0
        assert abs(found[1]) < 0.5


def test_threads_make_no_difference(result):
    settings = replace(result.provenance.settings, threads=1)
    alone = replace(result, provenance=replace(result.provenance, settings=settings))
    several = replace(result.provenance, settings=replace(settings, threads=3))
    found = draw(replace(result, provenance=several))
    assert found == draw(alone)
    assert list(found)[:2] == ["overview", next(iter(result.outlines)).value]
    assert any(name.endswith("-adc") for name in found)
