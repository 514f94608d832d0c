"""``lines_sr.dcm``: heights as lines on the images (TID 1410), for viewers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom import Dataset

from discmri.core.levels import DiscLevel
from discmri.results.dicom import tree
from discmri.results.dicom.codes import LINE_PLACE, MILLIMETRE, Concept, column_code
from discmri.results.dicom.report import GROUP, algorithm, report, site, subject
from discmri.results.dicom.source import DicomSource, Slice
from discmri.results.export.csv_wide import cell
from discmri.results.height.stations import STATIONS

_REGION = Concept("111030", "DCM", "Image Region")
_TID_PLANAR = "1410"
DRAWN = ("middle",)
"""One line per disc, because viewers print each value beside its line and three would overlap."""


@dataclass(frozen=True, eq=False)
class HeightLine:
    """A height as a line on one slice."""

    level: DiscLevel
    column: str  # of `discs.csv`
    value: str  # as printed
    slice: Slice  # the nearest slice, onto which the ends of the line are projected
    # column, row, column, row of the lower and the upper end
    pixels: tuple[float, float, float, float]
    off_mm: float  # distance of the middle of the line from that slice

    @property
    def reference(self) -> Dataset:
        """Reference to the slice."""
        header = self.slice.header
        return tree.reference(str(header.SOPClassUID), str(header.SOPInstanceUID), self.slice.frame)


def height_lines(source: DicomSource, stations: Sequence[str] = DRAWN) -> Iterator[HeightLine]:
    """Height lines at the given stations, discs cranial to caudal.

    Parameters
    ----------
    source
        The result and the headers of its images.
    stations
        Any of ``anterior``, ``middle``, ``posterior``.
    """
    for record in source.result.records:
        border = source.result.borders.get(record.level)
        if border is None:
            continue
        for station in stations:
            column = f"height_{station}_mm"
            value = record.get(column)
            points = border.line_mm(STATIONS[station])
            if value is None or points is None:
                continue
            middle = (points[0] + points[1]) / 2
            nearest = source.nearest(middle)
            (a, b), (c, d) = (nearest.pixel(point) for point in points)
            yield HeightLine(
                record.level, column, cell(value, column), nearest, (a, b, c, d),
                abs(nearest.distance_mm(middle)),
            )  # fmt: skip


def lines_report(source: DicomSource, stations: Sequence[str] = DRAWN) -> Dataset:
    """A structured report with one measurement group per height line."""
    groups = []
    lines = list(height_lines(source, stations))
    for line in lines:
        code = column_code(line.column)
        name = f"{line.level.value} {code.meaning.lower()}"
        children = [
            *subject(source, line.level, name, "line", line.level.value, line.column),
            site(line.level),
            *algorithm(source),
            tree.polyline(_REGION, line.pixels, line.reference),
            tree.number(code, line.value, MILLIMETRE),
            tree.text(LINE_PLACE, f"{line.off_mm:.1f} mm"),
        ]
        groups.append(tree.container(GROUP, children, template=_TID_PLANAR))
    made = report(source, "lines_sr", groups)
    furthest = max((line.off_mm for line in lines), default=0.0)
    discs = len({line.level for line in lines})
    made.SeriesDescription = (
        f"discmri lines of {discs} of {len(source.result.records)} discs, "
        f"at most {furthest:.1f} mm off"
    )
    return made
