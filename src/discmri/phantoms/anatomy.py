"""Specification of a synthetic spine: sizes, curves and grades.

A :class:`SpineSpec` is a full description; :func:`lumbar_spine` makes one from a few options and a
seed.  Sizes were chosen to be plausible for adults; they are not reference values.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from discmri.core.errors import UsageError
from discmri.core.grade import Grade
from discmri.core.levels import DiscLevel, Vertebra
from discmri.phantoms.sacrum import S1_DEPTH_RATIO, ResidualDiscSpec, SacrumSpec

T = TypeVar("T")

COLLAPSE_LOSS = {0: 0.0, 6: 0.2, 7: 0.45, 8: 0.7}
"""Loss of height by collapse grade: within < 30, 30-60 and > 60 %."""

ADC_BY_SIGNAL_GRADE_UM2_MS = {1: 2.2, 2: 2.0, 3: 1.75, 4: 1.5, 5: 1.2}
"""ADC of a disc by its signal grade, chosen as plausible; collapse does not change it."""

_HEALTHY = Grade(2)

CARTILAGE_MM = 0.77
"""Mean thickness of a lumbar cartilage endplate (0.77 +- 0.24 mm by MRI of 17 specimens: Moon 2013,
Eur Spine J 22:1820).  Individual spines vary around it by a chosen 0.15 mm."""
BONY_ENDPLATE_MM = 0.55
"""Thickness of the dark bone between cartilage and marrow, chosen: direct measurement gave about
0.35 mm of porous shell (Silva 1994), to which the dense trabeculae below it add on MRI."""


@dataclass(frozen=True)
class DiscSpec:
    """One disc.

    Parameters
    ----------
    level
        Its name.
    height_mm
        Distance of the two endplate chords at the disc's centre; concavity adds to it.
    wedge_deg
        Angle between the chords, positive if the disc is higher anteriorly.
    concavity_upper_mm, concavity_lower_mm
        Depth of the concavity of the endplate above and below the disc.
    bulge_anterior_mm, bulge_posterior_mm
        Distance of the annulus at mid-height beyond the line between the rims.
    listhesis_mm
        Shift of the upper body along the disc, positive forward.
    grade
        Grade of its signal; the height is given by ``height_mm``.
    adc_um2_ms
        ADC of nucleus and inner annulus.
    adc_annulus_ratio
        ADC of the outer annulus / that of the nucleus.
    normal_height_mm
        Height without collapse, the reference for grades 6 to 8.

    Raises
    ------
    UsageError
        If the height is not 1 to 25 mm, or the ADC not between 0 and 3.2 µm²/ms.
    """

    level: DiscLevel
    height_mm: float
    wedge_deg: float = 0.0
    concavity_upper_mm: float = 1.2
    concavity_lower_mm: float = 0.8
    bulge_anterior_mm: float = 0.6
    bulge_posterior_mm: float = 0.3
    listhesis_mm: float = 0.0
    grade: Grade = _HEALTHY
    adc_um2_ms: float = 2.0
    adc_annulus_ratio: float = 1.0
    normal_height_mm: float | None = None

    def __post_init__(self) -> None:
        if not 1.0 <= self.height_mm <= 25.0:
            raise UsageError(f"{self.level.value}: a disc is 1 to 25 mm high, got {self.height_mm}")
        if not 0.0 < self.adc_um2_ms < 3.2:
            raise UsageError(f"{self.level.value}: ADC must be within 0 and 3.2 um2/ms")


@dataclass(frozen=True)
class VertebraSpec:
    """One vertebra.

    Parameters
    ----------
    vertebra
        Its name.
    height_mm
        Distance of the disc-side endplate chords at the body's centre.
    depth_mm, width_mm
        Anteroposterior and left-right size at the rims.
    wedge_deg
        Angle between upper and lower chord, positive if the body is higher anteriorly.
    waist
        Relative narrowing half-way between the endplates.
    """

    vertebra: Vertebra
    height_mm: float
    depth_mm: float
    width_mm: float
    wedge_deg: float = 0.0
    waist: float = 0.09


@dataclass(frozen=True)
class SpineSpec:
    """A whole spine, cranial to caudal, from T10 (cut by the image) to the sacrum.

    Parameters
    ----------
    vertebrae, discs
        Cranial to caudal; disc n lies below vertebra n, the last one on the sacrum.
    sacral_slope_deg
        Tilt of the upper sacral endplate against the horizontal.
    scoliosis_deg
        Cobb angle of one smooth lateral curve.
    canal_ap_mm
        Depth of the spinal canal.
    fatness
        Amount of subcutaneous fat; 1 is average.
    muscle_fat
        Amount of fat in the back muscles, 0 to 1.
    marrow_fat
        Fat fraction of the marrow.
    cartilage_mm
        Thickness of the cartilage endplates, which do not belong to the disc.
    seed
        Seed of irregularities in shape and texture.
    sacrum
        Taper of the sacrum, and its residual disc.

    Raises
    ------
    UsageError
        If there is not exactly one disc below every vertebra.
    """

    vertebrae: tuple[VertebraSpec, ...]
    discs: tuple[DiscSpec, ...]
    sacral_slope_deg: float = 40.0
    scoliosis_deg: float = 0.0
    canal_ap_mm: float = 16.0
    fatness: float = 1.0
    muscle_fat: float = 0.35
    marrow_fat: float = 0.4
    cartilage_mm: float = CARTILAGE_MM
    seed: int = 0
    sacrum: SacrumSpec = field(default=SacrumSpec(), repr=False)

    def __post_init__(self) -> None:
        names = [*(v.vertebra for v in self.vertebrae), Vertebra.SACRUM]
        expected = list(itertools.pairwise(names))
        got = [(d.level.above, d.level.below) for d in self.discs]
        if got != expected:
            raise UsageError(
                f"discs {[d.level.value for d in self.discs]} do not lie between "
                f"{[n.value for n in names]}; give one disc below every vertebra"
            )


# vertebra: height, depth, width, wedge; then the disc below it: height, wedge
_USUAL: Mapping[Vertebra, tuple[float, float, float, float, float, float]] = {
    Vertebra.T10: (22.0, 29.0, 33.0, -4.0, 4.8, 0.0),
    Vertebra.T11: (23.0, 29.5, 35.0, -4.0, 5.4, 0.5),
    Vertebra.T12: (24.8, 30.5, 38.0, -3.5, 6.6, 1.5),
    Vertebra.L1: (26.5, 31.5, 41.0, -2.0, 7.6, 4.0),
    Vertebra.L2: (27.5, 32.5, 43.0, -0.5, 8.8, 6.0),
    Vertebra.L3: (28.0, 33.5, 45.0, 1.5, 9.8, 8.0),
    Vertebra.L4: (28.0, 34.0, 47.5, 3.5, 10.4, 11.0),
    Vertebra.L5: (27.0, 34.0, 50.0, 8.0, 10.0, 14.0),
}
_USUAL_LORDOSIS_DEG = 53.5
_LEAN_DEG = 13.0  # makes the posterior wall of S1 about perpendicular to its endplate
_LUMBAR = (Vertebra.L1, Vertebra.L2, Vertebra.L3, Vertebra.L4, Vertebra.L5)


def lumbar_levels(six_lumbar: bool = False) -> tuple[DiscLevel, ...]:
    """The discs from L1-L2 to the sacrum.

    Parameters
    ----------
    six_lumbar
        Whether there is an L6.

    Returns
    -------
    tuple of DiscLevel
        Cranial to caudal.

    Examples
    --------
    >>> [level.value for level in lumbar_levels(six_lumbar=True)][-2:]
    ['L5-L6', 'L6-S1']
    """
    names = [*_LUMBAR, *([Vertebra.L6] if six_lumbar else []), Vertebra.SACRUM]
    return tuple(DiscLevel(f"{a.value}-{b.value}") for a, b in itertools.pairwise(names))


@dataclass(frozen=True)
class SpineOptions:
    """Options of :func:`lumbar_spine`.

    Parameters
    ----------
    grades
        One per lumbar disc from L1-L2 downwards (``1`` to ``8`` or ``"4/7"``), or by level.
        Discs without a grade get 2.
    heights_mm
        Chord distances, in the same two forms; they have priority over the grade's height.
    listhesis_mm
        Forward slip by level.
    six_lumbar
        A sixth lumbar vertebra.
    scoliosis_deg, lordosis_deg, sacral_slope_deg
        Curves; lordosis is between the upper endplates of L1 and the sacrum.
    size
        Scale of the whole spine.
    residual_disc
        A residual disc between S1 and S2.
    s1_depth_ratio
        Of :class:`SacrumSpec`; by default 1.41, or less if the residual disc needs room.
    """

    grades: Sequence[str | int] | Mapping[DiscLevel, str | int] = ()
    heights_mm: Sequence[float] | Mapping[DiscLevel, float] = ()
    listhesis_mm: Mapping[DiscLevel, float] | None = None
    six_lumbar: bool = False
    scoliosis_deg: float = 0.0
    lordosis_deg: float = 50.0
    sacral_slope_deg: float = 40.0
    size: float = 1.0
    residual_disc: ResidualDiscSpec | None = None
    s1_depth_ratio: float | None = None

    @property
    def sacrum(self) -> SacrumSpec:
        """The sacrum of these options."""
        ratio = self.s1_depth_ratio
        if self.residual_disc is None:
            return SacrumSpec(S1_DEPTH_RATIO if ratio is None else ratio)
        if ratio is None:
            room = 0.92 / (self.residual_disc.depth_share * max(self.size, 1.0))
            ratio = min(S1_DEPTH_RATIO, max(room, 0.85))
        return SacrumSpec(ratio, _LEAN_DEG, self.residual_disc)


def lumbar_spine(options: SpineOptions | None = None, seed: int = 0) -> SpineSpec:
    """A spine with usual proportions, individual variation from ``seed``, and the options.

    Parameters
    ----------
    options
        Properties of the spine; usual proportions and grade 2 by default.
    seed
        Seed of the individual variation.

    Returns
    -------
    SpineSpec
        For :func:`make_phantom`.

    Raises
    ------
    UsageError
        If an option is for a disc that this spine does not have, or is out of range.

    Examples
    --------
    >>> spec = lumbar_spine(SpineOptions(grades=[1, 2, 3, "4/7", 8]), seed=3)
    >>> [str(disc.grade) for disc in spec.discs]
    ['2', '2', '2', '1', '2', '3', '4/7', '8']
    """
    options = options or SpineOptions()
    rng = np.random.default_rng([seed, 1])
    levels = lumbar_levels(options.six_lumbar)
    grades = _by_level(options.grades, levels, "grades")
    heights = _by_level(options.heights_mm, levels, "heights")
    slips = dict(options.listhesis_mm or {})
    unknown = [k.value for k in slips if k not in levels]
    if unknown:
        raise UsageError(
            f"listhesis is given for {unknown}, this spine has {[k.value for k in levels]}"
        )
    vertebrae = []
    discs = []
    for upper in _names(options.six_lumbar):
        vertebra, disc = _usual_pair(upper, options, rng)
        vertebrae.append(vertebra)
        grade = Grade.parse(str(grades.get(disc.level, 2)))
        discs.append(
            _with_options(disc, grade, heights.get(disc.level), slips.get(disc.level, 0.0), rng)
        )
    return SpineSpec(
        vertebrae=tuple(vertebrae),
        discs=tuple(discs),
        sacral_slope_deg=options.sacral_slope_deg,
        scoliosis_deg=options.scoliosis_deg,
        fatness=float(rng.uniform(0.7, 1.5)),
        muscle_fat=float(rng.uniform(0.15, 0.6)),
        marrow_fat=float(rng.uniform(0.33, 0.5)),
        cartilage_mm=float(np.clip(rng.normal(CARTILAGE_MM, 0.15), 0.4, 1.15)),
        seed=seed,
        sacrum=options.sacrum,
    )


def _names(six_lumbar: bool) -> list[Vertebra]:
    return [*_USUAL, *([Vertebra.L6] if six_lumbar else [])]


def _by_level(
    given: Sequence[T] | Mapping[DiscLevel, T], levels: Sequence[DiscLevel], what: str
) -> dict[DiscLevel, T]:
    if isinstance(given, Mapping):
        return dict(given)
    if len(given) > len(levels):
        raise UsageError(f"{len(given)} {what} given, this spine has {len(levels)} lumbar discs")
    return dict(zip(levels, given, strict=False))


def _usual_pair(
    upper: Vertebra, options: SpineOptions, rng: np.random.Generator
) -> tuple[VertebraSpec, DiscSpec]:
    lowest = Vertebra.L6 if options.six_lumbar else Vertebra.L5
    # With six lumbar bodies, L5 is between a usual L4 and L5, and L6 is like a usual L5.
    row = _USUAL[Vertebra.L5 if upper is lowest else upper]
    if options.six_lumbar and upper is Vertebra.L5:
        row = tuple(np.mean([_USUAL[Vertebra.L4], _USUAL[Vertebra.L5]], axis=0))
    height, depth, width, wedge, disc_height, disc_wedge = row
    chain = [*_names(options.six_lumbar), Vertebra.SACRUM]
    below = chain[chain.index(upper) + 1]
    vary = 1.0 + rng.normal(0.0, 1.0, 5) * np.array([0.02, 0.02, 0.02, 0.05, 0.06])
    extra = (options.lordosis_deg - _USUAL_LORDOSIS_DEG) * disc_wedge / 43.0
    vertebra = VertebraSpec(
        upper,
        height_mm=float(height * vary[0] * options.size),
        depth_mm=float(depth * vary[1] * options.size),
        width_mm=float(width * vary[2] * options.size),
        wedge_deg=float(wedge + rng.normal(0.0, 0.5)),
        waist=float(rng.uniform(0.09, 0.14)),
    )
    normal = float(disc_height * vary[3] * options.size)
    disc = DiscSpec(
        DiscLevel(f"{upper.value}-{below.value}"),
        height_mm=normal,
        wedge_deg=float((disc_wedge + extra) * vary[4]),
        concavity_upper_mm=float(rng.uniform(1.3, 2.3)),
        concavity_lower_mm=float(rng.uniform(0.7, 1.4)),
        normal_height_mm=normal,
    )
    return vertebra, disc


def _with_options(
    disc: DiscSpec,
    grade: Grade,
    height_mm: float | None,
    slip_mm: float,
    rng: np.random.Generator,
) -> DiscSpec:
    normal = disc.normal_height_mm or disc.height_mm
    height = height_mm if height_mm is not None else normal * (1 - COLLAPSE_LOSS[grade.collapse])
    share = min(height / normal, 1.0)
    # Chords and concavities lose height in proportion; at the back at least 1 mm remains.
    widest_deg = float(np.degrees(2 * np.arctan(max(height - 1.0, 0.1) / 36.0)))
    degeneration = max(0, grade.signal - 2) / 3 + (1 - share)
    return DiscSpec(
        disc.level,
        height_mm=float(height),
        wedge_deg=min(disc.wedge_deg * share, widest_deg),
        concavity_upper_mm=disc.concavity_upper_mm * share,
        concavity_lower_mm=disc.concavity_lower_mm * share,
        bulge_anterior_mm=float(0.5 + rng.uniform(0.3, 1.2) * degeneration),
        bulge_posterior_mm=float(0.2 + rng.uniform(0.6, 1.6) * degeneration),
        listhesis_mm=slip_mm,
        grade=grade,
        adc_um2_ms=float(
            ADC_BY_SIGNAL_GRADE_UM2_MS[grade.signal] + np.clip(rng.normal(0, 0.04), -0.08, 0.08)
        ),
        normal_height_mm=normal,
    )
