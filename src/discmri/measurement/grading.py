"""Modified Pfirrmann grade of a disc: a suggestion to the reader, with its probability.

Scale: Griffith JF et al., Spine 2007;32:E708-E712.  Grades 1 to 5 are for signal at normal height,
6 to 8 for loss of height; a collapsed disc that is not dark has both, such as ``4/7``.  If presacral
fat separates the discs of a spine, the signal part comes from numeric limits for the comparisons of
the table (:class:`Thresholds`), otherwise from a model of radiologists' grades
(:mod:`discmri.measurement.grade_model`).  The reason for the model: on fast spin-echo T2 a healthy
disc has little more than half of the signal of CSF and less than fat, but readers grade it as equal
to CSF.  The evidence states which of the two was used.  A reader decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from discmri.core.findings import Code, Finding, MeasurementError, info
from discmri.core.grade import Grade, ReferenceKind
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.measurement.grade_features import Comparators
from discmri.measurement.grade_model import COLLAPSE_PARTS, JoinedGrade, Loss, join, loss_of_height
from discmri.measurement.grade_signal import (
    THRESHOLDS,
    SignalPart,
    kept_signal,
    scaled,
    signal_part,
)
from discmri.measurement.signal import DiscSignal
from discmri.results.records import Measurement

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
# back pain, SPIDER) and 0.38 (the 14 adults); its weight is that of one healthy disc.
HEIGHT_PER_DEPTH = 0.30
DEPTH_SD = 0.12  # relative SD of this ratio between subjects
LEVEL_SD = 0.12  # relative SD of healthy discs around their subject's expected height


@dataclass(frozen=True)
class ReferenceHeight:
    """The expected height from which loss of height is computed."""

    value_mm: float  # expected height by the method of the primary height
    sd_mm: float  # its standard uncertainty; 0 for one known exactly
    kind: ReferenceKind  # its source
    discs: int = 0  # number of other discs of the spine from which it was computed


def reference_heights(
    heights_mm: Mapping[DiscLevel, float],
    signals: Mapping[DiscLevel, DiscSignal],
    depths_mm: Mapping[DiscLevel, float],
    usable: Collection[DiscLevel] | None = None,
) -> dict[DiscLevel, ReferenceHeight]:
    """Reference height of every disc of one spine; levels without any reference are absent.

    The subject's scale (expected height of a healthy L3-L4) is the mean, on a log scale and
    weighted by precision, of estimates from the discs' AP width and from the height / level factor
    of every disc that is not dark (:func:`~discmri.measurement.grade_signal.kept_signal`).  A disc
    is never its own reference, one without signal or not in ``usable`` is none for others.  All
    heights are of one method.
    """
    healthy = {
        level: height / LEVEL_FACTORS[level]
        for level, height in heights_mm.items()
        if (usable is None or level in usable) and level in signals and kept_signal(signals[level])
    }
    depths = [one for level, one in depths_mm.items() if usable is None or level in usable]
    prior = HEIGHT_PER_DEPTH * float(np.median(depths)) if depths else None
    references = {}
    for level in heights_mm:
        others = [value for other, value in healthy.items() if other is not level]
        scale = _scale(others, prior)
        if scale is not None:
            value_mm = scale[0] * LEVEL_FACTORS[level]
            kind = ReferenceKind.SPINE if others else ReferenceKind.DEPTH
            sd_mm = value_mm * float(np.hypot(scale[1], LEVEL_SD))
            references[level] = ReferenceHeight(value_mm, sd_mm, kind, len(others))
    return references


def _scale(others: list[float], prior: float | None) -> tuple[float, float] | None:
    """Scale in mm and its relative uncertainty; the median of the discs limits outliers."""
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
    """A suggested modified Pfirrmann grade, for a reader to confirm or change."""

    grade: Grade  # signal part from the signal, collapse part from the height
    probability: float = 1.0  # of this grade, 0 to 1
    # JSON-like: values and reference tissues that were used, probabilities of both parts and of the
    # other grades, and limits beyond which another grade would be suggested
    evidence: Mapping[str, object] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()  # missing reference tissues

    @property
    def measurements(self) -> Mapping[str, Measurement]:
        """Values by column name."""
        values: dict[str, str | int | float] = {
            "suggested_grade": str(self.grade),
            "suggested_grade_probability": round(self.probability, 4),
            "suggested_signal": self.grade.signal,
            "suggested_collapse": self.grade.collapse,
        }
        method = f"griffith-2007/{self.evidence.get('comparators', '')}".rstrip("/")
        return {name: Measurement(name, value, method) for name, value in values.items()}


@dataclass(frozen=True, eq=False)
class _Case:
    """The input of the grade of one disc, which can be varied."""

    level: DiscLevel
    signal: DiscSignal
    brightest: float
    height_mm: float
    reference: ReferenceHeight
    normal: float

    def parts(self, factor: float = 1.0) -> SignalPart | None:
        """Signal part of the disc with its signal multiplied by a factor."""
        signal = self.signal if factor == 1.0 else scaled(self.signal, factor)
        return signal_part(self.level, signal, self.brightest)

    def joined(self, part: SignalPart, loss: Loss) -> JoinedGrade:
        """The grade from both parts."""
        return join(part.probabilities, loss, self.normal, part.double_weight)

    def loss(self, factor: float = 1.0) -> Loss:
        """Loss of height of the disc with its height multiplied by a factor."""
        expected = self.reference.value_mm
        ratio = factor * self.height_mm / expected
        return loss_of_height(ratio, self.reference.sd_mm / expected, self.normal)


def suggest(
    level: DiscLevel,
    signal: DiscSignal,
    height_mm: float | None,
    reference: ReferenceHeight | None,
    settings: Settings,
    brightest: float | None = None,
) -> Suggestion:
    """Suggest a modified Pfirrmann grade for one disc.

    ``reference`` is from :func:`reference_heights`, ``brightest`` the signal of the brightest discs
    of the spine; ``None`` for that of this disc.  Of the settings, ``normal_height_loss`` is used.
    Raises ``MeasurementError`` (``GRADE_NOT_SUGGESTED``) without CSF and marrow, height or
    reference.
    """
    bright = signal.inner if brightest is None else brightest
    part = signal_part(level, signal, bright)
    if part is None:
        raise MeasurementError(
            Code.GRADE_NOT_SUGGESTED,
            f"{level.value}: no grade, because cerebrospinal fluid and marrow are missing",
        )
    if height_mm is None or reference is None:
        raise MeasurementError(
            Code.GRADE_NOT_SUGGESTED,
            f"{level.value}: no grade, because height or reference height is missing",
        )
    case = _Case(level, signal, bright, height_mm, reference, settings.normal_height_loss)
    loss = case.loss()
    joined = case.joined(part, loss)
    evidence = {
        "note": "suggestion for a reader, who decides",
        "scale": "modified Pfirrmann (Griffith 2007)",
        **_signal_evidence(signal, part),
        **_height_evidence(case, loss),
        **_probabilities(joined, part, loss),
        "changes": _changes(case, part, joined.grade),
    }
    findings = []
    if signal.fat is None and joined.grade.signal in (2, 3):
        text = f"{level.value}: no comparison with presacral fat; the signal part is from the model"
        findings.append(info(Code.FAT_NOT_FOUND, text, level))
    probability = joined.probabilities[str(joined.grade)]
    return Suggestion(joined.grade, probability, evidence, tuple(findings))


def _signal_evidence(signal: DiscSignal, part: SignalPart) -> dict[str, object]:
    """Values of the signal part, relative to CSF and marrow."""
    csf, marrow = signal.csf, signal.marrow
    evidence: dict[str, object] = {"comparators": part.comparators.value}
    if csf is not None:
        evidence |= {
            "inner_to_csf": round(signal.inner / csf, 4),
            "outer_posterior_to_csf": round(signal.outer_posterior / csf, 4),
            "csf": f"{signal.csf_source} ({csf:.4g})",
        }
    if marrow is not None:
        evidence["inner_to_marrow"] = round(signal.inner / marrow, 4)
    if csf is not None and signal.fat is not None:
        evidence["fat_to_csf"] = round(signal.fat / csf, 4)
        evidence["like_csf"] = round(max(THRESHOLDS.like_csf, signal.fat / csf), 4)
    evidence["distinctness"] = round(signal.distinctness, 4)
    evidence["distinct_from"] = THRESHOLDS.distinct
    return evidence


def _height_evidence(case: _Case, loss: Loss) -> dict[str, object]:
    reference = case.reference
    return {
        "height_mm": round(case.height_mm, 3),
        "reference_height_mm": round(reference.value_mm, 3),
        "reference_sd_mm": round(reference.sd_mm, 3),
        "reference_kind": reference.kind.value,
        "reference_discs": reference.discs,
        "height_loss": round(1.0 - case.height_mm / reference.value_mm, 3),
        "height_loss_estimate": round(loss.share, 3),
        "normal_height_loss": case.normal,
    }


def _probabilities(joined: JoinedGrade, part: SignalPart, loss: Loss) -> dict[str, object]:
    grade = str(joined.grade)
    others = {name: share for name, share in joined.probabilities.items() if name != grade}
    return {
        "grade_probability": round(joined.probabilities[grade], 4),
        "alternatives": {name: round(share, 4) for name, share in list(others.items())[:2]},
        "signal_probabilities": {
            str(one): round(share, 4) for one, share in part.probabilities.items()
        },
        "collapse_probabilities": {
            str(one): round(share, 4)
            for one, share in zip(COLLAPSE_PARTS, loss.probabilities, strict=True)
        },
    }


CHANGE_STEP, CHANGE_STEPS, CHANGE_HALVINGS = 1.15, 8, 4
"""Search for another grade: factor of a step, number of steps (to three times the value), halvings
of the last step (to 1 %)."""


def _changes(case: _Case, part: SignalPart, grade: Grade) -> list[dict[str, object]]:
    """Limits of signal and of height beyond which another grade would be suggested."""
    loss = case.loss()

    def brighter(factor: float) -> Grade:
        other = case.parts(factor) or part
        return case.joined(other, loss).grade

    def taller(factor: float) -> Grade:
        return case.joined(part, case.loss(factor)).grade

    marrow = part.comparators is Comparators.MARROW
    unit = case.signal.marrow if marrow else case.signal.csf
    ratio = case.signal.inner / (unit or case.signal.inner)
    name = "inner_to_marrow" if marrow else "inner_to_csf"
    found = []
    for what, value, grade_at in (
        (name, ratio, brighter),
        ("height_mm", case.height_mm, taller),
    ):
        for up in (True, False):
            change = _first_change(grade_at, grade, up)
            if change is not None:
                factor, other = change
                limit = round(value * factor, 3)
                found.append({"value": what, "limit": limit, "above": up, "grade": str(other)})
    return found


def _first_change(
    grade_at: Callable[[float], Grade], grade: Grade, up: bool
) -> tuple[float, Grade] | None:
    """The factor nearest to one at which another grade is suggested, and that grade."""
    step = np.log(CHANGE_STEP) * (1 if up else -1)
    for n in range(1, CHANGE_STEPS + 1):
        other = grade_at(float(np.exp(n * step)))
        if other != grade:
            near, far = (n - 1) * step, n * step
            for _ in range(CHANGE_HALVINGS):
                middle = (near + far) / 2
                between = grade_at(float(np.exp(middle)))
                if between == grade:
                    near = middle
                else:
                    far, other = middle, between
            return float(np.exp(far)), other
    return None
