"""The report on one page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import map_coordinates

from discmri.results.dicom import pages
from discmri.results.dicom.source import DicomSource
from discmri.results.pictures.canvas import LEVEL_COLOURS, font, rgb
from discmri.results.pictures.midline import SpineView


def test_equal_results_give_equal_pages_whose_text_can_be_searched(classic):
    document = pages.pdf(classic.result)
    assert document == pages.pdf(classic.result)
    assert document.startswith(b"%PDF-")
    assert document.count(b"/Type /Page ") == 1
    assert b"(Lumbar disc measurements)" in document
    assert b"/ToUnicode" in document
    assert b"/CreationDate" not in document


def test_the_page_says_whose_discs_it_shows(classic):
    other = replace(classic.result, subject_id="$x^2$ (Ж) \\alpha")
    assert pages.pdf(other) != pages.pdf(classic.result)


def test_foreign_letters_are_told_apart():
    assert pages.wrapped("(L4\\L5) µm² Ж 漢", 500.0, 9.0) == ["(L4\\L5) µm² \\u0416 \\u6f22"]


def test_lines_are_no_wider_than_asked():
    text = (
        "a disc is a disc and a line is a line, and Pneumonoultramicroscopicsilicovolcanoconiosis"
    )
    lines = pages.wrapped(text, 60.0, 9.0)
    assert " ".join(lines) == text
    assert all(font(9.0, bold=False).getlength(line) <= 60.0 for line in lines[:-1])
    assert len(pages.wrapped(text, 600.0, 9.0)) == 1


def test_pixels_show_the_slice_and_the_borders_of_its_discs(classic):
    made = pages.secondary_capture(DicomSource.of(classic.result))
    pixels = np.frombuffer(made.PixelData, np.uint8)[: made.Rows * made.Columns * 3]
    pixels = pixels.reshape(made.Rows, made.Columns, 3)
    assert pixels.shape == (1169, 826, 3)
    top, bottom = (round(point * 100 / 72) for point in (120, 450))  # of the picture
    drawn = (pixels < 255).any(axis=2)
    across = np.flatnonzero(drawn[top + 2 : bottom - 2].mean(axis=0) > 0.9)
    part = pixels[top:bottom, across[0] : across[-1] + 1].astype(float)

    view = SpineView.of(classic.result)
    left, right, low, high = view.region
    rows, columns = part.shape[:2]
    y, x = np.mgrid[:rows, :columns] + 0.5
    begin, end, lowest, highest = view.shown.extent()
    shown = view.shown.pixels()
    column = (left + x / columns * (right - left) - begin) / (end - begin) * shown.shape[1]
    row = (highest - high + y / rows * (high - low)) / (highest - lowest) * shown.shape[0]
    expected = map_coordinates(
        np.clip(shown, *view.window), [row - 0.5, column - 0.5], order=1, mode="nearest"
    )
    assert np.corrcoef(expected.ravel(), part.mean(axis=2).ravel())[0, 1] > 0.9
    for level, contour in view.contours.items():
        at = (contour - [left, high]) / [right - left, low - high] * [columns, rows]
        u, v = np.clip(at, 1, [columns - 2, rows - 2]).astype(int).T
        near = [part[v + i, u + j] for i in (-1, 0, 1) for j in (-1, 0, 1)]
        away = np.abs(np.array(near) - rgb(LEVEL_COLOURS[level])).max(axis=2).min(axis=0)
        assert np.median(away) < 40
