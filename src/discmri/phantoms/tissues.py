"""Magnetic properties and diffusion of every tissue.

The numbers were chosen so that contrasts look as on a scanner; they are not reference values.  Fat
has a longer relaxation time in an echo train than in single echoes, so it is bright on fast spin
echo.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from discmri.phantoms.anatomy import DiscSpec
from discmri.phantoms.sacrum import ResidualDiscSpec


class Tissue(IntEnum):
    """Tissues of the phantom."""

    AIR = 0
    NUCLEUS = 1
    INNER_ANNULUS = 2
    OUTER_ANNULUS = 3
    CLEFT = 4
    CARTILAGE = 5
    CORTEX = 6
    MARROW = 7
    VEIN = 8
    LIGAMENT = 9
    FLAVUM = 10
    INTERSPINOUS = 11
    CSF = 12
    CORD = 13
    ROOT = 14
    FAT = 15
    EPIDURAL_FAT = 16
    MUSCLE = 17
    FASCIA = 18
    SKIN = 19
    FLOWING_BLOOD = 20
    VESSEL_WALL = 21
    BOWEL_WALL = 22
    BOWEL_CONTENT = 23
    GAS = 24
    LIVER = 25
    MESENTERY = 26
    REMNANT_DISC = 27
    SUBCUTANEOUS_FAT = 28
    URINE = 29
    CAUDA = 30
    BOWEL_FLUID = 31


@dataclass(frozen=True)
class Properties:
    """Magnetic properties of one tissue."""

    t1_ms: float  # of its water at 1.5 T, like t2_ms
    t2_ms: float
    density: float  # proton density of its water and fat together, 1 for free water
    adc_um2_ms: float = 1.0  # ADC of its water
    fat_fraction: float = 0.0  # share of the signal density that is fat

    def at_field(self, field_strength_t: float) -> Properties:
        """The tissue at another field strength: T1 increases with B0^0.35, T2 is 7 % lower at 3 T.

        The trend was chosen as plausible.
        """
        ratio = field_strength_t / 1.5
        return replace(self, t1_ms=self.t1_ms * ratio**0.35, t2_ms=self.t2_ms * ratio**-0.1)


FAT = Properties(t1_ms=300.0, t2_ms=105.0, density=0.95, adc_um2_ms=0.03)
"""Pure fat; its T1 changes little with the field strength and is constant here."""

TABLE: dict[Tissue, Properties] = {
    Tissue.AIR: Properties(1000, 10, 0.0),
    Tissue.CARTILAGE: Properties(900, 16, 0.45, 1.0),
    Tissue.CORTEX: Properties(500, 2, 0.12, 0.5),
    Tissue.MARROW: Properties(950, 62, 0.84, 0.45, 0.40),
    Tissue.VEIN: Properties(1400, 130, 0.85, 1.4, 0.25),
    Tissue.LIGAMENT: Properties(900, 16, 0.35, 0.8),
    Tissue.FLAVUM: Properties(900, 28, 0.55, 1.0, 0.05),
    Tissue.INTERSPINOUS: Properties(950, 40, 0.75, 1.2, 0.42),
    Tissue.CSF: Properties(4000, 1600, 1.0, 3.0),
    Tissue.CORD: Properties(900, 88, 0.80, 0.9),
    Tissue.ROOT: Properties(1000, 85, 0.75, 1.2),
    Tissue.CAUDA: Properties(1000, 85, 0.75, 1.2),
    Tissue.FAT: Properties(900, 40, 0.95, 1.0, 0.93),
    Tissue.EPIDURAL_FAT: Properties(900, 60, 0.95, 1.0, 0.93),
    Tissue.SUBCUTANEOUS_FAT: Properties(900, 40, 0.98, 1.0, 0.96),
    Tissue.MUSCLE: Properties(1000, 40, 0.80, 1.6, 0.03),
    Tissue.FASCIA: Properties(900, 14, 0.35, 0.8, 0.1),
    Tissue.SKIN: Properties(900, 30, 0.60, 1.0),
    Tissue.FLOWING_BLOOD: Properties(1400, 40, 0.08, 3.0),
    Tissue.VESSEL_WALL: Properties(1000, 35, 0.55, 1.0),
    Tissue.BOWEL_WALL: Properties(950, 60, 0.75, 1.3, 0.05),
    Tissue.BOWEL_CONTENT: Properties(900, 70, 0.75, 2.0, 0.1),
    Tissue.BOWEL_FLUID: Properties(1600, 150, 0.85, 2.4),
    Tissue.GAS: Properties(1000, 10, 0.02),
    Tissue.LIVER: Properties(580, 46, 0.75, 1.1, 0.04),
    Tissue.MESENTERY: Properties(900, 50, 0.85, 1.2, 0.62),
    Tissue.REMNANT_DISC: Properties(900, 45, 0.65, 1.2),
    Tissue.URINE: Properties(3500, 900, 1.0, 2.9),
}

_NUCLEUS_T2_MS = {1: 205.0, 2: 142.0, 3: 84.0, 4: 56.0, 5: 38.0}
_NUCLEUS_T1_MS = {1: 1650.0, 2: 1400.0, 3: 1150.0, 4: 1000.0, 5: 900.0}
_NUCLEUS_DENSITY = {1: 0.98, 2: 0.95, 3: 0.9, 4: 0.8, 5: 0.70}
_OUTER_ANNULUS = Properties(900.0, 37.0, 0.68)


def disc_properties(disc: DiscSpec) -> dict[Tissue, Properties]:
    """Tissues of one disc by its signal grade (Griffith 2007).

    The nucleus is as bright as CSF (grade 1), brighter (2) or darker (3) than fat, slightly brighter
    than the outer annulus (4) or equal to it (5).  The inner annulus is similar to the nucleus in
    grades 1 to 3, and to the outer annulus in grades 4 and 5.
    """
    grade = disc.grade.signal
    outer_adc = disc.adc_um2_ms * disc.adc_annulus_ratio
    nucleus = Properties(
        _NUCLEUS_T1_MS[grade], _NUCLEUS_T2_MS[grade], _NUCLEUS_DENSITY[grade], disc.adc_um2_ms
    )
    outer = replace(_OUTER_ANNULUS, adc_um2_ms=outer_adc)
    inner = {
        1: replace(nucleus, t2_ms=170.0),
        2: replace(nucleus, t2_ms=118.0),
        3: replace(nucleus, t2_ms=74.0),
        4: replace(outer, t2_ms=44.0, adc_um2_ms=disc.adc_um2_ms),
        5: replace(outer, adc_um2_ms=disc.adc_um2_ms),
    }[grade]
    cleft = replace(nucleus, t2_ms=nucleus.t2_ms * 0.62)
    return {
        Tissue.NUCLEUS: nucleus,
        Tissue.INNER_ANNULUS: inner,
        Tissue.OUTER_ANNULUS: outer,
        Tissue.CLEFT: cleft,
    }


def residual_properties(disc: ResidualDiscSpec) -> dict[Tissue, Properties]:
    """Tissues of a residual disc, between those of grade 5 (dark) and of grade 1 (bright)."""

    def between(dark: float, bright: float) -> float:
        return float(dark ** (1 - disc.brightness) * bright**disc.brightness)

    nucleus = Properties(
        between(_NUCLEUS_T1_MS[5], _NUCLEUS_T1_MS[1]),
        between(_NUCLEUS_T2_MS[5], _NUCLEUS_T2_MS[1]),
        between(_NUCLEUS_DENSITY[5], _NUCLEUS_DENSITY[1]),
        between(1.2, 2.2),
    )
    rim = replace(_OUTER_ANNULUS, adc_um2_ms=1.2)
    return {Tissue.NUCLEUS: nucleus, Tissue.INNER_ANNULUS: nucleus, Tissue.OUTER_ANNULUS: rim}
