"""Reading of results folders, the inverse of :meth:`StudyResult.write`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import msgspec
import numpy as np

from discmri.core.errors import ResultsError, UsageError
from discmri.core.labels import NumberingMethod, SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.quality import DiscQuality
from discmri.core.volume import SoftMask, Volume
from discmri.results.document import RECORD, Document, StoredDisc, decoded, parse
from discmri.results.label_map import LabelMap
from discmri.results.model import StudyResult
from discmri.results.outline import DiscBorder, DiscFrame, DiscOutline
from discmri.results.provenance import Provenance
from discmri.results.records import DiscRecord, Measurement
from discmri.results.residual import ResidualDisc

if TYPE_CHECKING:
    from discmri.study import Study

_Vector = tuple[float, float, float]


def read_results(folder: str | Path, study: str | Path | None = None) -> StudyResult:
    """Read a results folder.

    Parameters
    ----------
    folder
        Folder written by :meth:`StudyResult.write` or ``discmri measure``.
    study
        The measured study, needed only for ``result.image``.

    Returns
    -------
    StudyResult
        Equal to the result that was written.  ``label_map``, ``borders``, ``pictures`` and
        ``image`` are read on first access.  Soft masks, outlines of all slices and the aligned
        ADC are not stored in results folders.

    Raises
    ------
    UsageError
        If the folder has no ``study.json``.
    ResultsError
        If ``study.json`` cannot be read or has another layout.

    Examples
    --------
    >>> import discmri
    >>> result = discmri.read_results("discmri-out/study")  # doctest: +SKIP
    >>> result.label_map.array.shape  # doctest: +SKIP
    (320, 320, 15)
    """
    here = Path(folder)
    try:
        text = (here / RECORD).read_bytes()
    except OSError as error:
        raise UsageError(
            f"{here / RECORD} cannot be read ({error.strerror or error}); "
            "give a results folder of discmri measure"
        ) from error
    return from_json(text, here, study)


def from_json(text: bytes, folder: Path, study: str | Path | None = None) -> StudyResult:
    """Like :func:`read_results`, from the content of ``study.json``."""
    result = result_of(parse(text, str(folder / RECORD)))
    if not result.records:
        return result
    images = StoredImages(folder, result, None if study is None else Path(study))
    return replace(result, images=images)


class _Border(msgspec.Struct, frozen=True):
    origin_mm: _Vector
    anterior: _Vector
    cranial: _Vector
    left: _Vector
    mid_left_mm: float
    contour_mm: list[tuple[float, float]]


class _Outlines(msgspec.Struct, frozen=True):
    discs: dict[DiscLevel, _Border]


@dataclass(frozen=True, eq=False)
class StoredImages:
    """Images and outlines stored in a results folder, read on access."""

    folder: Path
    result: StudyResult  # the result without images
    study_path: Path | None = None  # path of the measured study, if known

    @cached_property
    def label_map(self) -> LabelMap:
        """From ``labels.nii.gz``."""
        data = self._bytes("labels.nii.gz")
        try:
            return LabelMap.from_bytes(data)
        except ResultsError as error:
            raise ResultsError(f"{self.folder / 'labels.nii.gz'}: {error}") from error

    @cached_property
    def borders(self) -> Mapping[DiscLevel, DiscBorder]:
        """From ``outlines.json``."""
        path = self.folder / "outlines.json"
        found = decoded(self._bytes(path.name), _Outlines, str(path))
        return {level: _border(level, one) for level, one in found.discs.items()}

    @property
    def residual_masks(self) -> Mapping[DiscLevel, SoftMask]:
        """From the label map, as binary masks."""
        array, grid = self.label_map.array, self.label_map.grid
        levels = [one.level for one in self.result.residual_discs]
        return {
            level: SoftMask.from_fractions((array == level.label_id).astype(float), grid.affine)
            for level in levels
            if (array == level.label_id).any()
        }

    @cached_property
    def study(self) -> Study | None:
        """The measured study; ``None`` if its path is unknown."""
        if self.study_path is None:
            return None
        from discmri.study import read_study

        return read_study(self.study_path, study_uid=self.result.study_uid or None)

    @cached_property
    def image(self) -> Volume:
        """From the study; its pixels must be identical to the measured ones."""
        study = self.study
        if study is None:
            raise UsageError(
                f"the images of {self.folder} are not in the results folder; "
                "give the measured study: read_results(folder, study=...)"
            )
        known = {one.series_uid: one.pixels_sha256 for one in self.result.provenance.inputs}
        for series in study.series:
            if series.uid == self.result.series_uid and series.images:
                image = study.read(series)
                if study.inputs(series).pixels_sha256 == known.get(series.uid):
                    return image
        raise ResultsError(
            f"{self.study_path} does not contain the images that were measured "
            f"(series {self.result.series_uid}); give the study of these results"
        )

    @property
    def labels(self) -> SpineLabels:
        """Not stored."""
        self._not_stored("soft masks (label_map has binary ones)")

    @property
    def outlines(self) -> Mapping[DiscLevel, DiscOutline]:
        """Not stored."""
        self._not_stored("outlines of all slices (borders has the mid-sagittal ones)")

    @property
    def adc(self) -> Volume | None:
        """Not stored."""
        self._not_stored("the aligned ADC (pictures shows it)")

    @property
    def fitted_adc(self) -> Volume | None:
        """Not stored."""
        self._not_stored("the fitted ADC")

    def pictures(self, _result: StudyResult) -> Mapping[str, bytes]:
        """The files in ``figures``, overview first, then cranial to caudal."""
        levels = [record.level.value for record in self.result.records]
        names = ["overview", *(f"{level}{end}" for level in levels for end in ("", "-adc"))]
        paths = {name: self.folder / "figures" / f"{name}.png" for name in names}
        return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}

    def overview(self, result: StudyResult) -> bytes | None:
        """The overview; ``None`` if the folder was written without figures."""
        return self.pictures(result).get("overview")

    def _bytes(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise ResultsError(
                f"{self.folder / name} cannot be read ({error.strerror or error}); "
                "measure the study again with all formats"
            ) from error

    def _not_stored(self, what: str) -> NoReturn:
        raise ResultsError(
            f"results folders do not store {what}; measure the study again with discmri.measure"
        )


def _border(level: DiscLevel, found: _Border) -> DiscBorder:
    axes = (np.array(axis) for axis in (found.origin_mm, found.anterior, found.cranial, found.left))
    return DiscBorder(level, DiscFrame(*axes), found.mid_left_mm, np.array(found.contour_mm))


def result_of(document: Document) -> StudyResult:
    """The result in a document, without images; ``ResultsError`` if a value is impossible."""
    provenance = Provenance(
        document.versions,
        document.settings,
        document.segmenter,
        document.inputs,
        document.diffusion if document.diffusion.source else None,
    )
    try:
        records = tuple(_record(entry) for entry in document.discs)
    except ValueError as error:
        raise ResultsError(f"a study.json holds an impossible value ({error})") from error
    return StudyResult(
        subject_id=document.subject_id,
        study_uid=document.study_uid,
        study_date=document.study_date,
        series_uid=document.series_uid,
        records=records,
        numbering=NumberingMethod(document.numbering) if document.numbering else None,
        numbering_probability=document.numbering_probability,
        numbering_signs=document.numbering_signs,
        series=document.series,
        findings=document.findings,
        provenance=provenance,
        residual_discs=tuple(
            ResidualDisc(one.level, one.centre_mm, one.depth_mm, one.height_mm, one.outlined)
            for one in document.residual_discs
        ),
        message=document.message,
    )


def _record(entry: StoredDisc) -> DiscRecord:
    values = {
        name: Measurement(name, one.value, one.method, one.sd) for name, one in entry.values.items()
    }
    quality = None if entry.quality is None else DiscQuality(entry.quality, entry.quality_reasons)
    return DiscRecord(entry.level, values, entry.evidence, quality)
