"""Modified Pfirrmann grade of a disc: criteria in words, and a suggestion to the reader.

Scale: Griffith JF et al., Spine 2007;32:E708-E712.  Grades 1 to 5 speak of signal at normal
height, 6 to 8 of loss of height; a collapsed disc that kept its signal gets both, such as
``4/7``.  The table leaves open what "normal height" and "equal" signal mean; the choices
made here stand in :class:`Thresholds` and :data:`LEVEL_FACTORS`, and every suggestion
carries its evidence.  A reader decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from discmri.core.findings import Code, Finding, MeasurementError, info
from discmri.core.grade import Grade, ReferenceKind
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.measurement.signal import DiscSignal
from discmri.results.records import Measurement


@dataclass(frozen=True)
class Thresholds:
    """Where one signal grade ends and the next begins; shares of the signal of CSF.

    By number a healthy disc on fast spin-echo T2 reaches not much more than 0.4 of CSF and
    often stays below fat, though readers see it "equal to CSF": the window saturates.  So the
    table's comparators are taken literally only where fat divides the discs of this spine
    (:attr:`discmri.measurement.signal.DiscSignal.fat`); elsewhere the shares that divide the calls of
    radiologists are used: SPIDER (van der Graaf 2024, CC BY 4.0), 367 discs on mid-sagittal
    T2 slices, original five grades.  They lie on a plateau: a tenth more or less changes the
    agreement by less than its sampling error.

    Parameters
    ----------
    like_csf
        Signal from which a disc counts as equal to CSF, where fat divides.
    like_csf_alone, like_fat_alone
        Where it does not: from which it counts as equal to CSF, and as brighter than fat.
    dark
        Signal below which the disc is hypointense.
    above_outer
        Excess over the outer posterior annulus below which a disc that is not bright is equal
        to it, hence hypointense.
    distinct
        Step from inner to outer posterior annulus from which the two are distinct.
    borderline
        Relative distance to a threshold below which the suggestion is called borderline.
    """

    like_csf: float = 0.80
    like_csf_alone: float = 0.42
    like_fat_alone: float = 0.24
    dark: float = 0.15
    above_outer: float = 0.03
    distinct: float = 0.15
    borderline: float = 0.15


THRESHOLDS = Thresholds()

# Height of a healthy disc relative to L3-L4, for one subject's expected heights only.
# L1-L2 to L5-S1: middle heights of 14 adults on MRI (anatomyjournal.ir A-10-159-1);
# above L1 continued by the same step.
LEVEL_FACTORS: Mapping[DiscLevel, float] = {
    DiscLevel.T10_T11: 0.44,
    DiscLevel.T11_T12: 0.56,
    DiscLevel.T12_L1: 0.68,
    DiscLevel.L1_L2: 0.80,
    DiscLevel.L2_L3: 0.93,
    DiscLevel.L3_L4: 1.00,
    DiscLevel.L4_L5: 1.10,
    DiscLevel.L5_L6: 1.07,
    DiscLevel.L5_S1: 1.04,
    DiscLevel.L6_S1: 1.04,
}
# Height / AP width of a healthy L3-L4: between 0.25 (discs of grade 1 and 2 of patients with
# back pain, SPIDER as above) and 0.38 (the 14 adults); trusted as much as one healthy disc.
HEIGHT_PER_DEPTH = 0.30
DEPTH_SD = 0.12  # relative spread of that between subjects
LEVEL_SD = 0.12  # relative spread of a healthy disc about its subject's expected height


@dataclass(frozen=True)
class ReferenceHeight:
    """The height against which loss is judged.

    Parameters
    ----------
    value_mm
        Expected height by the method of the primary height.
    sd_mm
        Its standard uncertainty; 0 for a baseline.
    kind
        Where it came from.
    discs
        How many non-degenerate discs of the spine it rests on.
    """

    value_mm: float
    sd_mm: float
    kind: ReferenceKind
    discs: int = 0


def reference_heights(
    heights_mm: Mapping[DiscLevel, float],
    signals: Mapping[DiscLevel, DiscSignal],
    depths_mm: Mapping[DiscLevel, float],
    baseline_mm: Mapping[DiscLevel, float] | None = None,
) -> dict[DiscLevel, ReferenceHeight]:
    """Reference height of every disc of one spine.

    A baseline of the same disc is used where given.  Otherwise the subject's scale (expected
    height of a healthy L3-L4) is estimated from the discs' AP depth and from every disc whose
    signal is not degenerate (signal grade 1 to 3), each divided by its level's factor; they are
    averaged on a log scale by their precision.  A disc never serves as its own reference.

    Parameters
    ----------
    heights_mm
        Primary heights, one method for all.
    signals
        By level; a level without signal gives no reference to others.
    depths_mm
        AP widths of the discs.
    baseline_mm
        Heights of the same discs at baseline, by the same method.

    Returns
    -------
    dict
        Only levels for which something is known.
    """
    healthy = {
        level: height / LEVEL_FACTORS[level]
        for level, height in heights_mm.items()
        if level in signals and _signal_grade(signals[level]) in (1, 2, 3)
    }
    prior = HEIGHT_PER_DEPTH * float(np.median(list(depths_mm.values()))) if depths_mm else None
    references = {}
    for level in heights_mm:
        if baseline_mm and level in baseline_mm:
            references[level] = ReferenceHeight(baseline_mm[level], 0.0, ReferenceKind.BASELINE)
            continue
        others = [value for other, value in healthy.items() if other is not level]
        scale = _scale(others, prior)
        if scale is not None:
            value_mm = scale[0] * LEVEL_FACTORS[level]
            kind = ReferenceKind.SPINE if others else ReferenceKind.DEPTH
            sd_mm = value_mm * float(np.hypot(scale[1], LEVEL_SD))
            references[level] = ReferenceHeight(value_mm, sd_mm, kind, len(others))
    return references


def _scale(others: list[float], prior: float | None) -> tuple[float, float] | None:
    """Scale in mm and its relative uncertainty; the median of the discs guards against one."""
    logs, precisions = [], []
    if others:
        logs.append(float(np.log(np.median(others))))
        precisions.append(len(others) / LEVEL_SD**2)
    if prior is not None:
        logs.append(float(np.log(prior)))
        precisions.append(1 / DEPTH_SD**2)
    if not logs:
        return None
    return float(np.exp(np.average(logs, weights=precisions))), float(sum(precisions) ** -0.5)


@dataclass(frozen=True)
class Suggestion:
    """A suggested modified Pfirrmann grade, for a reader to confirm or change.

    Parameters
    ----------
    grade
        Its signal part from signal and posterior annulus, its collapse part from the height.
    evidence
        JSON-like: every value and comparator that was used, the reference height and its
        kind, and what was near a threshold.
    findings
        Comparators that were absent.
    """

    grade: Grade
    evidence: Mapping[str, object] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def measurements(self) -> Mapping[str, Measurement]:
        """The three values that go into the table."""
        values: dict[str, str | int] = {
            "suggested_grade": str(self.grade),
            "suggested_signal": self.grade.signal,
            "suggested_collapse": self.grade.collapse,
        }
        return {name: Measurement(name, value, "griffith-2007") for name, value in values.items()}


def suggest(
    level: DiscLevel,
    signal: DiscSignal,
    height_mm: float | None,
    reference: ReferenceHeight | None,
    settings: Settings,
) -> Suggestion:
    """Suggest a modified Pfirrmann grade for one disc.

    Parameters
    ----------
    level
        Which disc.
    signal
        Its signal and comparators.
    height_mm
        Primary height.
    reference
        What the height is compared with (:func:`reference_heights`).
    settings
        ``normal_height_loss``: a smaller loss is normal height.

    Raises
    ------
    MeasurementError
        ``GRADE_NOT_SUGGESTED`` without CSF, height or reference.
    """
    grade = _signal_grade(signal)
    if grade is None or signal.csf is None:
        raise MeasurementError(
            Code.GRADE_NOT_SUGGESTED,
            f"{level.value}: no grade without cerebrospinal fluid to compare the signal with",
        )
    if height_mm is None or reference is None:
        raise MeasurementError(
            Code.GRADE_NOT_SUGGESTED,
            f"{level.value}: no grade without a height and a reference to compare it with",
        )
    loss = 1.0 - height_mm / reference.value_mm
    collapse = collapse_grade(loss, _normal_band(grade, reference, settings))
    findings = []
    if signal.fat is None and grade in (2, 3):
        text = f"{level.value}: grades 2 and 3 told by CSF alone, the comparator fat is absent"
        findings.append(info(Code.FAT_NOT_FOUND, text, level))
    evidence = {
        "note": "suggestion for a reader, who decides",
        "scale": "modified Pfirrmann (Griffith 2007)",
        **_signal_evidence(signal, signal.csf),
        "height_mm": round(height_mm, 3),
        "reference_height_mm": round(reference.value_mm, 3),
        "reference_sd_mm": round(reference.sd_mm, 3),
        "reference_kind": reference.kind.value,
        "reference_discs": reference.discs,
        "height_loss": round(loss, 3),
        "normal_height_loss": settings.normal_height_loss,
    }
    return Suggestion(Grade(grade, collapse), evidence, tuple(findings))


def collapse_grade(loss: float, normal: float) -> int:
    """Collapse part of the grade from the relative loss of height.

    Parameters
    ----------
    loss
        1 - height / reference; exactly 30 % and 60 % belong to grade 7.
    normal
        A smaller loss is normal height.

    Examples
    --------
    >>> [collapse_grade(loss, 0.10) for loss in (-0.2, 0.09, 0.10, 0.29, 0.30, 0.60, 0.61)]
    [0, 0, 6, 6, 7, 7, 8]
    """
    loss = round(loss, 9)
    if loss < normal:
        return 0
    if loss < 0.30:
        return 6
    return 7 if loss <= 0.60 else 8


def _normal_band(grade: int, reference: ReferenceHeight, settings: Settings) -> float:
    """Loss below which the height is called normal.

    A dark disc is expected to lose height, so the declared band holds.  In a disc that kept
    its signal a loss is rare, so it must also exceed twice the reference's uncertainty.
    """
    if grade == 5:
        return settings.normal_height_loss
    return max(settings.normal_height_loss, 2.0 * reference.sd_mm / reference.value_mm)


def _signal_grade(signal: DiscSignal, limits: Thresholds = THRESHOLDS) -> int | None:
    """Signal part of the grade, 1 to 5; ``None`` without CSF."""
    if signal.csf is None:
        return None
    ratio, above = _shares(signal, signal.csf)
    like_csf, like_fat = _bright_limits(signal, signal.csf, limits)
    if ratio >= like_csf:
        return 1
    if ratio >= like_fat:
        return 2
    if ratio < limits.dark or above < limits.above_outer:
        return 5
    return 3 if signal.distinctness >= limits.distinct else 4


def _shares(signal: DiscSignal, csf: float) -> tuple[float, float]:
    """Signal / CSF, and its excess over the outer posterior annulus / CSF."""
    return signal.inner / csf, (signal.inner - signal.outer_posterior) / csf


def _bright_limits(signal: DiscSignal, csf: float, limits: Thresholds) -> tuple[float, float]:
    """From which share of CSF a disc counts as equal to CSF, and as brighter than fat."""
    if signal.fat is None:
        return limits.like_csf_alone, limits.like_fat_alone
    return max(limits.like_csf, signal.fat / csf), signal.fat / csf


def _signal_evidence(signal: DiscSignal, csf: float) -> dict[str, object]:
    """Values, comparators, thresholds and what was near one of them."""
    limits = THRESHOLDS
    ratio, above = _shares(signal, csf)
    like_csf, like_fat = _bright_limits(signal, csf, limits)
    tests = {
        "equal to CSF": (ratio, like_csf),
        "brighter than fat": (ratio, like_fat),
        "hypointense": (ratio, limits.dark),
        "above outer annulus": (above, limits.above_outer),
        "annulus distinct": (signal.distinctness, limits.distinct),
    }
    return {
        "inner_to_csf": round(ratio, 4),
        "outer_posterior_to_csf": round(signal.outer_posterior / csf, 4),
        "distinctness": round(signal.distinctness, 4),
        "csf": f"{signal.csf_source} ({csf:.4g})",
        "fat_to_csf": "comparator absent" if signal.fat is None else round(signal.fat / csf, 4),
        "thresholds": {name: round(limit, 4) for name, (_, limit) in tests.items()},
        "borderline": [
            name
            for name, (value, limit) in tests.items()
            if abs(value - limit) < limits.borderline * limit
        ],
    }
