"""The report on paper: ``report.pdf``, the same as a DICOM object, and as a colour picture."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import Dataset
from pydicom import Sequence as Items

from discmri.core.findings import Severity
from discmri.core.text import NOTICE, number, printable
from discmri.results.dicom.codes import Code
from discmri.results.dicom.instance import acquired, new_instance
from discmri.results.dicom.source import DicomSource
from discmri.results.dicom.tree import coded
from discmri.results.report_text import images_in_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from discmri.results.model import StudyResult

_A4_IN = 8.27, 11.69
_PAGE_DPI = 100
_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_TITLE = Code("18748-4", "LN", "Diagnostic imaging study")
_COLUMNS = (
    ("height_mm", "Height (mm)", 1), ("height_sd_mm", "± (mm)", 2), ("width_ap_mm", "Width (mm)", 1),
    ("signal_ratio_csf", "Signal/CSF", 2), ("adc_disc_um2_ms", "ADC (µm²/ms)", 2),
    ("suggested_grade", "Suggested grade", 0),
)  # fmt: skip
_LINE_CHARACTERS = 108
_MOST_LINES = 34


def pdf(result: StudyResult) -> bytes:
    """One A4 page: head, picture, table of discs, remarks; without a date of making."""
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    figure = _page(result)
    FigureCanvasPdf(figure)
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format="pdf", metadata={"CreationDate": None, "Producer": None, "Creator": None}
    )
    return buffer.getvalue()


def encapsulated_pdf(source: DicomSource, document: bytes) -> Dataset:
    """A PDF as a DICOM object."""
    made = new_instance(source, "report_pdf", _PDF, "DOC")
    made.ConversionType = "WSD"
    date, time = acquired(source.first)
    made.AcquisitionDateTime = date + time
    made.BurnedInAnnotation = "YES"
    made.DocumentTitle = "Lumbar disc measurements"
    made.ConceptNameCodeSequence = Items([coded(_TITLE)])
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocumentLength = len(document)
    made.add_new("EncapsulatedDocument", "OB", document + b"\0" * (len(document) % 2))
    return made


def secondary_capture(source: DicomSource) -> Dataset:
    """The page as an RGB picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(_page(source.result))
    canvas.draw()
    pixels = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])
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

    figure = Figure(figsize=_A4_IN, dpi=_PAGE_DPI, facecolor="white")
    text = figure.text
    text(0.07, 0.955, "Lumbar disc measurements", fontsize=16, fontweight="bold", va="top")
    text(0.07, 0.925, _head(result), fontsize=9, va="top", linespacing=1.5)
    picture = result.overview
    if picture is not None:
        from matplotlib.image import imread

        axes = figure.add_axes((0.07, 0.50, 0.86, 0.37))
        axes.imshow(imread(io.BytesIO(picture)), interpolation="bilinear")
        axes.set_axis_off()
    _table(figure, result)
    text(0.07, 0.27, _remarks(result), fontsize=7.5, va="top", linespacing=1.35)
    text(0.07, 0.03, NOTICE, fontsize=7.5, color="0.35")
    return figure


def _head(result: StudyResult) -> str:
    day = result.study_date
    date = f"   {day[:4]}-{day[4:6]}-{day[6:]}" if day else ""
    version = result.provenance.versions.get("discmri", "")
    return "\n".join(
        [
            printable(result.subject_id) + date,
            images_in_words(result),
            f"discmri {version}, segmenter {printable(result.provenance.segmenter)}",
        ]
    )


def _table(figure: Figure, result: StudyResult) -> None:
    rows = []
    for record in result.records:
        cells = [record.level.value]
        for column, _, decimals in _COLUMNS:
            value = record.get(column)
            cells.append(
                "–" if value is None
                else value if isinstance(value, str)
                else number(float(value), decimals)
            )  # fmt: skip
        rows.append(cells)
    axes = figure.add_axes((0.07, 0.285, 0.86, 0.20))
    axes.set_axis_off()
    drawn = axes.table(
        cellText=rows, colLabels=["Disc", *(words for _, words, _ in _COLUMNS)], loc="upper center",
        cellLoc="right", edges="horizontal",
    )  # fmt: skip
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8.5)


def _remarks(result: StudyResult) -> str:
    found = [one for one in result.findings if one.severity is not Severity.INFO]
    if not found:
        return "No remarks."
    lines = ["Remarks"]
    for one in found:
        named = one.level is not None and not one.text.startswith(one.level.value)
        where = f"{one.level.value}: " if one.level is not None and named else ""
        lines += textwrap.wrap(printable(where + one.text), _LINE_CHARACTERS) or [where]
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], "The other remarks are in report.html."]
    return "\n".join(lines)
