"""The fifteen items of GRRAS: Kottner J et al., J Clin Epidemiol 2011;64:96.

What a session knows is stated; what only the authors of a study can know is left to them by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from discmri.agreement import FEW_SUBJECTS, AgreementResult, Resampling
from discmri.agreement.design import Design
from discmri.agreement.ratings import AUTOMATIC, SCALES, Rating
from discmri.agreement.sources import RatingSource
from discmri.results.records import PARAMETER


@dataclass(frozen=True)
class Item:
    """One item of the checklist.

    Parameters
    ----------
    number, heading
        As in the checklist.
    stated
        What is known, one paragraph each.
    left_to_authors
        What is not; empty where nothing is missing.
    """

    number: int
    heading: str
    stated: tuple[str, ...]
    left_to_authors: str = ""


def items(
    sources: Sequence[RatingSource],
    found: Sequence[AgreementResult],
    resampling: Resampling,
    rescans: bool = False,
) -> list[Item]:
    """All fifteen, in order; tables and plots are added to 11, 12, 13 and 15 by the page."""
    designs = [source.design for source in sources if source.design is not None]
    process, independence = _stated(designs)
    ratings = [rating for source in sources for rating in source.ratings]
    parameters = list(dict.fromkeys(one.comparison.parameter for one in found))
    return [
        Item(1, "Title", (title(parameters),)),
        Item(2, "What is measured, and by what", _device(parameters)),
        Item(3, "Subjects", (), "the population the subjects stand for"),
        Item(4, "Raters", (_raters(ratings),), "the population the raters stand for"),
        Item(5, "What is known already", (), "earlier results on agreement, and why this study"),
        Item(6, "Sample size", _planned(designs), "how the sample size was chosen"),
        Item(7, "Sampling", (), "how subjects and raters were chosen"),
        Item(8, "Rating process", process, "" if process else "how the values came about"),
        Item(9, "Independence", independence, "" if independence else "whether raters knew of each other's values"),
        Item(10, "Statistical analysis", _analysis(parameters, resampling)),
        Item(11, "Actual numbers", (_numbers(ratings),)),
        Item(12, "Characteristics of the sample", (), "training and experience of the raters, age, sex and complaints of the subjects"),
        Item(13, "Estimates of agreement and reliability", ()),
        Item(14, "Practical relevance", _relevance(rescans), "what the results mean for the use that is planned"),
        Item(15, "Details", ("Every estimate is in agreement.csv, every confusion matrix in confusion.csv.",)),
    ]  # fmt: skip


def title(parameters: Sequence[str]) -> str:
    """One line that says what was investigated."""
    graded = any(name in SCALES for name in parameters)
    measured = any(name not in SCALES for name in parameters)
    what = ["modified Pfirrmann grade"] * graded + ["measured values"] * measured
    return f"Agreement and reliability of {' and '.join(what)} of lumbar discs on MRI"


def _device(parameters: Sequence[str]) -> tuple[str, ...]:
    scale = "Modified Pfirrmann grade, eight levels (Griffith JF et al., Spine 2007;32:E708)."
    stated = [scale] if any(name in SCALES for name in parameters) else []
    for name in parameters:
        if name in SCALES:
            stated.append(f"{name}: {SCALES[name].meaning}")
        elif name in PARAMETER:
            stated.append(f"{name}: {PARAMETER[name].meaning}")
        else:
            stated.append(f"{name}: as the authors define it.")
    return tuple(stated)


def _raters(ratings: Sequence[Rating]) -> str:
    names = list(dict.fromkeys(one.rater for one in ratings if one.rater != AUTOMATIC))
    automatic = any(one.rater == AUTOMATIC for one in ratings)
    also = f"; besides them, {AUTOMATIC} values by discmri" if automatic else ""
    return f"{_count(len(names), 'rater')}: {', '.join(names)}{also}."


def _planned(designs: Sequence[Design]) -> tuple[str, ...]:
    return tuple(
        f"Planned: {_count(one.readers, 'reader')}, {_count(one.subjects, 'subject')}, "
        f"{_count(one.studies, 'study', 'studies')} with {_count(one.discs, 'disc')}, "
        f"{_count(one.repeated, 'study', 'studies')} of them shown to each reader twice."
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
        f"({resampling.resamples} resamples, seed {resampling.seed}), because discs of one person "
        "are not independent; raters held fixed: they hold for these raters and no others. None is "
        "given for fewer than three subjects, where subjects do not differ in a statistic, or where "
        "it is undefined in some resamples; with fewer than about twenty subjects they tend to be "
        f"too narrow. Intervals of fewer than {FEW_SUBJECTS} subjects are marked.",
        "Reads are compared disc by disc, by the automatic level of the disc.",
    ]
    if any(name in SCALES for name in parameters):
        stated.append(
            "Grades: a double grade such as 4/7 counts by its collapse part, and its two parts "
            "are also analysed by themselves. A disc called not evaluable is missing from the "
            "scales of grades; agreement on that is listed under evaluable. Weights are of the number "
            "of categories between two grades. Kappa is Cohen's, for several readers the mean over "
            "their pairs; Gwet's AC2 and Krippendorff's alpha take all readers at once and allow "
            "missing reads."
        )
    if any(name not in SCALES for name in parameters):
        stated.append(
            "Measured values: differences are the first rater minus the second; limits of "
            "agreement are bias ± 1.96 SD. Between readers, the intervals of ICC(2,1), within-disc SD "
            "and reproducibility coefficient hold for other readers like these: subjects, discs, "
            "readers and readers by subjects all vary in them (generalised pivots, Weerahandi 1993); "
            "with two readers they are wide, since two say little of all. ICC(2,1) is two-way random, single measure, absolute "
            "agreement; ICC(3,1) two-way mixed, single measure, consistency (Shrout and Fleiss "
            "1979). Only discs with a value of every rater count. Where values are of edited "
            "labels, they speak of the discs that a reader chose to edit, not of all."
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
        "Where the same disc was scanned again: a change of one disc between two visits is beyond "
        "measurement error where it exceeds the smallest detectable change of such rescans. One "
        "reader measuring the same picture twice shows less than that.",
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
