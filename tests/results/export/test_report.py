"""The report and its pictures."""

from __future__ import annotations

import io
import re
from dataclasses import fields, replace

import numpy as np
import pytest
from PIL import Image
from tests.html_page import Page
from tests.results.export.conftest import changed_result

from discmri.core.facts import SeriesFacts
from discmri.core.findings import Code, warning
from discmri.core.labels import NumberingMethod
from discmri.core.levels import DiscLevel
from discmri.core.quality import DiscQuality, Quality
from discmri.core.volume import Volume
from discmri.measurement.junction_signs import JunctionSigns
from discmri.results import report_text
from discmri.results.export import report_html
from discmri.results.pictures import disc as _disc
from discmri.results.pictures.midline import shown_slice
from discmri.results.records import DiscRecord

ATTACK = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def html(result) -> str:
    return report_html.page(result)


def test_page_stands_alone(html):
    page = Page(html)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base"}
    sources = [a["src"] for tag, a in page.tags if tag == "img"]
    assert len(sources) == 1 + 7 + 6
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert all(a.get("alt") for tag, a in page.tags if tag == "img")
    assert not re.search(r"url\(|@import|https?://", re.sub(r"base64,[^\"]+", "", html))
    assert len(html) < 3_000_000


def test_the_doubt_of_counted_levels_stands_beside_them(result):
    sure = replace(result, numbering=NumberingMethod.READER, numbering_probability=1.0)
    counted = replace(result, numbering_probability=0.859)
    pages = [Page(report_html.page(one)).text for one in (sure, counted)]
    assert ["whether there are six" in page for page in pages] == [False, True]
    assert "probability 0.859 that L5-S1 is correct" in pages[1]


def test_the_signs_of_the_junction_stand_in_words(result):
    page = Page(
        report_html.page(replace(result, numbering_signs={"depth_ratio": 0.52, "tilt_deg": 31.4}))
    ).text
    assert "The lowest disc has 0.52 of the depth of the discs above" in page
    assert "its front is tilted down by 31°" in page
    assert "thecal sac" not in page


def test_every_sign_has_its_words():
    assert set(report_text.SIGN_TEXTS) == {field.name for field in fields(JunctionSigns)}


def test_text_from_the_input_is_escaped_everywhere(result):
    hostile = replace(
        result,
        subject_id=ATTACK,
        study_uid=ATTACK,
        study_date=ATTACK,
        series=(SeriesFacts("1", description=ATTACK, reasons=(ATTACK,)),),
        findings=(
            warning(Code.FEW_SLICES, ATTACK),
            warning(Code.FEW_SLICES, ATTACK, DiscLevel.L4_L5),
        ),
    )
    clean, attacked = Page(report_html.page(result)), Page(report_html.page(hostile))
    assert {tag for tag, _ in attacked.tags} == {tag for tag, _ in clean.tags}
    assert not any("onerror" in attributes for _, attributes in attacked.tags)
    assert ATTACK in attacked.text


def test_control_characters_stay_out(changed):
    page = report_html.page(changed(subject_id="A\x00\x1b[31mB\u2028C"))
    assert "A[31mBC" in page
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u2028]", page)


def test_flags_are_words_and_grade_evidence_is_sentences(html):
    text = " ".join(Page(html).text.split())
    assert "The segmenter's confidence in this disc's border is low." in text
    assert "low_confidence" not in text
    assert (
        "Height 7.0 mm against an expected 10.2 ± 1.1 mm, from the depth of the discs alone: 32 % lower."
        in text
    )
    assert "With the uncertainty of the expected height: 27 % lower" in text
    assert "Probability 44 % (next: 4 31 %); below 50 %: the grade is uncertain." in text
    assert "suggested grade, probability 44 %; a reader decides" in text
    assert (
        "With all else unchanged, the suggested grade would be: 2 from 0.52 of the signal of "
        "cerebrospinal fluid; 8 below a height of 6.4 mm." in text
    )
    assert "Collapse 7: 30 to 60 % reduction of height." in text
    assert "not a medical device" in text
    assert "a reader decides" in text


def test_the_quality_stands_in_the_summary_and_above_the_disc(result):
    first, *others = result.records
    quality = DiscQuality(Quality.REJECT, ("border_step", "cut_by_field_of_view"))
    judged = replace(result, records=(replace(first, quality=quality), *others))
    text = " ".join(Page(report_html.page(judged)).text.split())
    assert "Quality reject: border step, cut by field of view" in text
    assert "that values must not be used" in text


def test_no_column_of_adc_without_adc(changed):
    text = Page(report_html.page(changed())).text
    assert "mean ADC" not in text
    assert "µm²/ms" in text  # the dictionary still explains it


def test_disc_without_outline_says_so(changed, result):
    outlines = {k: v for k, v in result.outlines.items() if k is not DiscLevel.L4_L5}
    text = Page(report_html.page(changed(outlines=outlines))).text
    assert "could not be traced" in text


def test_no_outline_at_all_still_gives_a_page(changed):
    page = Page(report_html.page(changed(outlines={})))
    assert sum(tag == "img" for tag, _ in page.tags) == 1


def test_the_heights_on_a_picture_are_those_of_the_table(result, monkeypatch):
    """The hand-made heights differ by millimetres from the borders that are drawn."""
    shown = []
    monkeypatch.setattr(
        _disc.Canvas, "text", lambda _self, _x, _y, text, _style: shown.append(text)
    )
    level = DiscLevel.L2_L3
    record, outline = result.record(level), result.outlines[level]
    plane = _disc.DiscPlane.of(result.image, outline)
    _disc.disc_picture(plane, record)
    table = [
        f"{record.get(f'height_{name}_mm'):.1f}" for name in ("anterior", "middle", "posterior")
    ]
    assert shown[:6:2] == table == ["9.0", "9.3", "5.4"]
    shown.clear()
    _disc.disc_picture(plane, DiscRecord(level, {}))
    assert shown[:6] == ["", "anterior", "", "middle", "", "posterior"], "missing in the table"


def test_pngs_carry_no_metadata(result):
    assert len(result.pictures) > len(result.outlines)
    for name, content in result.pictures.items():
        kinds = re.findall(rb"(?:tEXt|iTXt|zTXt|tIME|eXIf)", content[:200])
        assert kinds == [], name
        assert Image.open(io.BytesIO(content)).info.keys() <= {"transparency", "dpi"}


def _coloured(png: bytes, hex_colour: str) -> np.ndarray:
    """(n, 2) rows and columns of pixels near a colour."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    wanted = np.array([int(hex_colour[i : i + 2], 16) for i in (1, 3, 5)])
    return np.argwhere(np.abs(pixels - wanted).max(axis=2) < 25)


def test_overview_shows_anterior_left_cranial_up_in_every_orientation(changed, result):
    """Flipped and transposed storage of the same image gives the same picture."""
    reference = _shown(result.image, result)
    for axes in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        for flips in ((), (0,), (1, 2), (0, 1, 2)):
            array, affine = result.image.array, result.image.affine.copy()
            for axis in flips:
                array = np.flip(array, axis)
                affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
                affine[:3, axis] *= -1
            affine[:, :3] = affine[:, list(axes)]
            image = Volume(np.ascontiguousarray(array.transpose(axes)), affine)
            np.testing.assert_array_equal(_shown(image, result), reference)


def _shown(image: Volume, result) -> np.ndarray:
    return shown_slice(changed_result(result, image=image)).pixels()


def test_overview_places_a_world_point_where_its_pixel_is(result):
    shown = shown_slice(result)
    image = np.zeros(result.image.shape, dtype=np.float32)
    index = (shown.number, 97, 203)
    image[index] = 1.0
    marked = shown_slice(changed_result(result, image=Volume(image, result.image.affine)))
    rows, columns = np.nonzero(marked.pixels())
    left, right, bottom, top = marked.extent()
    height, width = marked.pixels().shape
    x = left + (columns[0] + 0.5) * (right - left) / width
    y = top - (rows[0] + 0.5) * (top - bottom) / height
    expected = marked.project(result.image.grid.to_world([index]))[0]
    np.testing.assert_allclose((x, y), expected, atol=1e-6)


def test_anterior_is_left_and_the_outline_sits_on_the_bright_disc(result):
    from discmri.results.pictures.canvas import LEVEL_COLOURS

    pictures = result.pictures
    overview = pictures["overview"]
    heights = [_coloured(overview, LEVEL_COLOURS[level])[:, 0].mean() for level in result.outlines]
    assert heights == sorted(heights)  # cranial discs are higher up in the picture
    shown = shown_slice(result)
    points = result.outlines[DiscLevel.L3_L4].frame.to_world(
        np.array([[18.0, 0, 0], [-18.0, 0, 0]])
    )
    anterior, posterior = shown.project(points)
    assert anterior[0] < posterior[0]


def test_a_residual_disc_is_drawn_dashed_with_its_name_and_no_height(result, with_residual):
    from discmri.results.pictures.canvas import LEVEL_COLOURS

    pictures = [one.pictures["overview"] for one in (result, with_residual)]
    above = _coloured(pictures[0], LEVEL_COLOURS[DiscLevel.L4_L5])[:, 0].max()
    whole, dashed = (
        int((_coloured(picture, LEVEL_COLOURS[level]) > (above, _GUTTER_PX)).all(axis=1).sum())
        for picture, level in zip(pictures, (DiscLevel.L5_S1, DiscLevel.S1_S2), strict=True)
    )
    assert 0.4 * whole < dashed < 0.9 * whole  # the same border, with gaps
    assert set(result.pictures) - set(with_residual.pictures) >= {"L5-S1"}
    assert not any("S1-S2" in name for name in with_residual.pictures)


_GUTTER_PX = 190  # names, and the lines from them to the discs, stand left of it


def test_the_report_tells_of_a_residual_disc_but_has_no_section_for_it(result, with_residual):
    page = Page(report_html.page(with_residual)).text
    assert "Residual disc" not in Page(report_html.page(result)).text
    assert re.search(r"S1-S2, 3[5-9] mm deep, [5-9]\.\d mm high: shown dashed, not measured", page)
    assert "6: T11-T12 to L4-L5" in page
    assert "a residual disc" in page
