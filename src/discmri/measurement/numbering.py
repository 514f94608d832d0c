"""Names of the levels, with their probability.

Names are counted upwards from the lumbosacral junction, which :mod:`discmri.measurement.junction`
finds with a probability.  Without an image of the whole spine this assumes five lumbar vertebrae:
numbering from lumbar MRI alone was wrong in 14.1 % of 1049 patients (Tokgoz 2014, PMC3955794).
So the level that a reader sets (``--lowest-disc``) has priority.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from discmri.core.errors import NothingToMeasureError, UsageError
from discmri.core.findings import Code, Finding, info, warning
from discmri.core.labels import FoundDisc, FoundSpine, NumberingMethod, SpineLabels
from discmri.core.levels import DiscLevel, Vertebra, levels_upward
from discmri.core.volume import Array, SoftMask
from discmri.measurement.junction import CERTAIN, Junction, find_junction, usual_distance

# Between neighbouring discs further apart than this multiple of the usual distance, one is missing.
SKIP_RATIO = 1.6


def name_levels(
    found: FoundSpine, lowest: DiscLevel | None = None
) -> tuple[SpineLabels, list[Finding]]:
    """Name every disc and vertebra.

    Parameters
    ----------
    found
        Output of the segmenter.
    lowest
        Level of the lowest disc found, set by a reader; it has priority.  S1-S2 means a residual
        disc inside the sacrum; a warning is given if that is unlikely.  ``found.remnant`` does not count.

    Returns
    -------
    SpineLabels, list of Finding
        Named structures without discs above T10-T11, and findings of the naming.

    Raises
    ------
    UsageError
        If less than half of the discs found would have a name with ``lowest``.
    NothingToMeasureError
        If the only disc is a residual S1-S2 disc.
    """
    discs = sorted(found.discs, key=lambda disc: disc.mask.centroid_mm[2])
    given = [disc.level for disc in discs]
    signs: Mapping[str, float] = {}
    findings: list[Finding] = []
    skipped: list[Finding] = []
    probability = 1.0
    if lowest is not None:
        method = NumberingMethod.READER
        named, skipped = _count_upwards(discs, lowest)
        findings = _residual_missed(found, discs, lowest)
    elif all(level is not None for level in given):
        method = NumberingMethod.MASKS
        named = {level: disc for level, disc in zip(given, discs, strict=True) if level}
    else:
        junction = find_junction(found, discs)
        probability = junction.probability * found.upright_probability
        junction = replace(junction, probability=probability)
        known = junction.sacrum_seen or probability >= CERTAIN
        method = NumberingMethod.SACRUM if known else NumberingMethod.ASSUMED
        findings = _junction_findings(junction)
        signs = {} if junction.signs is None else junction.signs.visible()
        named, skipped = _count_upwards(discs[junction.skipped :], junction.lowest)
    measured, residual = split_residual(named)
    remnants: dict[DiscLevel, SoftMask] = {}
    if found.remnant is not None and _is_s1_s2(named, discs, probability):
        remnants[DiscLevel.S1_S2] = found.remnant
    residual_discs = {level: disc.mask for level, disc in residual.items()} | remnants
    labels = SpineLabels(
        grid=found.grid,
        discs={level: disc.mask for level, disc in reversed(measured.items())},
        vertebrae=_vertebrae(found, named),
        canal=found.canal,
        confidence={level: disc.confidence for level, disc in measured.items()},
        numbering=method,
        numbering_probability=probability,
        numbering_signs=signs,
        segmenter_sd_mm={level: disc.height_sd_mm for level, disc in measured.items()},
        residual_discs=residual_discs,
        remnants=frozenset(remnants),
    )
    return labels, [*findings, *skipped, *_six_bodies(named), *_residual_found(residual_discs)]


def _is_s1_s2(
    named: Mapping[DiscLevel, FoundDisc], discs: Sequence[FoundDisc], probability: float
) -> bool:
    """Whether a residual disc below the lowest disc is S1-S2: only below the last lumbar disc."""
    lowest = min(named, key=lambda level: named[level].mask.centroid_mm[2])
    above_sacrum = lowest.is_measured and lowest.below is Vertebra.SACRUM
    return above_sacrum and named[lowest] is discs[0] and probability >= CERTAIN


def split_residual(
    named: Mapping[DiscLevel, FoundDisc],
) -> tuple[dict[DiscLevel, FoundDisc], dict[DiscLevel, FoundDisc]]:
    """Discs to measure, and residual discs that are only shown; the order is kept.

    Raises
    ------
    NothingToMeasureError
        If every disc is a residual one.
    """
    measured = {level: disc for level, disc in named.items() if level.is_measured}
    if not measured:
        raise NothingToMeasureError(
            "the only disc found is named S1-S2, a residual disc, which is not measured; "
            "correct --lowest-disc or the label map"
        )
    return measured, {level: disc for level, disc in named.items() if not level.is_measured}


def _residual_found(residual: Iterable[DiscLevel]) -> list[Finding]:
    text = "A residual {} disc was found, which is normal anatomy; it is shown and not measured."
    return [info(Code.RESIDUAL_S1_S2, text.format(one.value), one) for one in residual]


def _residual_missed(
    found: FoundSpine, discs: Sequence[FoundDisc], lowest: DiscLevel
) -> list[Finding]:
    """Warning if the reader means a residual disc, but the lowest disc found is clearly none."""
    if lowest is not DiscLevel.S1_S2:
        return []
    junction = find_junction(found, discs)
    if junction.lowest is DiscLevel.S1_S2 or junction.probability < CERTAIN:
        return []
    why = "If the residual disc was not found"
    if found.remnant is not None:
        why = "If the reader means the small disc found within the sacrum, which is S1-S2 anyway"
    text = (
        f"The reader calls the lowest disc S1-S2, but the lowest one found is {junction.lowest.value} "
        f"with a probability of {junction.probability:.2f}. {why}, all names are one level off: check "
        "them in the overview."
    )
    return [warning(Code.NUMBERING_UNCERTAIN, text)]


def _junction_findings(junction: Junction) -> list[Finding]:
    """Findings on the naming."""
    lowest = junction.lowest.value
    findings = []
    if not junction.sacrum_seen:
        findings.append(
            warning(Code.SACRUM_MISSING, "No sacrum was found directly below the lowest disc.")
        )
    if junction.transitional:
        findings.append(
            warning(
                Code.TRANSITIONAL_SUSPECTED,
                "The S1-S2 disc has full depth and S1 is squared: a transitional vertebra is "
                "possible.",
            )
        )
    if junction.possibly_transitional and junction.signs is not None:
        findings.append(
            warning(
                Code.TRANSITIONAL_SUSPECTED,
                f"The lowest disc has {junction.signs.height_ratio:.2f} of the height of the discs above, "
                "full depth and a squared body above it: a degenerated L5-S1 disc, or an S1-S2 disc "
                "below a transitional vertebra. Only an image of the whole spine can decide.",
            )
        )
    if junction.probability < CERTAIN:
        findings.append(
            warning(
                Code.NUMBERING_UNCERTAIN,
                f"The lowest disc is {lowest} with a probability of {junction.probability:.2f}; "
                "check it in the overview and correct it with --lowest-disc.",
            )
        )
    return findings


def _count_upwards(
    discs: Sequence[FoundDisc], lowest: DiscLevel
) -> tuple[dict[DiscLevel, FoundDisc], list[Finding]]:
    """Names from the lowest disc up; a missing disc in a large gap takes a name."""
    names = levels_upward(lowest)
    centres = np.array([disc.mask.centroid_mm for disc in discs])
    steps = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    usual = usual_distance(discs)
    named: dict[DiscLevel, FoundDisc] = {}
    findings: list[Finding] = []
    position = 0
    for number, disc in enumerate(discs):
        if number:
            missing = 0 if steps[number - 1] < SKIP_RATIO * usual else 1
            findings += [
                info(Code.DISC_SKIPPED, f"No disc was found at {skipped.value}.", skipped)
                for skipped in names[position + 1 : position + 1 + missing]
            ]
            position += 1 + missing
        if position >= len(names):
            findings.append(
                info(
                    Code.SERIES_LEFT_OUT,
                    f"{len(discs) - number} disc(s) above {names[-1].value} were left out.",
                )
            )
            break
        named[names[position]] = disc
    if len(named) < len(discs) / 2:
        raise UsageError(
            f"with --lowest-disc {lowest.value} only {len(named)} of the {len(discs)} discs found "
            "have a name; give the level of the lowest disc in the image"
        )
    return named, findings


def _six_bodies(named: dict[DiscLevel, FoundDisc]) -> list[Finding]:
    if DiscLevel.L6_S1 in named or DiscLevel.L5_L6 in named:
        return [info(Code.SIX_LUMBAR_BODIES, "Six lumbar bodies were named.")]
    return []


def _vertebrae(found: FoundSpine, named: dict[DiscLevel, FoundDisc]) -> dict[Vertebra, SoftMask]:
    """Bodies named by their nearest disc; of two with one name the larger is used."""
    upward = sorted(named.items(), key=lambda item: item[1].mask.centroid_mm[2])
    levels = [level for level, _ in upward]
    centres = np.array([disc.mask.centroid_mm for _, disc in upward])
    vertebrae: dict[Vertebra, SoftMask] = {}
    for body in found.bodies:
        name = _body_name(body, levels, centres)
        if name is None or name is Vertebra.SACRUM:
            continue
        if name not in vertebrae or body.volume_mm3 > vertebrae[name].volume_mm3:
            vertebrae[name] = body
    sacrum = _sacrum(found, named)
    if sacrum is not None:
        vertebrae[Vertebra.SACRUM] = sacrum
    order = list(Vertebra)
    return dict(sorted(vertebrae.items(), key=lambda item: order.index(item[0])))


def _sacrum(found: FoundSpine, named: Mapping[DiscLevel, FoundDisc]) -> SoftMask | None:
    """The sacrum, including S1 if the segmenter found it as a body above a residual disc."""
    residual = named.get(DiscLevel.S1_S2)
    if residual is None:
        below = any(level.below is Vertebra.SACRUM for level in named)
        return found.sacrum if below else None
    bottom = residual.mask.centroid_mm[2]
    top = min(d.mask.centroid_mm[2] for level, d in named.items() if level.is_measured)
    first = [body for body in found.bodies if bottom < body.centroid_mm[2] < top]
    parts = [part for part in (*first, found.sacrum) if part is not None]
    return _joined([*parts, residual.mask]) if parts else None


def _joined(parts: Sequence[SoftMask]) -> SoftMask:
    """Union of structures on crops of one grid."""
    grid = parts[0].grid
    ends = [grid.to_index(part.grid.to_world([(0, 0, 0), part.shape])) for part in parts]
    start = np.round(np.min(ends, axis=(0, 1))).astype(int)
    i, j, k = (int(n) for n in np.round(np.max(ends, axis=(0, 1))) - start)
    whole = grid.cropped((int(start[0]), int(start[1]), int(start[2])), (i, j, k))
    filled = np.sum([part.on(whole) for part in parts], axis=0)
    return SoftMask(np.clip(filled, 0.0, 1.0), whole.affine)


def _body_name(body: SoftMask, levels: list[DiscLevel], centres: Array) -> Vertebra | None:
    """The vertebra next to the nearest disc; ``None`` if no disc is within 40 mm."""
    offsets = centres - body.centroid_mm
    nearest = int(np.argmin(np.linalg.norm(offsets, axis=1)))
    if np.linalg.norm(offsets[nearest]) > 40.0:
        return None
    return levels[nearest].above if offsets[nearest, 2] < 0 else levels[nearest].below
