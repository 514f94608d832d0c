"""DICOM objects of a result, for archives and viewers.

:func:`dicom_objects` makes them.  Each is a series of its own in the source study.  UIDs and dates are
derived from the content, so the same result gives identical objects everywhere.  To add an object,
write one file with one function and add one line to ``dicom_objects``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom import Dataset

from discmri.core.errors import ResultsError
from discmri.core.settings import Settings
from discmri.results.dicom.instance import from_headers
from discmri.results.dicom.read import require_highdicom
from discmri.results.dicom.segmentation import SegKind, segmentation_of
from discmri.results.dicom.source import DicomSource

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

__all__ = ["DicomObjects", "SegKind", "dicom_objects"]


@dataclass(frozen=True, eq=False)
class DicomObjects:
    """DICOM objects of one result.

    Parameters
    ----------
    objects
        Objects by file name without ``.dcm``.
    pdf
        The PDF inside ``report_pdf``.
    left_out
        Reasons for missing objects, by file name without ``.dcm``.
    """

    objects: Mapping[str, Dataset]
    pdf: bytes
    left_out: Mapping[str, str]


def dicom_objects(result: StudyResult, settings: Settings | None = None) -> DicomObjects:
    """Make every DICOM object of a result.

    Parameters
    ----------
    result
        A measured study, or results read back together with their study.
    settings
        Storage and choice of segments and lines; default: the settings of the result.

    Returns
    -------
    DicomObjects
        Without ``adc_pm`` if no ADC was fitted or the result was read back.

    Raises
    ------
    UsageError
        If highdicom is not installed.
    ResultsError
        If the study is NIfTI, the labels are on another grid than its slices, or its headers
        lack an attribute that every object needs.

    Examples
    --------
    >>> import discmri
    >>> result = discmri.measure(discmri.read_study("study_dir"))  # doctest: +SKIP
    >>> sorted(dicom_objects(result).objects)  # doctest: +SKIP
    ['adc_pm', 'heights_pr', 'lines_sr', 'report_pdf', 'seg', 'values_sr']
    """
    require_highdicom("DICOM objects need highdicom")
    from discmri.results.dicom import lines, pages, parametric, presentation, values
    from discmri.results.height.stations import STATIONS

    settings = settings or result.provenance.settings
    source = DicomSource.of(result)
    stations = tuple(STATIONS) if settings.all_lines else lines.DRAWN
    with from_headers("DICOM objects", "; leave out --format dicom"):
        seg = segmentation_of(source, SegKind(settings.seg_kind), settings.seg_structures == "all")
        made = {"seg": seg, "values_sr": values.values_report(source, seg)}
        made["lines_sr"] = lines.lines_report(source, stations)
    optional: dict[str, Callable[[], Dataset | None]] = {
        "heights_pr": lambda: presentation.presentation_of(source)
    }
    if source.diffusion:
        optional["adc_pm"] = lambda: parametric.adc_map(source)
    left_out = {}
    for name, make in optional.items():
        try:
            with from_headers(name):
                one = make()
        except ResultsError as error:
            left_out[name] = str(error)
        else:
            made |= {} if one is None else {name: one}
    page = pages.pdf(result)
    made["report_pdf"] = pages.encapsulated_pdf(source, page)
    if settings.secondary_capture:
        made["page_sc"] = pages.secondary_capture(source)
    return DicomObjects(made, page, left_out)
