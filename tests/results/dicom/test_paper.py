"""The page on paper, read by what a PDF reader goes by."""

from __future__ import annotations

import re
import zlib

import numpy as np
import pytest

from discmri.results.dicom import paper
from discmri.results.dicom.paper import Line, PagePicture, Words

ITEMS = (
    Words(50, 60, "(L4\\\\L5) \u00b5m\u00b2 \u0416", 12),
    Words(500, 60, "12.4", right=True),
    Line(np.array([[50.0, 100.0], [150.0, 100.0]]), 1.0, "#ff0000"),
    PagePicture(50, 200, 40, 20, np.full((2, 4), 128, np.uint8)),
)


def content(document: bytes) -> str:
    (stream,) = re.findall(rb"6 0 obj\n.*?stream\n(.*?)\nendstream", document, re.DOTALL)
    return zlib.decompress(stream).decode("cp1252")


def test_the_table_of_objects_leads_to_them():
    document = paper.pdf(ITEMS, "A page")
    start = int(re.search(rb"startxref\n(\d+)", document)[1])
    assert document[start:].startswith(b"xref")
    places = re.findall(rb"(\d{10}) 00000 n ", document)
    assert len(places) == 8
    for number, place in enumerate(places, 1):
        assert document[int(place) :].startswith(b"%d 0 obj" % number)
    assert document == paper.pdf(ITEMS, "A page")


def test_brackets_are_escaped_and_foreign_letters_told_apart():
    assert "(\\(L4\\\\\\\\L5\\) \u00b5m\u00b2 \\\\u0416) Tj" in content(paper.pdf(ITEMS, "A page"))


def test_right_aligned_words_end_where_they_should():
    found = re.search(r"1 0 0 1 ([\d.]+) 782.00 Tm \(12.4\)", content(paper.pdf(ITEMS, "")))
    assert float(found[1]) == pytest.approx(500 - (3 * 0.556 + 0.278) * 9, abs=0.01)


def test_lines_are_no_wider_than_asked():
    text = (
        "a disc is a disc and a line is a line, and Pneumonoultramicroscopicsilicovolcanoconiosis"
    )
    lines = paper.wrapped(text, 60.0, 9.0)
    assert " ".join(lines) == text
    assert all(paper.text_width(line, 9.0) <= 60.0 for line in lines[:-1])


def test_pixels_show_line_and_picture_where_the_page_has_them():
    pixels = paper.pixels(ITEMS, 72)
    assert pixels.shape == (842, 595, 3)
    assert (pixels[210, 70] == 128).all()
    red, green, blue = pixels[99:101, 100].astype(int).mean(axis=0)
    assert red - max(green, blue) > 80
    assert (pixels[400, 300] == 255).all()
