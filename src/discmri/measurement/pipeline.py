"""The steps of measuring a study, in their order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TypeVar

from discmri.core.errors import DicomError, UsageError
from discmri.core.findings import Code, Finding, Severity, warning
from discmri.core.labels import FoundSpine, SpineLabels
from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.progress import ProgressCallback
from discmri.core.quality import DiscQuality
from discmri.core.second_process import SecondProcess
from discmri.core.settings import Settings
from discmri.core.software import versions
from discmri.core.volume import SoftMask, Volume
from discmri.measurement import qc, signal
from discmri.measurement.adc import AlignedAdc, DiscAdc, FoundAdc, align_adc, find_adc, measure_adc
from discmri.measurement.disc_values import DiscValues, RemeasuredDisc, attempt, heights_of
from discmri.measurement.grade_features import brightest_discs
from discmri.measurement.grading import Suggestion, reference_heights, suggest
from discmri.measurement.numbering import name_levels
from discmri.measurement.outline import trace_disc
from discmri.measurement.picture_edge import cut_sides
from discmri.measurement.segment import segment
from discmri.measurement.shape import measure_shape
from discmri.measurement.signal import DiscSignal
from discmri.measurement.t1_heights import t1_series
from discmri.results.dicom.read import check_belongs
from discmri.results.height import HEIGHT_METHODS
from discmri.results.model import MeasuredImages, StudyResult
from discmri.results.outline import DiscOutline
from discmri.results.provenance import Provenance
from discmri.results.records import DiscRecord, Measurement
from discmri.results.residual import residual_discs
from discmri.study import Series, Study

STEPS: Mapping[str, tuple[str, float]] = {
    "image": ("reading the sagittal series", 0.0),
    "labels": ("finding the discs", 0.1),
    "outlines": ("tracing their borders", 0.5),
    "heights": ("measuring heights", 0.57),
    "shapes": ("measuring shapes", 0.59),
    "bias_corrected": ("correcting the bias field", 0.6),
    "signals": ("measuring the signal", 0.65),
    "t1": ("reading the T1 series", 0.67),
    "checks": ("checking the discs", 0.68),
    "grades": ("suggesting grades", 0.69),
    "diffusion": ("aligning and fitting the diffusion images", 0.7),
    "adc": ("measuring the ADC", 0.95),
}
"""The steps in their order: an attribute of :class:`StudySteps`, its progress text, share before it."""

SHARED = ("outlines", "heights")
"""Steps of which a second process does most of the discs."""

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class StudySteps:
    """The steps of measuring one study, each of which can be used alone.

    Every step is an attribute, which is computed on first use, after the steps that it needs, and
    then kept.  Steps of discs are mappings from :class:`DiscLevel`; a disc that could not be
    measured is absent, and ``findings`` contains the reason.

    Parameters
    ----------
    study
        From :func:`discmri.read_study`.
    settings
        Default settings if not given.
    second
        Process that segments, traces and measures most of the discs, aligns and draws; ``None`` for
        this one.

    Attributes
    ----------
    findings : dict
        Findings of each step that was done, by the name of the step.

    Raises
    ------
    UsageError
        If the settings name a height method that does not exist.

    Examples
    --------
    >>> import discmri
    >>> from pathlib import Path
    >>> folder, level = Path("sample_phantoms/ge_residual_disc"), DiscLevel.L4_L5
    >>> settings = Settings(segmenter="masks", masks=folder / "labels.nii.gz")
    >>> steps = StudySteps(discmri.read_study(folder / "study"), settings)
    >>> [disc.value for disc in steps.labels.discs][-2:]
    ['L4-L5', 'L5-S1']
    >>> print(f"{steps.outlines[level].mid.width_mm:.0f} mm")
    37 mm
    >>> print(f"{steps.heights[level].measurements['height_mm'].value:.1f} mm")
    12.6 mm
    >>> print(f"{steps.signals[level].ratio_csf:.2f} of the CSF, grade {steps.grades[level].grade}")
    0.21 of the CSF, grade 4
    >>> steps.diffusion is None, [one.code.value for one in steps.findings["diffusion"]]
    (True, ['no_diffusion'])
    >>> again = steps.remeasure(level, steps.labels.discs[level])
    >>> again.record == steps.result.record(level)
    True
    """

    study: Study
    settings: Settings = field(default_factory=Settings)
    findings: dict[str, Sequence[Finding]] = field(default_factory=dict, init=False, repr=False)
    second: SecondProcess | None = field(default=None, repr=False)
    _study_steps: StudySteps | None = field(default=None, repr=False)
    """Steps of the whole study, if these steps measure one disc again."""

    def __post_init__(self) -> None:
        if self.settings.height_method not in HEIGHT_METHODS:
            raise UsageError(
                f"no height method is called {self.settings.height_method!r}; "
                f"choose one of: {', '.join(HEIGHT_METHODS)}"
            )

    # -------------------------------------------------------------- image and labels
    @property
    def series(self) -> Series:
        """The sagittal series that is measured.

        Raises
        ------
        NothingToMeasureError
            If the study has none.
        """
        return self.study.target()

    @cached_property
    def image(self) -> Volume:
        """The sagittal image.

        Raises
        ------
        DicomError
            If its pixel values cannot be decoded.
        """
        return self.study.read(self.series)

    @cached_property
    def segmentation(self) -> FoundSpine:
        """Soft masks of discs, bodies and canal, without names.

        Raises
        ------
        NothingToMeasureError
            If no disc is found.
        UsageError
            If the segmenter or scheme of the settings does not exist, or if the DICOM SEG is that
            of another study.
        """
        if self.settings.masks is not None:
            frame = self.series.frame_of_reference_uid
            check_belongs(self.settings.masks, self.study.study_uid, frame)
        if self.second is None or self.settings.masks is not None:
            return segment(self.image, self.settings)
        return self.second.call(segment, self.image, self.settings)

    @cached_property
    def labels(self) -> SpineLabels:
        """The segmented structures with their names.

        Raises
        ------
        UsageError
            If less than half of the discs would have a name with ``lowest_disc``.
        """
        found = self.segmentation
        labels, noticed = name_levels(found, self.settings.lowest_disc)
        self.findings["labels"] = [*found.findings, *noticed]
        return labels

    # -------------------------------------------------------------- borders, heights, shapes
    @cached_property
    def outlines(self) -> Mapping[DiscLevel, DiscOutline]:
        """Border of each disc in its own frame, mm."""
        slices, cut = self.settings.central_slices, self._cut_bodies
        trace = partial(trace_disc, self.labels, central_slices=slices, cut_bodies=cut)
        return self._each("outlines", self._levels, trace)

    @cached_property
    def _cut_bodies(self) -> Collection[Vertebra]:
        """Bodies that the image shows only in part."""
        bodies = self.labels.vertebrae.items()
        return {vertebra for vertebra, mask in bodies if cut_sides(mask, self.image)}

    @cached_property
    def heights(self) -> Mapping[DiscLevel, DiscValues]:
        """Every height definition, and the primary height with its standard uncertainty, mm."""
        sd_mm, method = self.labels.segmenter_sd_mm, self.settings.height_method
        measure = partial(heights_of, self.outlines, sd_mm, method)
        return self._each("heights", self.outlines, measure)

    @cached_property
    def shapes(self) -> Mapping[DiscLevel, DiscValues]:
        """Widths, area, volume, wedge, bulge and listhesis of each disc."""
        return self._each(
            "shapes",
            self.outlines,
            lambda level: DiscValues.of(level, measure_shape(self.outlines[level])),
        )

    # -------------------------------------------------------------- signal and grade
    @cached_property
    def bias_corrected(self) -> Volume | None:
        """The image after bias-field correction; ``None`` if it is not T2-weighted."""
        if not self.series.t2_weighted:
            return None
        corrected = signal.correct_bias_field(self.image, self.labels)
        brightness = signal.fluid_over_marrow(corrected, self.labels)
        if brightness is None or brightness >= 1.0:
            return corrected
        text = (
            f"The header states T2, but fluid has only {brightness:.2f} of the signal of marrow: "
            "the image is not T2-weighted, so signal and grade were not measured."
        )
        self.findings["bias_corrected"] = [warning(Code.NOT_T2, text)]
        return None

    @cached_property
    def signals(self) -> Mapping[DiscLevel, DiscSignal]:
        """T2 signal of each disc and of its reference tissues."""
        image = self.bias_corrected
        if image is None:
            return {}
        shared = signal.spine_comparators(image, self.labels, self.series.fat_suppressed)

        def measure(level: DiscLevel) -> DiscSignal:
            return signal.measure_signal(image, self.labels, level, self.outlines[level], shared)

        return self._each("signals", self.outlines, measure)

    @cached_property
    def t1(self) -> Volume | None:
        """The T1 image for a check of heights; ``None`` without one in the same frame of reference."""
        found = t1_series(self.study.series, self.series)
        if found is None:
            return None
        try:
            return self.study.read(found)
        except DicomError as error:  # T1 is only a check, so the discs are measured without it
            text = f"{found.name} cannot be read ({error}); heights were not compared with T1"
            self.findings["t1"] = [warning(Code.SERIES_LEFT_OUT, text, None, found.uid)]
            return None

    @cached_property
    def checks(self) -> Mapping[DiscLevel, DiscQuality]:
        """Whether the values of each disc can be used."""
        levels = tuple(self._levels)
        self.findings["checks"] = findings = qc.check(self._spine, levels)
        return {level: self._quality(level, findings) for level in levels}

    @cached_property
    def grades(self) -> Mapping[DiscLevel, Suggestion]:
        """Suggested modified Pfirrmann grade of each disc whose signal was measured."""
        spine, others = self._spine, self._study_steps or self
        heights_mm = spine.column("height_mm")
        usable = qc.reference_levels({**others.checks, **self.checks})
        references = reference_heights(
            heights_mm, spine.signals, spine.column("width_ap_mm"), usable=usable
        )
        bright = [one for level, one in spine.signals.items() if level in usable]
        brightest = brightest_discs(bright or spine.signals.values())

        def grade(level: DiscLevel) -> Suggestion:
            height_mm, reference = heights_mm.get(level), references.get(level)
            return suggest(
                level, self.signals[level], height_mm, reference, self.settings, brightest
            )

        return self._each("grades", self.signals, grade)

    # -------------------------------------------------------------- diffusion
    @cached_property
    def fitted(self) -> tuple[FoundAdc | None, Sequence[Finding]]:
        """ADC before its alignment, with findings; it needs no labels.

        Raises
        ------
        DicomError
            If its pixel values cannot be decoded.
        """
        return find_adc(self.study)

    @cached_property
    def diffusion(self) -> AlignedAdc | None:
        """ADC, aligned with the sagittal image; ``None`` without usable diffusion.

        Raises
        ------
        DicomError
            If its pixel values cannot be decoded.
        """
        found, findings = self.fitted
        if found is None:
            self.findings["diffusion"] = findings
            return None
        diffusion, noticed = align_adc(
            found, self.study, self.image, self.labels, self.settings, self.second
        )
        self.findings["diffusion"] = [*findings, *noticed]
        return diffusion

    @cached_property
    def adc(self) -> Mapping[DiscLevel, DiscAdc]:
        """ADC of each disc, um2/ms."""
        diffusion = self.diffusion
        if diffusion is None:
            return {}

        def measure(level: DiscLevel) -> DiscAdc:
            values, alignment = diffusion.adc, diffusion.alignment
            return measure_adc(values, alignment, level, self.outlines[level], self.settings)

        return self._each("adc", self.outlines, measure)

    # -------------------------------------------------------------- all of them
    @cached_property
    def result(self) -> StudyResult:
        """The result of all steps; missing steps are done first."""
        records = [self._record(level) for level in self.labels.discs]
        diffusion = self.diffusion
        return StudyResult(
            subject_id=self.study.subject_id,
            study_uid=self.study.study_uid,
            study_date=self.study.study_date,
            series_uid=self.series.uid,
            records=tuple(records),
            numbering=self.labels.numbering,
            numbering_probability=self.labels.numbering_probability,
            numbering_signs=self.labels.numbering_signs,
            series=tuple(series.describe() for series in self.study.series),
            findings=(*self.study.findings, *self._noticed),
            provenance=self._provenance(),
            residual_discs=residual_discs(self.labels),
            images=MeasuredImages(
                self.labels,
                self.outlines,
                self.image,
                adc=None if diffusion is None else diffusion.around(self.labels),
                fitted_adc=None if diffusion is None else diffusion.fitted,
                study=self.study,
                second=self.second,
            ),
        )

    def advance(self, last: str, progress: ProgressCallback | None = None) -> None:
        """Do the missing steps in order, up to one of them.

        Parameters
        ----------
        last
            A name in :data:`STEPS`.
        progress
            Called before each step; may raise to stop.
        """
        for step, (text, share) in STEPS.items():
            if step not in vars(self):
                if progress is not None:
                    progress(text, share)
                getattr(self, step)
            if step == last:
                return

    def measure(self, progress: ProgressCallback | None = None) -> StudyResult:
        """Do every step in order.

        Parameters
        ----------
        progress
            Called before each step; may raise to stop.

        Returns
        -------
        StudyResult
            The same as ``result``.

        Raises
        ------
        NothingToMeasureError, UsageError, DicomError
            As documented for the steps.
        """
        self.advance(list(STEPS)[-1], progress)
        return self.result

    def remeasure(self, level: DiscLevel, mask: SoftMask) -> RemeasuredDisc:
        """Measure one disc with another mask; the study and its result are not changed.

        Bias field, alignment and the other discs are those of the study, so this is fast, and the
        unchanged mask gives unchanged values.

        Parameters
        ----------
        level
            One of the discs of ``labels``.
        mask
            The new mask of the disc in patient space, with at least one voxel.

        Returns
        -------
        RemeasuredDisc
            Its values and border.

        Raises
        ------
        KeyError
            If the study has no such disc.
        """
        if level not in self.labels.discs:
            raise KeyError(level)
        again = StudySteps(self.study, self.settings, _study_steps=self)
        vars(again).update(  # these steps are not computed again
            image=self.image,
            labels=replace(self.labels, discs={**self.labels.discs, level: mask}),
            bias_corrected=self.bias_corrected,
            diffusion=self.diffusion,
            _levels=(level,),
        )
        record = again._record(level)
        return RemeasuredDisc(record, again.outlines.get(level), tuple(again._noticed))

    def keep_values(self, records: Sequence[DiscRecord]) -> None:
        """Take heights, shapes and quality from earlier results instead of measuring them again.

        Parameters
        ----------
        records
            Of this study, each with its quality.
        """
        values = {one.level: DiscValues(one.values, ()) for one in records}
        quality = {one.level: one.quality for one in records}
        vars(self).update(heights=values, shapes=values, checks=quality)

    @cached_property
    def _levels(self) -> Iterable[DiscLevel]:
        return tuple(self.labels.discs)

    @cached_property
    def _spine(self) -> qc.MeasuredSpine:
        """The input of the checks: this disc, and the other discs of the study."""
        others = self._study_steps or self
        heights, shapes = {**others.heights, **self.heights}, {**others.shapes, **self.shapes}
        return qc.MeasuredSpine(
            image=self.image,
            labels=self.labels,
            outlines={**others.outlines, **self.outlines},
            values={
                level: {**found.measurements, **shapes[level].measurements}
                for level, found in heights.items()
            },
            signals={**others.signals, **self.signals},
            corrected=self.bias_corrected,
            t1=others.t1,
        )

    def _quality(self, level: DiscLevel, checks: Sequence[Finding]) -> DiscQuality:
        failed = [one for one in self.findings["outlines"] if one.severity is Severity.ERROR]
        return DiscQuality.of(one for one in (*failed, *checks) if one.level is level)

    @property
    def _noticed(self) -> list[Finding]:
        return [one for step in STEPS for one in self.findings.get(step, ())]

    def _each(
        self, name: str, levels: Iterable[DiscLevel], step: Callable[[DiscLevel], T]
    ) -> dict[DiscLevel, T]:
        """A step for each disc; a disc for which it fails is absent, with a finding."""
        given, second = list(levels), self.second if name in SHARED else None
        each = map if second is None else second.map
        severity = Severity.ERROR if name == "outlines" else Severity.WARNING
        found, findings = {}, []
        for level, value in zip(given, each(partial(attempt, step, severity), given), strict=True):
            if isinstance(value, Finding):
                findings.append(value)
            else:
                found[level] = value
                findings.extend(getattr(value, "findings", ()))  # an outline has no findings
        self.findings[name] = findings
        return found

    def _record(self, level: DiscLevel) -> DiscRecord:
        values: dict[str, Measurement] = {}
        for step in (self.heights, self.shapes, self.signals, self.grades, self.adc):
            if level in step:
                values |= step[level].measurements
        confidence = round(self.labels.confidence[level], 6)
        values["confidence"] = Measurement("confidence", confidence, "segmenter")
        evidence = {"grade": self.grades[level].evidence} if level in self.grades else {}
        return DiscRecord(level, values, evidence, self.checks[level])

    def _provenance(self) -> Provenance:
        used, diffusion = [self.series], self.diffusion
        if diffusion is not None and diffusion.facts.source == "fit":
            used += self.study.choice.diffusion
        elif diffusion is not None and self.study.choice.adc_map is not None:
            used.append(self.study.choice.adc_map)
        if self.t1 is not None:
            used += filter(None, [t1_series(self.study.series, self.series)])
        return Provenance(
            versions=versions(),
            settings=self.settings,
            segmenter=self.segmentation.method,
            inputs=tuple(self.study.inputs(series) for series in used),
            diffusion=None if diffusion is None else diffusion.facts,
        )
