"""The answer to the primary question of a trial and the analysis plan, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator

from discmri.core.text import number
from discmri.results.names import human, kinds, unit
from discmri.results.records import PARAMETER
from discmri.trial import comparability, diurnal
from discmri.trial.analysis import Analysis
from discmri.trial.declaration import Endpoint, Estimand
from discmri.trial.groups import FEW_SUBJECTS, LEAST_SUBJECTS, AnalysisRole, GroupEffect
from discmri.trial.inference import LEAST_FREEDOM, MODEL_SUBJECTS
from discmri.trial.noise import LEAST_REPEATS
from discmri.trial.repeatability import ALLOWANCE, RANDOM_SHARE

FEW_MARK = "†"


def answers(analysis: Analysis) -> list[str]:
    """One sentence per comparison of the primary endpoint, then caveats."""
    asked = analysis.declaration
    primary = [one for one in analysis.effects if one.role is AnalysisRole.PRIMARY]
    told = [_answer(one, asked.estimand) for one in primary]
    if not told:
        told = [f"Not answered: {_missing(analysis)}."]
    if not asked.declared:
        told.append(
            f"No declaration (trial.toml) was given; the default primary endpoint is "
            f"{_at(asked.primary)}."
        )
    if primary and not primary[0].control:
        told.append(
            "There is no control arm. Treated discs are selected for low values, which tend to "
            "regress to the mean without treatment."
        )
    return told


def _answer(one: GroupEffect, estimand: Estimand) -> str:
    found, parameter = one.found, one.endpoint.parameter
    digits = min(PARAMETER[parameter].decimals, 3)
    size = f"{number(found.estimate, digits)} {unit(parameter)}".strip()
    size = size if found.estimate < 0 else f"+{size}"
    sure = found.low > 0 or found.high < 0
    verdict = "Not shown" if not sure else "Yes, more" if found.estimate > 0 else "Yes, less"
    who = f"{one.group} against {one.control}" if one.control else one.group or "all subjects"
    count = (
        f"{one.subjects} and {one.controls} subjects" if one.control else f"{one.subjects} subjects"
    )
    mark = f" {FEW_MARK}" if one.few else ""
    return (
        f"{verdict}: {_at(one.endpoint)}, {_what(estimand)}, {who}: {size} "
        f"(95 % interval {interval(one)}{mark}, p {p_text(one.p)}; {count}; {found.method})."
    )


def _what(estimand: Estimand) -> str:
    if estimand is Estimand.AGAINST_UNTREATED:
        return "change of treated discs minus change of untreated discs of the same subject"
    return "change of treated discs since the first visit"


def _at(endpoint: Endpoint) -> str:
    return f"{human(endpoint.parameter)} at {endpoint.visit}"


def _missing(analysis: Analysis) -> str:
    asked = analysis.declaration
    arms = {one.subject.arm for one in analysis.courses if one.subject.arm}
    if len(arms) > 1 and not asked.control_arm:
        return f"no control_arm is declared among the arms {', '.join(sorted(arms))}"
    without = arms - {one.subject.arm for one in analysis.courses if one.subject.treated}
    if without:
        named = ", ".join(sorted(without))
        return (
            f"arm {named} has no index discs (column treated), so its subjects have no contrast; "
            "list the discs that would have been treated"
        )
    return (
        f"too few subjects have comparable scans of {_at(asked.primary)} with treated"
        f"{' and untreated' if asked.estimand is Estimand.AGAINST_UNTREATED else ''} discs "
        f"({LEAST_SUBJECTS} are needed, two in each of two arms)"
    )


def interval(one: GroupEffect) -> str:
    """An interval in words; an infinite end is "open"."""
    digits = min(PARAMETER[one.endpoint.parameter].decimals, 3)
    ends = [
        number(end, digits) if math.isfinite(end) else "open"
        for end in (one.found.low, one.found.high)
    ]
    return f"{ends[0]} to {ends[1]}"


def p_text(p: float | None) -> str:
    """A p value as printed.

    >>> p_text(0.0312), p_text(0.00002), p_text(None)
    ('0.031', '< 0.001', '')
    """
    return "" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def plan(analysis: Analysis) -> Iterator[tuple[str, str]]:
    """Rules and figures of the analysis, in the form of a statistical analysis plan."""
    asked, rule = analysis.declaration, analysis.rule
    yield "Declared", "in trial.toml" if asked.declared else "nothing; defaults"
    yield (
        "Estimand",
        f"Per subject: {_what(asked.estimand)}; the mean if several discs were treated.",
    )
    yield "Primary endpoint", f"{_at(asked.primary)}."
    family = "; ".join(map(_at, asked.secondary)) or "none"
    yield "Secondary family", f"{family}. p adjusted by Holm (1979); intervals not adjusted."
    yield "Exploratory", "All other parameters and visits: estimate and interval, no p."
    arms = f"Active minus {asked.control_arm}" if asked.control_arm else "None declared"
    yield "Arms", f"{arms}; subjects of different arms are never pooled."
    yield (
        "Test",
        (
            f"Two arms with fewer than {MODEL_SUBJECTS} subjects: exact permutation test, interval by "
            "inversion of the test. Two larger arms: Welch's t. One group: Student's t over subjects. "
            "Interval and p are from the same method, two-sided, 5 %. The treatment effect may vary "
            "between subjects."
        ),
    )
    covariates = " and ".join(one.value for one in asked.covariates) or "none"
    yield (
        "Covariates",
        (
            f"{covariates}. With covariates: least squares; from {MODEL_SUBJECTS} subjects, HC2 errors "
            "with degrees of freedom of Bell and McCaffrey (2002), with fewer, ordinary errors. Not "
            f"adjusted with fewer than {LEAST_FREEDOM} degrees of freedom."
        ),
    )
    yield (
        "Missing visits",
        (
            "Complete cases: subjects with comparable scans at the first visit and the visit of the "
            "endpoint. Two sensitivity rows: missing visits as no change; scans that are not "
            "comparable included."
        ),
    )
    yield "Few subjects", f"Intervals of fewer than {FEW_SUBJECTS} subjects are marked {FEW_MARK}."
    yield "Responder rule", str(rule)
    yield from _noise_rules(analysis)


def _noise_rules(analysis: Analysis) -> Iterator[tuple[str, str]]:
    shares = ", ".join(f"{name} {100 * share:g} %" for name, share in RANDOM_SHARE.items())
    yield (
        "Noise band",
        (
            f"With {LEAST_REPEATS} or more pairs of repeat scans on another day: Student's t × √2 × SD "
            "within a disc. With repeats in the same session or on the same day: their band and the "
            "published detectable change added in quadrature. Without repeats: the larger of 1.96 × "
            f"stated uncertainty (share that varies between scans: {shares}, others 100 %) and the "
            f"published change. Without a published change: {ALLOWANCE:g} × the scatter on phantoms, an "
            "estimate without confidence level. Degrees of freedom by Satterthwaite, between one per "
            "pair and one per disc."
        ),
    )
    sizes = "; ".join(
        f"{kinds((name,))} {loss.size:g} {'%' if loss.percent else 'mm'} ({loss.source})"
        for name, loss in diurnal.LOSS.items()
    )
    yield (
        "Time of day",
        (
            f"{'Added to' if analysis.declaration.diurnal else 'Not added to'} the band. Loss over a "
            f"day: {sizes}. Assumed course: the larger of a linear loss over {diurnal.DAY_H:g} h and an "
            f"exponential loss with a half time of {diurnal.HALF_TIME_H:g} h. If the time of rising is "
            f"unknown, the earlier scan is assumed {diurnal.EARLIEST_UP_H:g} h after it."
        ),
    )
    yield (
        "Not comparable",
        (
            f"Time of day differs by more than {comparability.CLOCK_H:g} h (since rising, otherwise "
            "clock time); for signal and ADC another scanner or field strength; TE differs by more than "
            f"{100 * comparability.ECHO_SHARE:g} %, TR by {100 * comparability.REPETITION_SHARE:g} %, "
            f"b-values by {100 * comparability.B_VALUE_SHARE:g} %, tilt by more than "
            f"{comparability.TILT_DEG:g}°; another segmenter or source of the ADC. Caution: rest differs "
            f"by more than {comparability.REST_MIN:g} min, pixels or slices by "
            f"{100 * comparability.PIXEL_SHARE:g} %, tilt by {comparability.TILT_CAUTION_DEG:g}°, "
            "software, coil."
        ),
    )
    yield (
        "Untreated discs",
        (
            "Contrast of one disc: its change minus the mean change of the untreated lumbar discs of "
            "the subject; interval from the noise of the single changes, assumed independent."
        ),
    )
    yield (
        "Grades",
        "Reported as shift tables, never averaged.",
    )
