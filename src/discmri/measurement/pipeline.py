"""From a study to its result: the only file that knows the order of the steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from discmri.core.diffusion import AdcMap, DiffusionSeries
from discmri.core.errors import UsageError
from discmri.core.findings import Code, Finding, MeasurementError, warning
from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.core.software import versions
from discmri.core.volume import Grid, SoftMask, Volume
from discmri.measurement import adc, grading, qc, shape, signal
from discmri.measurement.align import Alignment, align
from discmri.measurement.height import measure_heights
from discmri.measurement.numbering import name_levels
from discmri.measurement.outline import trace_disc
from discmri.measurement.segment import segment
from discmri.measurement.uncertainty import height_sd
from discmri.results.height import HEIGHT_METHODS
from discmri.results.model import DiffusionFacts, MeasuredImages, Provenance, StudyResult
from discmri.results.outline import DiscOutline
from discmri.results.records import DiscRecord, Measurement
from discmri.results.residual import residual_discs
from discmri.study import Role, Series, Study

Progress = Callable[[str, float], None]
"""Told what is being done and which share of the whole is behind, 0 to 1."""


@dataclass
class _Disc:
    """What is known of one disc so far."""

    level: DiscLevel
    outline: DiscOutline
    values: dict[str, Measurement] = field(default_factory=dict)
    evidence: dict[str, object] = field(default_factory=dict)
    signal: signal.DiscSignal | None = None

    def take(self, measurements: Iterable[Measurement]) -> None:
        self.values |= {one.parameter: one for one in measurements}

    def number(self, parameter: str) -> float | None:
        found = self.values.get(parameter)
        return None if found is None or isinstance(found.value, str) else float(found.value)


@dataclass(frozen=True, eq=False)
class _Diffusion:
    """ADC, fitted or the scanner's, and where it lies on the sagittal image."""

    adc: adc.AdcFit | AdcMap
    alignment: Alignment
    facts: DiffusionFacts

    @property
    def picture(self) -> Volume:
        return self.adc.adc if isinstance(self.adc, adc.AdcFit) else self.adc.volume


@dataclass(frozen=True, eq=False)
class _Run:
    """What every step needs, and the findings it adds to."""

    study: Study
    settings: Settings
    target: Series
    image: Volume
    labels: SpineLabels
    findings: list[Finding]

    def failed(self, error: MeasurementError, level: DiscLevel | None = None) -> None:
        """A value that could not be had becomes a warning."""
        self.findings.append(warning(error.code, error.text, level))


@dataclass(frozen=True, eq=False)
class Workup:
    """A measured study with what its steps left behind, so that one disc can be done again.

    Parameters
    ----------
    result
        The measured study.
    """

    result: StudyResult
    _run: _Run
    _discs: Mapping[DiscLevel, _Disc]
    _even: Volume | None
    _diffusion: _Diffusion | None

    def adc_on(self, grid: Grid) -> Volume | None:
        """The aligned ADC on a grid in the image's patient space, for pictures; um2/ms."""
        if self._diffusion is None:
            return None
        return self._diffusion.alignment.carried(self._diffusion.picture, grid)


@dataclass(frozen=True, eq=False)
class Remeasured:
    """One disc after its mask was changed.

    Parameters
    ----------
    record
        All that is known of it now.
    outline
        Its border; ``None`` where it could not be traced.
    findings
        What was noticed about this disc.
    """

    record: DiscRecord
    outline: DiscOutline | None
    findings: tuple[Finding, ...]


def measure(
    study: Study, settings: Settings | None = None, progress: Progress | None = None
) -> StudyResult:
    """Measure every lumbar disc of a study.

    Parameters
    ----------
    study
        From :func:`discmri.read_study`.
    settings
        Defaults where not given.
    progress
        Called before each step.

    Raises
    ------
    NothingToMeasureError
        Where the study holds no sagittal series, or the series no disc.
    UsageError
        Where the settings name a segmenter, scheme or height method that does not exist.
    """
    return work_up(study, settings, progress).result


def work_up(
    study: Study, settings: Settings | None = None, progress: Progress | None = None
) -> Workup:
    """The same as :func:`measure`, but keeps what :func:`measure_again` needs.

    Parameters and errors are those of :func:`measure`.
    """
    settings = settings or Settings()
    _check(settings)
    say = progress or (lambda _text, _share: None)
    say("reading the sagittal series", 0.0)
    target = study.target()
    image = study.read(target)
    say("finding the discs", 0.1)
    found = segment(image, settings)
    labels, naming = name_levels(found, settings.lowest_disc)
    run = _Run(study, settings, target, image, labels, [*study.findings, *naming])
    discs = _traced(run, say)
    say("measuring the signal", 0.6)
    even = _evened(run) if discs else None
    _measure_signal(run, discs, even)
    _suggest_grades(run, discs, discs)
    say("aligning and fitting the diffusion images", 0.7)
    diffusion = _diffusion(run)
    _measure_adc(run, discs, diffusion)
    result = _assembled(run, discs, diffusion, found.method)
    return Workup(result, run, discs, even, diffusion)


def measure_again(workup: Workup, level: DiscLevel, mask: SoftMask) -> Remeasured:
    """Measure one disc with another mask; everything else stays as it was measured.

    Shading, alignment and the other discs, which the suggested grade refers to, are taken from
    the first measurement, so this is quick, and the unchanged mask gives the unchanged values.

    Parameters
    ----------
    workup
        From :func:`work_up`.
    level
        One of its discs.
    mask
        What the disc fills now, in patient space.

    Raises
    ------
    KeyError
        Where the study has no such disc.
    """
    before = workup._run
    masks = {one: mask if one is level else other for one, other in before.labels.discs.items()}
    if level not in masks:
        raise KeyError(level)
    run = replace(before, labels=replace(before.labels, discs=masks), findings=[])
    disc = _trace(run, level)
    discs = {**workup._discs, level: disc} if disc is not None else {}
    if disc is not None:
        _measure_signal(run, {level: disc}, workup._even)
        _suggest_grades(run, discs, (level,))
        _measure_adc(run, {level: disc}, workup._diffusion)
    record = _record(disc, level, run.labels)
    outlines = {} if disc is None else {level: disc.outline}
    checks = qc.check(run.labels, outlines, [record], run.settings)
    findings = (*run.findings, *(one for one in checks if one.level is level))
    return Remeasured(record, None if disc is None else disc.outline, findings)


def _check(settings: Settings) -> None:
    if settings.height_method not in HEIGHT_METHODS:
        raise UsageError(
            f"no height method is called {settings.height_method!r}; "
            f"choose one of: {', '.join(HEIGHT_METHODS)}"
        )


# ------------------------------------------------------------------ borders, heights, shape
def _traced(run: _Run, say: Progress) -> dict[DiscLevel, _Disc]:
    traced = {}
    for number, level in enumerate(run.labels.discs):
        say("tracing their borders", 0.5 + 0.1 * number / len(run.labels.discs))
        traced[level] = _trace(run, level)
    return {level: disc for level, disc in traced.items() if disc is not None}


def _trace(run: _Run, level: DiscLevel) -> _Disc | None:
    """Border, heights and shape of one disc; ``None`` where it has no border."""
    try:
        outline = trace_disc(run.labels, level, run.settings.central_slices)
    except MeasurementError as error:
        run.failed(error, level)
        return None
    disc = _Disc(level, outline)
    for values, failures in (measure_heights(outline), shape.measure_shape(outline)):
        disc.take(values)
        for failure in failures:
            run.failed(failure, level)
    own_sd_mm = run.labels.segmenter_sd_mm.get(level, 0.0)
    _choose_height(disc, run.settings.height_method, own_sd_mm)
    return disc


def _choose_height(disc: _Disc, method: str, segmenter_sd_mm: float) -> None:
    """The primary height, with its uncertainty."""
    chosen = disc.values.get(HEIGHT_METHODS[method].parameter)
    if chosen is None:
        return
    sd = height_sd(disc.outline, method, segmenter_sd_mm)
    disc.take(
        [
            Measurement("height_mm", chosen.value, method, sd),
            Measurement("height_sd_mm", sd, method),
        ]
    )


# ------------------------------------------------------------------ signal and grade
def _evened(run: _Run) -> Volume | None:
    """The image without shading; ``None`` where its signal means nothing."""
    if not run.target.t2_weighted:
        return None
    even = signal.flatten(run.image, run.labels)
    brightness = signal.fluid_over_marrow(even, run.labels)
    if brightness is not None and brightness < 1.0:
        text = (
            f"The header says T2, but fluid has only {brightness:.2f} of the signal of marrow: "
            "the picture is not T2-weighted, so signal and grade were not measured."
        )
        run.findings.append(warning(Code.NOT_T2, text))
        return None
    return even


def _measure_signal(run: _Run, discs: Mapping[DiscLevel, _Disc], even: Volume | None) -> None:
    if even is None:
        return
    for level, disc in discs.items():
        try:
            disc.signal = signal.measure_signal(
                even, run.labels, level, disc.outline, run.target.fat_suppressed
            )
        except MeasurementError as error:
            run.failed(error, level)
            continue
        disc.take(disc.signal.measurements.values())
        run.findings.extend(disc.signal.findings)


def _suggest_grades(
    run: _Run, discs: Mapping[DiscLevel, _Disc], wanted: Collection[DiscLevel]
) -> None:
    """Suggest the grades of the wanted discs; all discs serve as reference."""
    heights = {level: h for level, d in discs.items() if (h := d.number("height_mm")) is not None}
    depths = {level: w for level, d in discs.items() if (w := d.number("width_ap_mm")) is not None}
    signals = {level: d.signal for level, d in discs.items() if d.signal is not None}
    references = grading.reference_heights(heights, signals, depths)
    for level in wanted:
        found = signals.get(level)
        if found is None:
            continue
        try:
            suggestion = grading.suggest(
                level, found, heights.get(level), references.get(level), run.settings
            )
        except MeasurementError as error:
            run.failed(error, level)
            continue
        discs[level].take(suggestion.measurements.values())
        discs[level].evidence["grade"] = dict(suggestion.evidence)
        run.findings.extend(suggestion.findings)


# ------------------------------------------------------------------ diffusion
def _diffusion(run: _Run) -> _Diffusion | None:
    """ADC from the diffusion images where they can be fitted, else from the scanner's map.

    Diffusion images that lie elsewhere give no ADC at all: a map made of them lies there too.
    """
    failures = []
    for attempt in (_fitted, _mapped):
        try:
            found = attempt(run)
        except MeasurementError as error:
            run.failed(error)
            failures.append(error.code)
            if error.code in (Code.ADC_OTHER_FRAME, Code.ADC_MISALIGNED):
                return None
            continue
        if found is not None:
            if attempt is _mapped and _has_images(run.study):
                text = "The diffusion images could not be fitted: the ADC is the scanner's map's."
                run.findings.append(warning(Code.ADC_FROM_MAP, text))
            return found
    if not failures:
        text = "The study holds no diffusion series and no ADC map."
        run.findings.append(warning(Code.NO_DIFFUSION, text))
    return None


def _has_images(study: Study) -> bool:
    """Whether there are diffusion images at all, fit for use or not."""
    return any(series.role is Role.DWI for series in study.series)


def _fitted(run: _Run) -> _Diffusion | None:
    series = run.study.diffusion()
    if series is None:
        return None
    fit = adc.fit_adc(series)
    facts = DiffusionFacts(
        source="fit",
        series_uid=series.series_uid,
        b_s_per_mm2=tuple(float(b) for b in fit.b_s_per_mm2),
        images=fit.images,
        b_value_sources=tuple(sorted({b.source for b in series.b_values})),
        noise=float(fit.noise),
    )
    return _aligned(run, series, fit, facts)


def _mapped(run: _Run) -> _Diffusion | None:
    scanner = run.study.adc_map()
    if scanner is None:
        return None
    facts = DiffusionFacts(
        source="map", series_uid=scanner.series_uid, unit_source=scanner.unit_source
    )
    return _aligned(run, scanner, scanner, facts)


def _aligned(
    run: _Run,
    moving: DiffusionSeries | AdcMap,
    values: adc.AdcFit | AdcMap,
    facts: DiffusionFacts,
) -> _Diffusion:
    alignment = align(
        moving,
        run.image,
        run.labels,
        run.target.frame_of_reference_uid,
        run.settings.max_alignment_mm,
    )
    placed = replace(
        facts,
        shift_mm=round(alignment.shift_mm, 3),
        explained_before=round(alignment.explained[0], 4),
        explained_after=round(alignment.explained[1], 4),
        distortion_corrected=alignment.phase is not None,
        matrix=tuple(tuple(round(float(v), 6) for v in row) for row in alignment.matrix),
    )
    return _Diffusion(values, alignment, placed)


def _measure_adc(run: _Run, discs: Mapping[DiscLevel, _Disc], diffusion: _Diffusion | None) -> None:
    if diffusion is None:
        return
    for level, disc in discs.items():
        try:
            found = adc.measure_adc(
                diffusion.adc, diffusion.alignment, level, disc.outline, run.settings
            )
        except MeasurementError as error:
            run.failed(error, level)
            continue
        disc.take(found.measurements.values())
        run.findings.extend(found.findings)


# ------------------------------------------------------------------ assembling
def _assembled(
    run: _Run,
    discs: Mapping[DiscLevel, _Disc],
    diffusion: _Diffusion | None,
    segmenter: str,
) -> StudyResult:
    outlines = {level: disc.outline for level, disc in discs.items()}
    records = [_record(discs.get(level), level, run.labels) for level in run.labels.discs]
    checks = qc.check(run.labels, outlines, records, run.settings)
    picture = None
    if diffusion is not None:
        picture = diffusion.alignment.carried(diffusion.picture, _around(run.labels.discs.values()))
    return StudyResult(
        subject_id=run.study.subject_id,
        study_uid=run.study.study_uid,
        study_date=run.study.study_date,
        series_uid=run.target.uid,
        records=tuple(records),
        numbering=run.labels.numbering,
        numbering_probability=run.labels.numbering_probability,
        numbering_signs=run.labels.numbering_signs,
        series=tuple(series.describe() for series in run.study.series),
        findings=(*run.findings, *checks),
        provenance=_provenance(run, segmenter, diffusion),
        residual_discs=residual_discs(run.labels),
        images=MeasuredImages(run.labels, outlines, run.image, picture),
    )


def _around(masks: Collection[SoftMask]) -> Grid:
    """The part of the image's grid that holds all discs, for the ADC picture."""
    grid = next(iter(masks)).grid
    ends = [grid.to_index(mask.grid.to_world([(0, 0, 0), mask.shape])) for mask in masks]
    start = np.floor(np.min(ends, axis=(0, 1))).astype(int)
    i, j, k = (int(n) for n in np.ceil(np.max(ends, axis=(0, 1))) - start)
    return grid.cropped((int(start[0]), int(start[1]), int(start[2])), (i, j, k))


def _record(disc: _Disc | None, level: DiscLevel, labels: SpineLabels) -> DiscRecord:
    confidence = Measurement("confidence", round(labels.confidence[level], 6), "segmenter")
    values = {} if disc is None else disc.values
    evidence = {} if disc is None else disc.evidence
    return DiscRecord(level, {**values, "confidence": confidence}, evidence)


def _provenance(run: _Run, segmenter: str, diffusion: _Diffusion | None) -> Provenance:
    used = [run.target]
    if diffusion is not None and diffusion.facts.source == "fit":
        used += run.study.choice.diffusion
    elif diffusion is not None and run.study.choice.adc_map is not None:
        used.append(run.study.choice.adc_map)
    return Provenance(
        versions=versions(),
        settings=run.settings,
        segmenter=segmenter,
        inputs=tuple(run.study.inputs(series) for series in used),
        diffusion=None if diffusion is None else diffusion.facts,
    )
