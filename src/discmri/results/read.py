"""Results folders read back: the inverse of :meth:`StudyResult.write`."""

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
from discmri.results.document import RECORD, DiscEntry, Document, decoded, parse
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
    """Read a results folder back.

    Parameters
    ----------
    folder
        What :meth:`StudyResult.write` or ``discmri measure`` wrote.
    study
        The study that was measured, for ``result.image``; everything else is in the folder.

    Returns
    -------
    StudyResult
        Equal to the one that was written.  ``label_map``, ``borders``, ``pictures`` and
        ``image`` are read when they are asked for; soft masks, outlines of all slices and the
        aligned ADC are not kept in a results folder.

    Raises
    ------
    UsageError
        Where the folder holds no ``study.json``.
    ResultsError
        Where that cannot be read, or was written by a version with another layout.

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
            "name a results folder of discmri measure"
        ) from error
    return from_json(text, here, study)


def from_json(text: bytes, folder: Path, study: str | Path | None = None) -> StudyResult:
    """The same as :func:`read_results` where the text of ``study.json`` is known already.

    Raises
    ------
    ResultsError
        As in :func:`read_results`.
    """
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
    """What of a result's images stands in its folder.

    Parameters
    ----------
    folder
        The results folder.
    result
        Its facts.
    study_path
        The study that was measured, where known.
    """

    folder: Path
    result: StudyResult
    study_path: Path | None = None

    @cached_property
    def label_map(self) -> LabelMap:
        """From ``labels.nii.gz``."""
        try:
            return LabelMap.from_bytes(self._bytes("labels.nii.gz"))
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
        """From the label map: voxels are whole there."""
        array, grid = self.label_map.array, self.label_map.grid
        levels = [one.level for one in self.result.residual_discs]
        return {
            level: SoftMask.from_fractions((array == level.label_id).astype(float), grid.affine)
            for level in levels
            if (array == level.label_id).any()
        }

    @cached_property
    def study(self) -> Study | None:
        """The study, where its path is known."""
        if self.study_path is None:
            return None
        from discmri.study import read_study

        return read_study(self.study_path, study_uid=self.result.study_uid or None)

    @cached_property
    def image(self) -> Volume:
        """From the study, whose pixels must be those that were measured."""
        study = self.study
        if study is None:
            raise UsageError(
                f"the images of {self.folder} are in its study; "
                "give it: read_results(folder, study=...)"
            )
        known = {one.series_uid: one.pixels_sha256 for one in self.result.provenance.inputs}
        for series in study.series:
            if series.uid == self.result.series_uid and series.images:
                image = study.read(series)
                if study.inputs(series).pixels_sha256 == known.get(series.uid):
                    return image
        raise ResultsError(
            f"{self.study_path} does not hold the images that were measured "
            f"(series {self.result.series_uid}); name the right study"
        )

    @property
    def labels(self) -> SpineLabels:
        """Not kept."""
        self._not_kept("soft masks; label_map has their numbers")

    @property
    def outlines(self) -> Mapping[DiscLevel, DiscOutline]:
        """Not kept."""
        self._not_kept("outlines of all slices; borders has those of the mid-sagittal plane")

    @property
    def adc(self) -> Volume | None:
        """Not kept."""
        self._not_kept("the aligned ADC; pictures shows it")

    @property
    def fitted_adc(self) -> Volume | None:
        """Not kept."""
        self._not_kept("the fitted ADC")

    def pictures(self, _result: StudyResult) -> Mapping[str, bytes]:
        """The files in ``figures``, overview first, then cranial to caudal."""
        levels = [record.level.value for record in self.result.records]
        names = ["overview", *(f"{level}{end}" for level in levels for end in ("", "-adc"))]
        paths = {name: self.folder / "figures" / f"{name}.png" for name in names}
        return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}

    def overview(self, result: StudyResult) -> bytes | None:
        """The overview of the folder; ``None`` where it was written without figures."""
        return self.pictures(result).get("overview")

    def _bytes(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise ResultsError(
                f"{self.folder / name} cannot be read ({error.strerror or error}); "
                "measure the study again with every format"
            ) from error

    def _not_kept(self, what: str) -> NoReturn:
        raise ResultsError(
            f"a results folder does not keep {what}; for the rest, measure the study again "
            "with discmri.measure"
        )


def _border(level: DiscLevel, found: _Border) -> DiscBorder:
    axes = (np.array(axis) for axis in (found.origin_mm, found.anterior, found.cranial, found.left))
    return DiscBorder(level, DiscFrame(*axes), found.mid_left_mm, np.array(found.contour_mm))


def result_of(document: Document) -> StudyResult:
    """The result that a document was made of, without its images.

    Raises
    ------
    ResultsError
        Where it contradicts itself.
    """
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
            ResidualDisc(one.level, one.centre_mm, one.depth_mm, one.height_mm)
            for one in document.residual_discs
        ),
        message=document.message,
    )


def _record(entry: DiscEntry) -> DiscRecord:
    values = {
        name: Measurement(name, one.value, one.method, one.sd) for name, one in entry.values.items()
    }
    quality = None if entry.quality is None else DiscQuality(entry.quality, entry.quality_reasons)
    return DiscRecord(entry.level, values, entry.evidence, quality)
