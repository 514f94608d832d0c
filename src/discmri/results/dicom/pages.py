"""The report on one page: as a PDF, in a DICOM object, and as a colour image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset
from pydicom import Sequence as Items

from discmri.core.findings import Severity
from discmri.core.text import NOTICE, number, printable
from discmri.core.volume import Array
from discmri.results.dicom import paper
from discmri.results.dicom.codes import Concept
from discmri.results.dicom.instance import acquired, new_instance
from discmri.results.dicom.paper import Line, PageItem, PagePicture, Words
from discmri.results.dicom.source import DicomSource
from discmri.results.dicom.tree import coded
from discmri.results.pictures.canvas import LEVEL_COLOURS
from discmri.results.pictures.midline import SpineView
from discmri.results.report_text import images_in_words

if TYPE_CHECKING:
    from discmri.core.levels import DiscLevel
    from discmri.results.model import StudyResult

_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_TITLE = Concept("18748-4", "LN", "Diagnostic imaging study")
_WORDS = "Lumbar disc measurements"
_COLUMNS = (
    ("height_mm", "Height (mm)", 1), ("height_sd_mm", "± (mm)", 2), ("width_ap_mm", "Width (mm)", 1),
    ("signal_ratio_csf", "Signal/CSF", 2), ("adc_disc_um2_ms", "ADC (µm²/ms)", 2),
    ("suggested_grade", "Suggested grade", 0),
)  # fmt: skip
# Points; lengths on the page count from its upper left corner.
_LEFT, _RIGHT = 50.0, 545.0
_PICTURE_TOP, _PICTURE_HEIGHT, _PICTURE_WIDTH = 120.0, 330.0, 390.0
_NAMES = 62.0  # beside the picture
_COLUMN_ENDS = (165.0, 220.0, 295.0, 370.0, 455.0, _RIGHT)
_ROW = 15.0
_REMARK, _REMARK_ROW, _REMARKS_END = 7.5, 10.0, 790.0
_PIXELS_PER_POINT = 2.0
_PAGE_DPI = 100
_SCALE_BAR_MM = 50.0


def pdf(result: StudyResult) -> bytes:
    """One A4 page as PDF: head, image, table of discs, remarks; without creation date."""
    return paper.pdf(_page(result), _WORDS)


def encapsulated_pdf(source: DicomSource, document: bytes) -> Dataset:
    """A PDF as a DICOM object."""
    made = new_instance(source, "report_pdf", _PDF, "DOC")
    made.ConversionType = "WSD"
    date, time = acquired(source.first)
    made.AcquisitionDateTime = date + time
    made.BurnedInAnnotation = "YES"
    made.DocumentTitle = _WORDS
    made.ConceptNameCodeSequence = Items([coded(_TITLE)])
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocumentLength = len(document)
    made.add_new("EncapsulatedDocument", "OB", document + b"\0" * (len(document) % 2))
    return made


def secondary_capture(source: DicomSource) -> Dataset:
    """The page as an RGB image in a Secondary Capture object."""
    pixels = paper.pixels(_page(source.result), _PAGE_DPI)
    made = new_instance(source, "page_sc", _SECONDARY_CAPTURE, "OT")
    made.ConversionType = "WSD"
    made.BurnedInAnnotation = "YES"
    made.PatientOrientation = ""
    made.BodyPartExamined = source.first.get("BodyPartExamined") or "LSPINE"
    made.SamplesPerPixel, made.PhotometricInterpretation = 3, "RGB"
    made.PlanarConfiguration, made.PixelRepresentation = 0, 0
    made.Rows, made.Columns = pixels.shape[:2]
    made.BitsAllocated, made.BitsStored, made.HighBit = 8, 8, 7
    data = pixels.tobytes()
    made.add_new("PixelData", "OB", data + b"\0" * (len(data) % 2))
    return made


def _page(result: StudyResult) -> list[PageItem]:
    items: list[PageItem] = [Words(_LEFT, 58, _WORDS, 16, bold=True)]
    items += [Words(_LEFT, 78 + 14 * n, line) for n, line in enumerate(_head(result))]
    items += _spine(result)
    top = _PICTURE_TOP + _PICTURE_HEIGHT + 28
    items += _table(result, top)
    items += _remarks(result, top + _ROW * (len(result.records) + 2))
    return [*items, Words(_LEFT, 815, NOTICE, _REMARK, grey=0.35)]


def _head(result: StudyResult) -> list[str]:
    day = result.study_date
    date = f"   {day[:4]}-{day[4:6]}-{day[6:]}" if day else ""
    version = result.provenance.versions.get("discmri", "")
    return [
        printable(result.subject_id) + date,
        images_in_words(result),
        f"discmri {version}, segmenter {printable(result.provenance.segmenter)}",
    ]


def _spine(result: StudyResult) -> Iterator[PageItem]:
    """The mid-sagittal slice with borders, levels and heights of the discs."""
    view = SpineView.of(result)
    left, right, bottom, top = view.region
    scale = min(_PICTURE_HEIGHT / (top - bottom), _PICTURE_WIDTH / (right - left))
    width, height = scale * (right - left), scale * (top - bottom)
    x = (_LEFT + _RIGHT + _NAMES - width) / 2
    yield PagePicture(x, _PICTURE_TOP, width, height, _greys(view, width, height))

    def on_page(points_mm: Array) -> Array:
        return np.array([x, _PICTURE_TOP]) + (points_mm - [left, top]) * [scale, -scale]

    heights = {record.level: record.get("height_mm") for record in result.records}
    for level, contour in view.contours.items():
        border = on_page(np.vstack([contour, contour[:1]]))
        yield Line(border, 1.0, LEVEL_COLOURS[level])
        yield from _name(border, x, level, heights.get(level))
    for level, closed in view.residuals.items():
        border = on_page(closed)
        yield Line(border, 1.0, LEVEL_COLOURS[level], dashed=True)
        yield from _name(border, x, level, None)
    end, low = x + width - 8, _PICTURE_TOP + height - 8
    bar = np.array([[end - scale * _SCALE_BAR_MM, low], [end, low]])
    yield Line(bar, 4.0, "#000000")
    yield Line(bar, 2.0, "#ffffff")
    yield Words(end, _PICTURE_TOP + height + 10, f"bar: {_SCALE_BAR_MM:g} mm", _REMARK, right=True)


def _name(border: Array, edge: float, level: DiscLevel, height: object) -> Iterator[PageItem]:
    """The level in the margin, with a thin line to the anterior border of the disc."""
    front = border[np.argmin(border[:, 0])]
    y = float(np.clip(border[:, 1].mean(), _PICTURE_TOP + 8, _PICTURE_TOP + _PICTURE_HEIGHT - 8))
    yield Line(np.array([[edge - 5, y], [edge, y], front]), 0.7, LEVEL_COLOURS[level])
    yield Words(edge - 8, y - 1, level.value, right=True)
    if isinstance(height, (int, float)):
        yield Words(edge - 8, y + 8, f"{height:.1f} mm", _REMARK, right=True, grey=0.3)


def _greys(view: SpineView, width: float, height: float) -> paper.PagePixels:
    """(rows, columns) grey values of the region at the resolution of the page."""
    from PIL import Image

    shown, (low, high) = view.shown.pixels(), view.window
    left, right, bottom, top = view.region
    begin, end, lowest, highest = view.shown.extent()
    column_mm = (end - begin) / shown.shape[1]
    row_mm = (highest - lowest) / shown.shape[0]
    box = ((left - begin) / column_mm, (highest - top) / row_mm,
           (right - begin) / column_mm, (highest - bottom) / row_mm)  # fmt: skip
    grey = np.clip((shown - low) / (high - low), 0, 1) * 255
    size = round(width * _PIXELS_PER_POINT), round(height * _PIXELS_PER_POINT)
    image = Image.fromarray(np.round(np.nan_to_num(grey)).astype(np.uint8))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC, box))


def _table(result: StudyResult, top: float) -> Iterator[PageItem]:
    edge = np.array([[_LEFT, top + 4.5], [_RIGHT, top + 4.5]])
    yield Words(_LEFT, top, "Disc", bold=True)
    for end, (_, words, _) in zip(_COLUMN_ENDS, _COLUMNS, strict=True):
        yield Words(end, top, words, right=True)
    yield Line(edge, 0.8)
    for n, record in enumerate(result.records, 1):
        y = top + _ROW * n
        yield Words(_LEFT, y, record.level.value)
        for end, (column, _, decimals) in zip(_COLUMN_ENDS, _COLUMNS, strict=True):
            yield Words(end, y, _cell(record.get(column), decimals), right=True)
        yield Line(edge + np.array([0, _ROW * n]), 0.25, "#999999")


def _cell(value: float | int | str | None, decimals: int) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else number(float(value), decimals)


def _remarks(result: StudyResult, top: float) -> Iterator[PageItem]:
    found = [one for one in result.findings if one.severity is not Severity.INFO]
    yield Words(_LEFT, top, "Remarks" if found else "No remarks.", bold=bool(found))
    lines: list[str] = []
    for one in found:
        named = one.level is not None and not one.text.startswith(one.level.value)
        where = f"{one.level.value}: " if one.level is not None and named else ""
        lines += paper.wrapped(printable(where + one.text), _RIGHT - _LEFT, _REMARK)
    most = int((_REMARKS_END - top) / _REMARK_ROW) - 1
    if len(lines) > most:
        lines = [*lines[: most - 1], "Further remarks are in report.html."]
    for n, line in enumerate(lines, 1):
        yield Words(_LEFT, top + 3 + _REMARK_ROW * n, line, _REMARK)
