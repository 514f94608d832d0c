"""The ADC of a study, fitted or the scanner's, aligned with its sagittal image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from discmri.core.diffusion import AdcMap, DiffusionSeries
from discmri.core.findings import Code, Finding, MeasurementError, warning
from discmri.core.labels import SpineLabels
from discmri.core.second_process import SecondProcess
from discmri.core.settings import Settings
from discmri.core.volume import Array, Grid, Volume
from discmri.measurement.adc.fit import AdcFit, fit_adc
from discmri.measurement.align import Alignment, PhaseShift, align
from discmri.results.provenance import DiffusionFacts
from discmri.study import Role, Study


@dataclass(frozen=True, eq=False)
class AlignedAdc:
    """ADC on the voxels of the diffusion images, and their position on the sagittal image.

    Parameters
    ----------
    adc
        The fit of the diffusion images, or the scanner's map.
    alignment
        Diffusion images to sagittal image.
    facts
        Facts about both for the record.
    """

    adc: AdcFit | AdcMap
    alignment: Alignment
    facts: DiffusionFacts

    @property
    def fitted(self) -> Volume | None:
        """The fit on the grid of the diffusion images, um2/ms; ``None`` for the scanner's map."""
        return self.adc.adc if isinstance(self.adc, AdcFit) else None

    def on(self, grid: Grid) -> Volume:
        """The aligned ADC on a grid in the sagittal image's patient space, um2/ms.

        It is interpolated, so use it for pictures, not for measurements.
        """
        volume = self.adc.adc if isinstance(self.adc, AdcFit) else self.adc.volume
        return self.alignment.resampled(volume, grid)

    def around(self, labels: SpineLabels) -> Volume:
        """The aligned ADC on the part of the labels' grid that holds all discs, um2/ms."""
        masks = labels.discs.values()
        grid = next(iter(masks)).grid
        ends = [grid.to_index(mask.grid.to_world([(0, 0, 0), mask.shape])) for mask in masks]
        start = np.floor(np.min(ends, axis=(0, 1))).astype(int)
        i, j, k = (int(n) for n in np.ceil(np.max(ends, axis=(0, 1))) - start)
        return self.on(grid.cropped((int(start[0]), int(start[1]), int(start[2])), (i, j, k)))


@dataclass(frozen=True, eq=False)
class FoundAdc:
    """ADC of a study before its alignment.

    Parameters
    ----------
    moving
        The images to align.
    adc
        The fit of these images, or the scanner's map.
    facts
        Facts about both for the record.
    """

    moving: DiffusionSeries | AdcMap
    adc: AdcFit | AdcMap
    facts: DiffusionFacts


def find_adc(study: Study) -> tuple[FoundAdc | None, list[Finding]]:
    """ADC from the diffusion images if they can be fitted, else the scanner's map.

    Parameters
    ----------
    study
        With diffusion images, a map, both or neither.

    Returns
    -------
    FoundAdc or None, list of Finding
        ``None`` without usable diffusion, with the reasons.

    Examples
    --------
    >>> find_adc(study)[0].facts.source  # doctest: +SKIP
    'fit'
    """
    findings = []
    for find in (_fitted, _mapped):
        try:
            found = find(study)
        except MeasurementError as error:
            findings.append(warning(error.code, error.text))
            continue
        if found is not None:
            return found, findings
    if not findings:
        text = "The study holds no diffusion series and no ADC map."
        findings.append(warning(Code.NO_DIFFUSION, text))
    return None, findings


def align_adc(
    found: FoundAdc,
    study: Study,
    image: Volume,
    labels: SpineLabels,
    settings: Settings,
    second: SecondProcess | None = None,
) -> tuple[AlignedAdc | None, list[Finding]]:
    """Align the ADC with the sagittal image.

    Parameters
    ----------
    found
        From :func:`find_adc`.
    study
        The same study.
    image, labels
        The sagittal image and its named structures.
    settings
        ``max_alignment_mm`` is used.
    second
        Process that aligns the images; ``None`` for this one.

    Returns
    -------
    AlignedAdc or None, list of Finding
        ``None`` if the images are misaligned, with the reason.  The scanner's map is not used instead,
        because it was computed from them.

    Examples
    --------
    >>> adc, findings = align_adc(found, study, image, labels, Settings())  # doctest: +SKIP
    >>> adc.alignment.residual_mm  # doctest: +SKIP
    0.4
    """
    frame_uid = study.target().frame_of_reference_uid
    given = found.moving, image, labels, frame_uid, settings.max_alignment_mm
    try:
        alignment = align(*given) if second is None else second.call(align, *given)
    except MeasurementError as error:
        return None, [warning(error.code, error.text)]
    findings = []
    if found.facts.source == "map" and any(series.role is Role.DWI for series in study.series):
        text = "The diffusion images could not be fitted; the scanner's ADC map was used."
        findings.append(warning(Code.ADC_FROM_MAP, text))
    return AlignedAdc(found.adc, alignment, _placed(found.facts, alignment)), findings


def _fitted(study: Study) -> FoundAdc | None:
    series = study.diffusion()
    if series is None:
        return None
    fit = fit_adc(series)
    facts = DiffusionFacts(
        source="fit",
        series_uid=series.series_uid,
        b_s_per_mm2=tuple(float(b) for b in fit.b_s_per_mm2),
        images=fit.images,
        b_value_sources=tuple(sorted({b.source for b in series.b_values})),
        noise=float(fit.noise),
    )
    return FoundAdc(series, fit, facts)


def _mapped(study: Study) -> FoundAdc | None:
    scanner = study.adc_map()
    if scanner is None:
        return None
    facts = DiffusionFacts("map", scanner.series_uid, unit_source=scanner.unit_source)
    return FoundAdc(scanner, scanner, facts)


def _placed(facts: DiffusionFacts, alignment: Alignment) -> DiffusionFacts:
    """The facts with those of the alignment."""
    placed = replace(
        facts,
        shift_mm=round(alignment.shift_mm, 3),
        explained_before=round(alignment.explained[0], 4),
        explained_after=round(alignment.explained[1], 4),
        distortion_corrected=alignment.phase is not None,
        matrix=tuple(_rounded(row) for row in alignment.matrix),
    )
    phase = alignment.phase
    if phase is not None:
        placed = replace(
            placed,
            phase_axis=_rounded(phase.axis),
            phase_superior_mm=_rounded(phase.superior_mm),
            phase_shift_mm=_rounded(phase.shift_mm),
        )
    return placed


def _rounded(values: Array) -> tuple[float, ...]:
    return tuple(round(float(one), 6) for one in values)


def recorded_adc(study: Study, facts: DiffusionFacts) -> AlignedAdc | None:
    """The ADC of a measured study, with the alignment that its results record.

    Parameters
    ----------
    study
        The study that was measured.
    facts
        From the provenance of its results.

    Returns
    -------
    AlignedAdc or None
        For pictures only: the residual of each disc is not recorded.  ``None`` if the results lack
        the alignment or the study lacks the diffusion images.

    Raises
    ------
    MeasurementError
        If the diffusion images cannot be fitted.

    Examples
    --------
    >>> result = discmri.read_results("discmri-out/study")  # doctest: +SKIP
    >>> recorded_adc(study, result.provenance.diffusion).on(image.grid).unit  # doctest: +SKIP
    'um2/ms'
    """
    placed = len(facts.phase_axis) == 3 or not facts.distortion_corrected
    found = (_fitted if facts.source == "fit" else _mapped)(study)
    if found is None or not facts.matrix or not placed:
        return None
    axis, superior_mm, shift_mm = map(
        np.array, (facts.phase_axis, facts.phase_superior_mm, facts.phase_shift_mm)
    )
    phase = PhaseShift(axis, superior_mm, shift_mm) if facts.distortion_corrected else None
    explained = (facts.explained_before, facts.explained_after)
    alignment = Alignment(np.array(facts.matrix), phase, explained, facts.shift_mm)
    return AlignedAdc(found.adc, alignment, facts)
