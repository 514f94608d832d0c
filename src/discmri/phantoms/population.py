"""A population of synthetic patients and their scanners.

The grade of a patient's worst disc has the distribution of 460 consecutive patients with low back
pain (modified Pfirrmann grades of Hafeez and Memon, J Liaquat Univ Med Health Sci 2023, article
882): grades 4 to 8 in 13, 41, 187, 125 and 94 patients, none in 1 to 3.  All other frequencies and
ranges were chosen for testing, so that rare cases occur; they are not epidemiological.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.phantoms.anatomy import SpineOptions, lumbar_levels
from discmri.phantoms.protocol import Protocol, PulseSequence
from discmri.phantoms.sacrum import ResidualDiscSpec
from discmri.phantoms.vendors import VENDORS

WORST_GRADES = {4: 13, 5: 41, 6: 187, 7: 125, 8: 94}
"""Patients by the grade of their disc, of 460 (Hafeez and Memon 2023)."""

SIX_LUMBAR = 0.05
SCOLIOTIC = 0.2
SLIPPED = 0.08
RESIDUAL_DISC = 0.3
RESIDUAL_DISC_DEEP = 0.15  # of those; with the full depth of the sacrum and a squared S1
BRIGHT_THOUGH_COLLAPSED = 0.06  # double grades such as 4/7, "rarely" in Griffith 2007
_WORST_FROM_BELOW = (0.40, 0.40, 0.15, 0.03, 0.02)
_B_VALUES = ((0.0, 400.0, 800.0), (0.0, 500.0), (50.0, 400.0, 800.0), (0.0, 200.0, 400.0, 600.0))

Draw = Callable[[np.random.Generator, int], list[str]]
"""Draws the grades of a number of discs, cranial to caudal."""


@dataclass(frozen=True)
class Member:
    """One patient of the population in one scanner."""

    name: str  # `p0001` and so on
    seed: int  # seed of the spine's variation
    options: SpineOptions  # its anatomy and grades
    vendor: str
    protocol: Protocol
    compression: str


def member(
    seed: int,
    number: int,
    degeneration: str = "symptomatic",
    sequences: tuple[PulseSequence, ...] = (PulseSequence.T2, PulseSequence.DWI, PulseSequence.ADC),
) -> Member:
    """The ``number``-th member, from 1, of a population of any size.

    ``degeneration`` is a name in :data:`DEGENERATIONS`.

    >>> member(0, 7) == member(0, 7), member(0, 7) == member(1, 7)
    (True, False)
    """
    rng = np.random.default_rng([seed, number, 11])
    # A separate generator, so that other properties do not depend on the residual disc.
    residual = _residual_disc(np.random.default_rng([seed, number, 12]))
    return Member(
        name=f"p{number:04d}",
        seed=int(rng.integers(2**31)),
        options=replace(_options(rng, DEGENERATIONS[degeneration]), residual_disc=residual),
        vendor=str(rng.choice(list(VENDORS))),
        protocol=_protocol(rng, sequences),
        compression=str(rng.choice(["none", "rle", "jpeg-ls"], p=[0.6, 0.2, 0.2])),
    )


def symptomatic(rng: np.random.Generator, discs: int) -> list[str]:
    """One worst disc, mostly among the lowest two; more distant discs are less degenerated."""
    counts = np.array([*WORST_GRADES.values()], dtype=float)
    worst = int(rng.choice([*WORST_GRADES], p=counts / counts.sum()))
    place = discs - 1 - int(rng.choice(5, p=_WORST_FROM_BELOW))
    grades = []
    for n in range(discs):
        mean = worst - 1.0 - 1.1 * abs(n - place)
        other = int(np.clip(round(rng.normal(mean, 1.1)), 1, worst))
        grades.append(_entry(rng, worst if n == place else other))
    return grades


def uniform(rng: np.random.Generator, discs: int) -> list[str]:
    """Every grade with the same probability, independently for each disc."""
    return [_entry(rng, int(rng.integers(1, 9))) for _ in range(discs)]


DEGENERATIONS: Mapping[str, Draw] = {"symptomatic": symptomatic, "even": uniform}
"""Distributions of grades; to add one, write a function of type :data:`Draw` and add one line."""


def _entry(rng: np.random.Generator, grade: int) -> str:
    bright = grade >= 6 and rng.random() < BRIGHT_THOUGH_COLLAPSED
    return f"{rng.integers(3, 5)}/{grade}" if bright else str(grade)


def _options(rng: np.random.Generator, draw: Draw) -> SpineOptions:
    six = bool(rng.random() < SIX_LUMBAR)
    levels = lumbar_levels(six)
    slips: dict[DiscLevel, float] = {}
    if rng.random() < SLIPPED:
        slips[levels[-1 - int(rng.integers(2))]] = round(float(rng.uniform(2.0, 7.0)), 1)
    within = partial(_within, rng)
    return SpineOptions(
        grades=draw(rng, len(levels)),
        listhesis_mm=slips,
        six_lumbar=six,
        scoliosis_deg=round(float(rng.uniform(-20, 20)), 1) if rng.random() < SCOLIOTIC else 0.0,
        lordosis_deg=within(50.0, 9.0, 25.0, 75.0),
        sacral_slope_deg=within(40.0, 7.0, 22.0, 56.0),
        size=within(1.0, 0.06, 0.86, 1.14),
    )


def _residual_disc(rng: np.random.Generator) -> ResidualDiscSpec | None:
    if rng.random() >= RESIDUAL_DISC:
        return None
    deep = rng.random() < RESIDUAL_DISC_DEEP
    return ResidualDiscSpec(
        depth_share=round(float(rng.uniform(0.8, 0.95) if deep else rng.uniform(0.15, 0.65)), 2),
        height_mm=round(float(rng.uniform(3.0, 7.5) if deep else rng.uniform(1.5, 5.0)), 1),
        brightness=round(float(rng.beta(1.2, 2.0)), 2),
        position=round(float(rng.uniform(-0.8, 0.3)), 2),
    )


def _protocol(rng: np.random.Generator, sequences: tuple[PulseSequence, ...]) -> Protocol:
    thickness = float(rng.choice([3.0, 3.5, 4.0, 4.5, 5.0]))
    gap = round(thickness * float(rng.uniform(0.1, 0.2)), 2)
    within = partial(_within, rng)
    return Protocol(
        sequences=sequences,
        spacing_mm=round(float(rng.uniform(0.5, 1.0)), 2),
        slice_thickness_mm=thickness,
        gap_mm=gap,
        slices=int(np.ceil(62 / (thickness + gap))),
        fov_mm=(round(float(rng.uniform(235, 300))), round(float(rng.uniform(270, 320)))),
        oblique_deg=(within(0.0, 3.0, -8, 8), within(0.0, 3.0, -8, 8), within(0.0, 3.0, -8, 8)),
        snr=round(float(np.exp(rng.uniform(np.log(15), np.log(60)))), 1),
        b_values=_B_VALUES[int(rng.integers(len(_B_VALUES)))],
        trace=bool(rng.random() < 0.75),
        dwi_spacing_mm=round(float(rng.uniform(1.4, 2.2)), 2),
        field_strength_t=float(rng.choice([1.5, 3.0])),
        epi_shift_mm=within(0.0, 1.5, -4, 4),
        epi_distortion_mm=round(float(rng.uniform(0.2, 1.5)), 2),
        shading=round(float(rng.uniform(0.3, 0.8)), 2),
        saturation=round(float(rng.choice([0.0, 0.8])), 1),
    )


def _within(rng: np.random.Generator, mean: float, sd: float, low: float, high: float) -> float:
    return round(float(np.clip(rng.normal(mean, sd), low, high)), 2)
