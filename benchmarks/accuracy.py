"""How far the numbers are from the phantoms' analytic truth.

Every phantom is scanned by another protocol; heights and shapes are measured once from the
true soft masks (what the geometry alone costs) and once from the built-in segmenter (what a
user gets), ADC through the whole chain of noise, distortion, alignment and fit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from discmri.core.diffusion import BValue, DiffusionSeries
from discmri.core.errors import NothingToMeasureError
from discmri.core.findings import MeasurementError
from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.core.volume import Volume
from discmri.measurement import adc
from discmri.measurement.align import align
from discmri.measurement.height import measure_heights
from discmri.measurement.numbering import name_levels
from discmri.measurement.outline import trace_disc
from discmri.measurement.segment.builtin import builtin
from discmri.measurement.shape import measure_shape
from discmri.measurement.uncertainty import height_sd
from discmri.phantoms import (
    DiscTruth,
    Phantom,
    Protocol,
    PulseSequence,
    SpineOptions,
    lumbar_spine,
    make_phantom,
)
from discmri.results.height import HEIGHT_METHODS
from discmri.results.outline import DiscOutline

Errors = dict[str, list[float]]
_PRIMARY = HEIGHT_METHODS[Settings().height_method].parameter
# All eight grades, double grades among them, dealt over the levels L1-L2 to L5-S1.
GRADES = ((1, 2, 3, 4, 5), (6, 7, 8, 2, 3), (4, 5, "3/6", 7, 8), (1, 3, "4/7", 6, 2))


@dataclass(frozen=True)
class Case:
    """One spine and how it is scanned."""

    seed: int
    options: SpineOptions
    protocol: Protocol

    @property
    def name(self) -> str:
        """What tells it from the others."""
        p = self.protocol
        return (
            f"seed {self.seed}: {p.spacing_mm} mm, {p.slice_thickness_mm}+{p.gap_mm} mm, "
            f"SNR {p.snr:g}, oblique {p.oblique_deg}"
        )


def cases(quick: bool) -> list[Case]:
    """The grid: in-plane spacing, thickness and gap, SNR, obliquity, grades."""
    grid = [
        (0.4, 3.0, 0.3, 60.0, (0.0, 0.0, 0.0)),
        (0.6, 4.0, 0.4, 30.0, (0.0, 0.0, 0.0)),
        (0.8, 4.0, 0.8, 30.0, (6.0, -4.0, 3.0)),
        (1.0, 5.0, 1.0, 15.0, (0.0, 0.0, 0.0)),
        (0.5, 3.5, 0.7, 20.0, (-5.0, 6.0, 0.0)),
        (0.7, 4.5, 0.5, 40.0, (0.0, 5.0, -5.0)),
        (0.9, 3.0, 1.0, 30.0, (0.0, 0.0, 0.0)),
        (0.6, 5.0, 0.5, 15.0, (3.0, 3.0, 3.0)),
    ]
    chosen = grid[1:3] if quick else grid
    return [
        Case(
            seed,
            SpineOptions(
                grades=GRADES[seed % len(GRADES)],
                scoliosis_deg=(0.0, 0.0, 10.0, 0.0)[seed % 4],
                listhesis_mm={DiscLevel.L4_L5: 4.0} if seed % 3 == 2 else None,
            ),
            Protocol(
                spacing_mm=spacing,
                slice_thickness_mm=thickness,
                gap_mm=gap,
                snr=snr,
                oblique_deg=oblique,
            ),
        )
        for seed, (spacing, thickness, gap, snr, oblique) in enumerate(chosen)
    ]


@dataclass(frozen=True)
class DiscErrors:
    """One disc: measured minus true by parameter, each height's error over its stated uncertainty."""

    grade: str
    errors: Mapping[str, float]
    over_sd: Mapping[str, float]
    confidence: float


def main(quick: bool = False) -> None:
    """Print bias, standard deviation and worst error by parameter and segmenter."""
    true: list[DiscErrors] = []
    found: list[DiscErrors] = []
    adc_errors: Errors = defaultdict(list)
    wrong = 0
    for case in cases(quick):
        phantom = make_phantom(lumbar_spine(case.options, seed=case.seed))
        truth = phantom.truth()
        labels = phantom.labels(phantom.grid(case.protocol), case.protocol.slice_thickness_mm)
        true += _compared(labels, truth)
        image = phantom.image(PulseSequence.T2, case.protocol)
        diffusion = _diffusion(phantom, case.protocol)
        adc_errors["true masks"] += _adc_errors(truth, diffusion, image, labels)
        try:
            named, _ = name_levels(builtin(image, Settings()))
        except NothingToMeasureError as error:
            print(f"builtin failed on {case.name}: {error}")
            continue
        wrong += _wrong_names(named, truth)
        found += _compared(named, truth)
        adc_errors["builtin"] += _adc_errors(truth, diffusion, image, named)
        print(f"done {case.name}", flush=True)
    for title, discs in (("true masks", true), ("builtin", found)):
        _print_table(title, discs, adc_errors[title])
        _print_coverage(discs)
    print(f"\nbuiltin: {wrong} discs with a wrong name")
    _print_by_grade(found)
    _print_trust(found)


def _compared(labels: SpineLabels, truth: Mapping[DiscLevel, DiscTruth]) -> list[DiscErrors]:
    """Every disc from T12-L1 down that is known and was traced."""
    discs = []
    for level in labels.discs:
        if level not in truth or level in (DiscLevel.T10_T11, DiscLevel.T11_T12):
            continue
        expected = truth[level].to_dict()
        try:
            outline = trace_disc(labels, level)
        except MeasurementError as error:
            print(f"{level.value}: {error}")
            continue
        measured = (*measure_heights(outline)[0], *measure_shape(outline)[0])
        errors = {
            one.parameter: float(one.value) - float(expected[one.parameter])
            for one in measured
            if expected.get(one.parameter) is not None
        }
        over_sd = _over_sd(outline, labels.segmenter_sd_mm.get(level, 0.0), expected)
        discs.append(DiscErrors(str(expected["grade"]), errors, over_sd, labels.confidence[level]))
    return discs


def _over_sd(
    outline: DiscOutline, segmenter_sd_mm: float, expected: Mapping[str, object]
) -> dict[str, float]:
    """Error of each height over its stated uncertainty, by definition."""
    found = {}
    for code, definition in HEIGHT_METHODS.items():
        try:
            error = definition.measure(outline) - float(str(expected[definition.parameter]))
        except MeasurementError:
            continue
        found[code] = error / height_sd(outline, code, segmenter_sd_mm)
    return found


def _wrong_names(labels: SpineLabels, truth: Mapping[DiscLevel, DiscTruth]) -> int:
    """Discs whose place is nearer to another true disc than to the one of their name."""
    centres = {level: np.array(one.centre_mm) for level, one in truth.items()}
    wrong = 0
    for level, mask in labels.discs.items():
        distance = {other: np.linalg.norm(mask.centroid_mm - at) for other, at in centres.items()}
        wrong += min(distance, key=lambda other: distance[other]) is not level
    return wrong


def _diffusion(phantom: Phantom, protocol: Protocol) -> DiffusionSeries:
    images = phantom.diffusion(protocol)
    return DiffusionSeries(
        signal=np.stack([one.volume.array for one in images], axis=-1),
        affine=images[0].volume.affine,
        b_values=tuple(BValue(one.b_s_per_mm2, "phantom", one.kind) for one in images),
        phase_axis=(0.0, 1.0, 0.0),
    )


def _adc_errors(
    truth: Mapping[DiscLevel, DiscTruth],
    series: DiffusionSeries,
    image: Volume,
    labels: SpineLabels,
) -> list[float]:
    """Percent errors of the discs' mean ADC, through noise, distortion, alignment and fit."""
    try:
        fit, alignment = adc.fit_adc(series), align(series, image, labels)
    except MeasurementError as error:
        print(f"diffusion: {error}")
        return []
    errors = []
    for level in labels.discs:
        try:
            outline = trace_disc(labels, level)
            measured = adc.measure_adc(fit, alignment, level, outline, Settings())
        except MeasurementError:
            continue  # too thin for diffusion voxels: empty by design
        errors.append(100.0 * (measured.mean / truth[level].adc_disc_um2_ms - 1.0))
    return errors


def _print_table(title: str, discs: list[DiscErrors], adc_errors: list[float]) -> None:
    print(f"\n{title}\n{'parameter':28}{'n':>5}{'bias':>10}{'SD':>10}{'worst':>10}")
    columns: Errors = defaultdict(list)
    for disc in discs:
        for name, error in disc.errors.items():
            columns[name].append(error)
    for name, values in {**columns, "adc_disc %": adc_errors}.items():
        e = np.array(values)
        worst = e[np.argmax(np.abs(e))]
        spread = e.std(ddof=min(1, len(e) - 1))
        print(f"{name:28}{len(e):5}{e.mean():10.3f}{spread:10.3f}{worst:10.3f}")


def _print_coverage(discs: list[DiscErrors]) -> None:
    print("errors of heights within one and two stated uncertainties (wanted about 68 and 95 %):")
    for code in HEIGHT_METHODS:
        z = np.abs([disc.over_sd[code] for disc in discs if code in disc.over_sd])
        print(
            f"  {code:12} {100 * (z <= 1).mean():.0f} and {100 * (z <= 2).mean():.0f} %, n = {len(z)}"
        )


def _print_by_grade(discs: list[DiscErrors]) -> None:
    """Where an endplate's inner edge does not show, its thickness can only be guessed."""
    for title, grades in (("bright (1 to 3)", "123"), ("dark or collapsed", "45678")):
        errors = np.array([d.errors[_PRIMARY] for d in discs if d.grade[0] in grades])
        if len(errors):
            bias = f"bias {errors.mean():.2f} mm, SD {errors.std():.2f} mm"
            print(f"{_PRIMARY} of {title} discs: {bias}, n = {len(errors)}")


def _print_trust(discs: list[DiscErrors]) -> None:
    """Whether the segmenter's confidence ranks its errors."""
    from scipy.stats import spearmanr

    errors = np.abs([disc.errors[_PRIMARY] for disc in discs])
    rank = spearmanr([disc.confidence for disc in discs], errors).statistic
    print(f"rank correlation of confidence with the absolute error of {_PRIMARY}: {rank:.2f}")
