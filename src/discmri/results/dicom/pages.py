"""The report on one page: as a PDF, in a DICOM object, and as a colour image."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import Dataset
from pydicom import Sequence as Items

from discmri.core.findings import Severity
from discmri.core.text import NOTICE, number, printable
from discmri.core.volume import Array
from discmri.results.dicom.codes import Concept
from discmri.results.dicom.instance import acquired, new_instance
from discmri.results.dicom.source import DicomSource
from discmri.results.dicom.tree import coded
from discmri.results.pictures.canvas import LEVEL_COLOURS, closed, font
from discmri.results.pictures.midline import SpineView
from discmri.results.report_text import images_in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
_WIDTH, _HEIGHT = 595.0, 842.0
_LEFT, _RIGHT = 50.0, 545.0
_PICTURE_TOP, _PICTURE_HEIGHT, _PICTURE_WIDTH = 120.0, 330.0, 390.0
_NAMES = 62.0  # beside the picture
_COLUMN_ENDS = (165.0, 220.0, 295.0, 370.0, 455.0, _RIGHT)
_ROW = 15.0
_REMARK, _REMARK_ROW, _REMARKS_END = 6.5, 10.0, 790.0
_TEXT = 7.7
_PICTURE_DPI, _PAGE_DPI = 144, 100
_SCALE_BAR_MM = 50.0


def pdf(result: StudyResult) -> bytes:
    """One A4 page as PDF: head, image, table of discs, remarks; equal results give equal bytes."""
    from matplotlib import rc_context

    file = io.BytesIO()
    absent = dict.fromkeys(("CreationDate", "Creator", "Producer"))
    with rc_context({"pdf.fonttype": 42}):  # text that can be searched
        _page(result).savefig(
            file, format="pdf", dpi=_PICTURE_DPI, metadata={"Title": _WORDS, **absent}
        )
    return file.getvalue()


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
    from PIL import Image

    file = io.BytesIO()
    _page(source.result).savefig(file, format="png", dpi=_PAGE_DPI)
    pixels = np.asarray(Image.open(file).convert("RGB"))
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


def _page(result: StudyResult) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure((_WIDTH / 72, _HEIGHT / 72))
    page = figure.add_axes((0, 0, 1, 1))
    page.set_axis_off()
    page.set(xlim=(0, _WIDTH), ylim=(_HEIGHT, 0))
    _text(page, (_LEFT, 58), _WORDS, size=14, weight="bold")
    for n, line in enumerate(_head(result)):
        _text(page, (_LEFT, 78 + 14 * n), line)
    _spine(page, result)
    top = _PICTURE_TOP + _PICTURE_HEIGHT + 28
    _table(page, result, top)
    _remarks(page, result, top + _ROW * (len(result.records) + 2))
    _text(page, (_LEFT, 815), NOTICE, size=_REMARK, color="0.35")
    return figure


def _text(
    page: Axes, place: tuple[float, float], text: str, right: bool = False, size: float = _TEXT,
    **style: Any,
) -> None:  # fmt: skip
    """One line of text; its base line starts at a place, or ends there where ``right``."""
    style |= {"ha": "right" if right else "left", "va": "baseline", "family": "DejaVu Sans"}
    page.text(*place, _distinct(text), size=size, parse_math=False, **style)


def _distinct(text: str) -> str:
    r"""A text whose letters beyond Western Europe's are codes, such as ``\u0416``.

    Letters that the font lacks would all look the same.
    """
    return text.encode("cp1252", "backslashreplace").decode("cp1252", "replace")


def _line(page: Axes, points: Array, width: float, colour: str, dashed: bool = False) -> None:
    style = (0, (3 / width, 2 / width)) if dashed else "solid"
    page.plot(*points.T, color=colour, lw=width, ls=style, solid_capstyle="butt")


def _head(result: StudyResult) -> list[str]:
    day = result.study_date
    date = f"   {day[:4]}-{day[4:6]}-{day[6:]}" if day else ""
    version = result.provenance.versions.get("discmri", "")
    return [
        printable(result.subject_id) + date,
        images_in_words(result),
        f"discmri {version}, segmenter {printable(result.provenance.segmenter)}",
    ]


def _spine(page: Axes, result: StudyResult) -> None:
    """The mid-sagittal slice with borders, levels and heights of the discs."""
    from matplotlib.patches import Rectangle

    view = SpineView.of(result)
    left, right, bottom, top = view.region
    scale = min(_PICTURE_HEIGHT / (top - bottom), _PICTURE_WIDTH / (right - left))
    width, height = scale * (right - left), scale * (top - bottom)
    x = (_LEFT + _RIGHT + _NAMES - width) / 2

    def on_page(points_mm: Array) -> Array:
        return np.array([x, _PICTURE_TOP]) + (points_mm - [left, top]) * [scale, -scale]

    begin, end, lowest, highest = view.shown.extent()
    (x0, y0), (x1, y1) = on_page(np.array([[begin, lowest], [end, highest]])).tolist()
    picture = page.imshow(
        np.nan_to_num(view.shown.pixels()), "gray", vmin=view.window[0], vmax=view.window[1],
        extent=(x0, x1, y0, y1), aspect="auto", interpolation="bicubic",
    )  # fmt: skip
    picture.set_clip_path(Rectangle((x, _PICTURE_TOP), width, height, transform=page.transData))
    heights = {record.level: record.get("height_mm") for record in result.records}
    for level, contour in view.contours.items():
        border = on_page(closed(contour))
        _line(page, border, 1.0, LEVEL_COLOURS[level])
        _name(page, border, x, level, heights.get(level))
    for level, contour in view.residuals.items():
        border = on_page(contour)
        _line(page, border, 1.0, LEVEL_COLOURS[level], dashed=True)
        _name(page, border, x, level, None)
    end, low = x + width - 8, _PICTURE_TOP + height - 8
    bar = np.array([[end - scale * _SCALE_BAR_MM, low], [end, low]])
    _line(page, bar, 4.0, "#000000")
    _line(page, bar, 2.0, "#ffffff")
    place = (end, _PICTURE_TOP + height + 10)
    _text(page, place, f"bar: {_SCALE_BAR_MM:g} mm", right=True, size=_REMARK)


def _name(page: Axes, border: Array, edge: float, level: DiscLevel, height: object) -> None:
    """The level in the margin, with a thin line to the anterior border of the disc."""
    front = border[np.argmin(border[:, 0])]
    y = float(np.clip(border[:, 1].mean(), _PICTURE_TOP + 8, _PICTURE_TOP + _PICTURE_HEIGHT - 8))
    _line(page, np.array([[edge - 5, y], [edge, y], front]), 0.7, LEVEL_COLOURS[level])
    _text(page, (edge - 8, y - 1), level.value, right=True)
    if isinstance(height, (int, float)):
        text = f"{height:.1f} mm"
        _text(page, (edge - 8, y + 8), text, right=True, size=_REMARK, color="0.3")


def _table(page: Axes, result: StudyResult, top: float) -> None:
    edge = np.array([[_LEFT, top + 4.5], [_RIGHT, top + 4.5]])
    _text(page, (_LEFT, top), "Disc", weight="bold")
    for end, (_, words, _) in zip(_COLUMN_ENDS, _COLUMNS, strict=True):
        _text(page, (end, top), words, right=True)
    _line(page, edge, 0.8, "#000000")
    for n, record in enumerate(result.records, 1):
        y = top + _ROW * n
        _text(page, (_LEFT, y), record.level.value)
        for end, (column, _, decimals) in zip(_COLUMN_ENDS, _COLUMNS, strict=True):
            _text(page, (end, y), _cell(record.get(column), decimals), right=True)
        _line(page, edge + np.array([0, _ROW * n]), 0.25, "#999999")


def _cell(value: float | int | str | None, decimals: int) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else number(float(value), decimals)


def _remarks(page: Axes, result: StudyResult, top: float) -> None:
    found = [one for one in result.findings if one.severity is not Severity.INFO]
    title, weight = ("Remarks", "bold") if found else ("No remarks.", "normal")
    _text(page, (_LEFT, top), title, weight=weight)
    lines: list[str] = []
    for one in found:
        named = one.level is not None and not one.text.startswith(one.level.value)
        where = f"{one.level.value}: " if one.level is not None and named else ""
        lines += wrapped(printable(where + one.text), _RIGHT - _LEFT, _REMARK)
    most = int((_REMARKS_END - top) / _REMARK_ROW) - 1
    if len(lines) > most:
        lines = [*lines[: most - 1], "Further remarks are in report.html."]
    for n, line in enumerate(lines, 1):
        _text(page, (_LEFT, top + 3 + _REMARK_ROW * n), line, size=_REMARK)


def wrapped(text: str, width: float, size: float) -> list[str]:
    """Break a text into lines of at most ``width`` points; words are not broken."""
    lines: list[str] = []
    for word in _distinct(text).split():
        if lines and font(size, bold=False).getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
