"""One examination: its series, the choice of those that are measured, and their voxels."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from discmri.core.diffusion import AdcMap, DiffusionSeries
from discmri.core.errors import DicomError, NothingToMeasureError
from discmri.core.facts import Chosen, SeriesInput, StudyFacts
from discmri.core.findings import Finding
from discmri.core.volume import Volume
from discmri.study.adc_units import in_um2_per_ms
from discmri.study.choose import Choice, weightings
from discmri.study.deidentify import PATIENT_AND_STUDY, Disguise, header_without_names
from discmri.study.pixels import MAX_SERIES_BYTES
from discmri.study.scan import whole_header
from discmri.study.series import Image, Series
from discmri.study.source import StudyFiles, clean_text


@dataclass(frozen=True, eq=False)
class Study:
    """One examination, as :func:`read_study` returns it.

    Parameters
    ----------
    path
        The input.
    subject_id, study_uid, study_date
        As in the input without control characters; the folder's name if there is no
        PatientID.
    series
        Every series, in order of their numbers.
    choice
        The series that are used.
    findings
        Findings about files and used series.
    other_files
        Number of files without MR image, by modality; ``"no DICOM"`` for other formats.
    threads
        Threads for decoding pixel values.
    source
        The opened files; an unpacked zip exists as long as this object.
    disguise
        De-identification of headers; ``None`` to keep them.
    """

    path: Path
    subject_id: str
    study_uid: str
    study_date: str
    series: tuple[Series, ...]
    choice: Choice
    findings: tuple[Finding, ...] = ()
    other_files: Mapping[str, int] = field(default_factory=dict)
    threads: int = 2
    source: StudyFiles | None = field(default=None, repr=False)
    disguise: Disguise | None = field(default=None, repr=False)
    _digests: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)

    def target(self) -> Series:
        """The sagittal series to segment: T2, else fat-suppressed, else T1 or another.

        Raises
        ------
        NothingToMeasureError
            If no sagittal series can be used; the message lists the series.
        """
        if self.choice.target is not None:
            return self.choice.target
        listed = "; ".join(
            f"{s.name}: {s.role.value}" + (f" ({s.problem})" if s.problem else "")
            for s in self.series
        )
        raise NothingToMeasureError(
            f"{clean_text(self.path)} holds no usable sagittal series (found {listed[:600]})"
        )

    def read(self, series: Series) -> Volume:
        """First volume of a series: float32, RAS+.

        Raises
        ------
        DicomError
            If pixel values cannot be decoded.
        NothingToMeasureError
            If the series cannot be used; see its ``problem``.
        """
        if not series.images:
            raise NothingToMeasureError(f"{series.name} cannot be read: {series.problem}")
        image = series.images[0]
        values = image.read(self.threads)
        self._remember((series,), values)
        return Volume(values, image.grid.affine)

    def diffusion(self) -> DiffusionSeries | None:
        """The diffusion images to fit, on one grid; ``None`` if there are none.

        Signals of images with different scale slopes (Philips) are made comparable.

        Raises
        ------
        DicomError
            If pixel values cannot be decoded, or if they need more than 4 GiB.
        """
        chosen = self.choice.diffusion
        images = weightings([image for one in chosen for image in one.images])
        b_values = tuple(image.b_value for image in images if image.b_value is not None)
        if not images:
            return None
        grid = images[0].grid
        size = 4 * len(images) * math.prod(grid.shape)
        if size > MAX_SERIES_BYTES:
            raise DicomError(f"{chosen[0].name} holds {size >> 20} MiB, more than discmri reads")
        signal = np.empty((len(images), *reversed(grid.shape)), dtype=np.float32).T
        comparable = _needs_philips_scale(images)
        for n, image in enumerate(images):
            values = image.read(self.threads)
            signal[..., n] = values * _philips_factors(image) if comparable else values
        np.maximum(signal, 0.0, out=signal)
        self._remember(chosen, signal)
        return DiffusionSeries(
            signal=signal,
            affine=grid.affine,
            b_values=b_values,
            phase_axis=chosen[0].phase_axis,
            frame_of_reference_uid=chosen[0].frame_of_reference_uid,
            series_uid=chosen[0].uid,
            averages=tuple(image.averages or 1.0 for image in images)
            if all(image.averages for image in images)
            else (),
        )

    def adc_map(self) -> AdcMap | None:
        """The scanner's ADC map in µm²/ms; ``None`` if there is none.

        Raises
        ------
        MeasurementError
            ``ADC_UNIT_UNKNOWN`` if its unit is unknown.
        DicomError
            If pixel values cannot be decoded.
        """
        series = self.choice.adc_map
        if series is None:
            return None
        image = series.images[0]
        stored = image.read(self.threads)
        self._remember((series,), stored)
        values, source = in_um2_per_ms(stored, image.scalings)
        return AdcMap(
            Volume(values, image.grid.affine, "um2/ms"),
            source,
            series.frame_of_reference_uid,
            series.uid,
        )

    def inputs(self, series: Series) -> SeriesInput:
        """UIDs of the images of a series and a hash of their values, for the record."""
        key = (series.uid, series.part)
        if key not in self._digests:
            if series in self.choice.diffusion:
                self.diffusion()
            else:
                self.read(series)
        images = series.images
        if series in self.choice.diffusion:
            images = weightings([image for one in self.choice.diffusion for image in one.images])
        uids = dict.fromkeys(uid for image in images for uid in image.instance_uids)
        return SeriesInput(series.role, series.uid, tuple(uids), self._digests[key])

    def headers(self, images: Iterable[Image]) -> tuple[Dataset, ...]:
        """Headers of the DICOM files of some images, de-identified if the study is.

        Raises
        ------
        DicomError
            If a file is missing or damaged.
        """
        files = dict.fromkeys(file for image in images for file in image.dicom_files)
        headers = (whole_header(file) for file in files)
        if self.disguise is None:
            return tuple(headers)
        return tuple(header_without_names(one, self.disguise) for one in headers)

    def describe(self) -> StudyFacts:
        """Facts for ``discmri inspect``."""
        choice = self.choice
        return StudyFacts(
            path=str(self.path),
            subject_id=self.subject_id,
            study_uid=self.study_uid,
            study_date=self.study_date,
            series=tuple(one.describe() for one in self.series),
            other_files=dict(self.other_files),
            measured=Chosen(
                None if choice.target is None else choice.target.uid,
                tuple(one.uid for one in choice.diffusion),
                None if choice.adc_map is None else choice.adc_map.uid,
            ),
            findings=self.findings,
            copied_attributes=self._copied_attributes(),
        )

    def _copied_attributes(self) -> tuple[str, ...]:
        target = self.choice.target
        headers = () if target is None else self.headers(target.images[:1])
        return tuple(word for word in PATIENT_AND_STUDY if headers and headers[0].get(word))

    def __repr__(self) -> str:
        """One line with subject, date, number of series and the measured one."""
        who = f"{self.subject_id or 'unknown subject'}, {self.study_date or 'no date'}"
        target = self.choice.target
        what = "nothing to measure" if target is None else f"measures {target.name}"
        return f"<Study {who}: {len(self.series)} series, {what}>"

    def _repr_html_(self) -> str:
        from discmri.study.notebook import study_html

        return study_html(self.describe())

    def _remember(self, series: tuple[Series, ...], values: NDArray[np.float32]) -> None:
        """Store the hash of the values."""
        digest = hashlib.sha256(np.ascontiguousarray(values.T).data).hexdigest()
        for one in series:
            self._digests[(one.uid, one.part)] = digest


def _needs_philips_scale(images: tuple[Image, ...]) -> bool:
    scalings = [scaling for image in images for scaling in image.scalings]
    if any(scaling.philips_slope is None for scaling in scalings):
        return False
    return len({(scaling.slope, scaling.philips_slope) for scaling in scalings}) > 1


def _philips_factors(image: Image) -> NDArray[np.float32]:
    """(k,) factors to floating point values: FP = DV / (RS SS)."""
    return np.array(
        [1.0 / (s.slope * s.philips_slope) for s in image.scalings if s.philips_slope],
        dtype=np.float32,
    )
