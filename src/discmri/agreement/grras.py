"""The fifteen items of GRRAS: Kottner J et al., J Clin Epidemiol 2011;64:96.

Facts recorded in a session are stated; the other facts are listed for the authors to add.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from discmri.agreement import FEW_SUBJECTS, AgreementResult, Resampling
from discmri.agreement.design import Design
from discmri.agreement.ratings import AUTOMATIC, SCALES, Rating
from discmri.agreement.sources import RatingSource
from discmri.results.names import human
from discmri.results.records import PARAMETER


@dataclass(frozen=True)
class GrrasItem:
    """One item of the checklist."""

    number: int
    heading: str
    stated: tuple[str, ...]  # known facts, one paragraph each
    left_to_authors: str = ""  # facts that the authors must add; may be empty


def items(
    sources: Sequence[RatingSource],
    found: Sequence[AgreementResult],
    resampling: Resampling,
    rescans: bool = False,
) -> list[GrrasItem]:
    """All fifteen items in order; the page adds tables to 11, 12 and 15."""
    designs = [source.design for source in sources if source.design is not None]
    process, independence = _stated(designs)
    ratings = [rating for source in sources for rating in source.ratings]
    parameters = list(dict.fromkeys(one.comparison.parameter for one in found))
    return [
        GrrasItem(1, "Title", (title(parameters),)),
        GrrasItem(2, "Construct and measurement method", _device(parameters)),
        GrrasItem(3, "Subjects", (), "the population of the subjects"),
        GrrasItem(4, "Raters", (_raters(ratings),), "the population of the raters"),
        GrrasItem(5, "Previous knowledge", (), "earlier results on agreement, and the reason for this study"),
        GrrasItem(6, "Sample size", _planned(designs), "how the sample size was chosen"),
        GrrasItem(7, "Sampling", (), "how subjects and raters were chosen"),
        GrrasItem(8, "Rating process", process, "" if process else "how the values were obtained"),
        GrrasItem(9, "Independence", independence, "" if independence else "whether raters knew the values of other raters"),
        GrrasItem(10, "Statistical analysis", _analysis(parameters, resampling)),
        GrrasItem(11, "Actual numbers of raters, subjects and discs", (_numbers(ratings),)),
        GrrasItem(12, "Characteristics of the sample", (), "training and experience of the raters, age, sex and complaints of the subjects"),
        GrrasItem(13, "Estimates of agreement and reliability", ()),
        GrrasItem(14, "Practical relevance", _relevance(rescans), "the meaning of the results for the intended use"),
        GrrasItem(15, "Details", ("Every estimate is in agreement.csv, every confusion matrix in confusion.csv.",)),
    ]  # fmt: skip


def title(parameters: Sequence[str]) -> str:
    """Title of the report."""
    graded = any(name in SCALES for name in parameters)
    measured = any(name not in SCALES for name in parameters)
    what = ["modified Pfirrmann grade"] * graded + ["measured values"] * measured
    return f"Agreement and reliability of {' and '.join(what)} of lumbar discs on MRI"


def named(parameter: str) -> str:
    """Human name of a parameter or scale.

    >>> named("height_mm"), named("grade_signal"), named("my_own_mm")
    ('disc height', 'signal part of the grade', 'my own mm')
    """
    parts = {
        "grade_signal": "signal part of the grade",
        "grade_collapse": "collapse part of the grade",
    }
    if parameter in PARAMETER:
        return human(parameter)
    return parts.get(parameter, parameter.replace("_", " "))


def _device(parameters: Sequence[str]) -> tuple[str, ...]:
    scale = "Modified Pfirrmann grade, eight levels (Griffith JF et al., Spine 2007;32:E708)."
    stated = [scale] if any(name in SCALES for name in parameters) else []
    for name in parameters:
        known = SCALES.get(name) or PARAMETER.get(name)
        meaning = "to be defined by the authors." if known is None else known.meaning
        stated.append(f"{named(name)[:1].upper()}{named(name)[1:]}: {meaning}")
    return tuple(stated)


def _raters(ratings: Sequence[Rating]) -> str:
    names = list(dict.fromkeys(one.rater for one in ratings if one.rater != AUTOMATIC))
    automatic = any(one.rater == AUTOMATIC for one in ratings)
    also = f"; in addition {AUTOMATIC} values of discmri" if automatic else ""
    return f"{_count(len(names), 'rater')}: {', '.join(names)}{also}."


def _planned(designs: Sequence[Design]) -> tuple[str, ...]:
    return tuple(
        f"Planned: {_count(one.readers, 'reader')}, {_count(one.subjects, 'subject')}, "
        f"{_count(one.studies, 'study', 'studies')} with {_count(one.discs, 'disc')}; "
        f"{_count(one.repeated, 'study', 'studies')} shown twice to each reader."
        for one in designs
    )


def _stated(designs: Sequence[Design]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Paragraphs on process and independence, each once."""
    process = dict.fromkeys(text for one in designs for text in one.process)
    independence = dict.fromkeys(text for one in designs for text in one.independence)
    return tuple(process), tuple(independence)


def _analysis(parameters: Sequence[str], resampling: Resampling) -> tuple[str, ...]:
    percent = f"{100 * resampling.confidence:g} %"
    stated = [
        f"Intervals: {percent}, bias-corrected and accelerated bootstrap over subjects "
        f"({resampling.resamples} resamples, seed {resampling.seed}), because discs of one subject "
        "are not independent. Raters are held fixed: the intervals are for these raters only. There "
        "is no interval with fewer than three subjects, without variation between subjects, or if "
        "the statistic is undefined in some resamples. With fewer than about twenty subjects "
        f"bootstrap intervals are too narrow; those with fewer than {FEW_SUBJECTS} subjects are marked.",
        "Reads are matched by the automatic level of the disc.",
    ]
    if any(name in SCALES for name in parameters):
        stated.append(
            "Grades: a double grade such as 4/7 counts as its collapse part; both parts are also "
            "analysed separately. Discs that are not evaluable have no grade; agreement on this is "
            "listed under evaluable. Weights depend on the number of categories between two grades. "
            "Kappa is Cohen's; for several readers it is the mean over all pairs. Gwet's AC2 and "
            "Krippendorff's alpha use all readers together and allow missing reads."
        )
    if any(name not in SCALES for name in parameters):
        stated.append(
            "Measured values: differences are the first rater minus the second; limits of "
            "agreement are bias ± 1.96 SD. Between readers, the intervals of ICC(2,1), within-disc SD "
            "and reproducibility coefficient generalise to other readers: subjects, discs, readers and "
            "readers by subjects are random effects (generalised pivots, Weerahandi 1993). With two "
            "readers they are wide. ICC(2,1) is two-way random, single measure, absolute agreement; "
            "ICC(3,1) is two-way mixed, single measure, consistency (Shrout and Fleiss 1979). Only "
            "discs with a value of every rater are used. Values of edited labels represent only the "
            "discs that a reader chose to edit."
        )
    return tuple(stated)


def _numbers(ratings: Sequence[Rating]) -> str:
    subjects = {one.subject for one in ratings}
    studies = {(one.subject, one.study) for one in ratings}
    discs = {(one.subject, one.study, one.level) for one in ratings}
    return (
        f"{_count(len(subjects), 'subject')}, {_count(len(studies), 'study', 'studies')} and "
        f"{_count(len(discs), 'disc')} with at least one value."
    )


def _relevance(rescans: bool) -> tuple[str, ...]:
    if not rescans:
        return ()
    return (
        "The same discs were scanned again. A change of one disc between two visits exceeds "
        "measurement error if it is greater than the smallest detectable change of these rescans. "
        "Repeated readings of the same images underestimate this error.",
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
