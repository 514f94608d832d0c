"""A synthetic phase I trial with known truth: who gained, how much, and what fakes a gain.

Five subjects with one treated disc each are scanned at baseline (twice, to show the noise), 4,
12 and 24 weeks.  Two of them truly gain height and ADC at the treated disc, three do not.  Of
those three, one is scanned in another scanner at the end and one late in the day in between.
All sizes are chosen; only the loss of height over the day follows a source (Boos 1996: about
0.9 mm).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

import discmri
from discmri.cohort import Limits, Workers
from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.core.locks import locked
from discmri.core.progress import CountCallback
from discmri.phantoms import (
    Occasion,
    Protocol,
    PulseSequence,
    SpineOptions,
    SpineSpec,
    lumbar_spine,
    make_phantom,
)
from discmri.results.export.csv_wide import write_table
from discmri.simulation.writing import PhantomJob, is_new, write_phantoms

WEEKS = (0, 4, 12, 24)
RESPONSE = {0: 0.0, 4: 0.35, 12: 0.75, 24: 1.0}
"""Share of the whole gain by week."""
LOSS_MM_PER_H = 0.9 / 12
"""Of a disc of 10 mm while a person is up: about 0.9 mm over a day (Boos 1996)."""
ADC_LOSS_PER_H = 0.002
DAY_SHARE = 0.004
"""Standard deviation of all heights of a person from day to day, beside the time of day."""
FIRST_DAY = date(2025, 3, 3)
_TREATED = (DiscLevel.L4_L5, DiscLevel.L5_S1, DiscLevel.L3_L4, DiscLevel.L4_L5, DiscLevel.L5_S1)
_GRADES = {  # the treated disc is the most degenerated one
    DiscLevel.L3_L4: ("2", "3", "4/6", "3", "3"),
    DiscLevel.L4_L5: ("2", "2", "3", "4/6", "3"),
    DiscLevel.L5_S1: ("2", "3", "2", "3", "4/6"),
}


@dataclass(frozen=True)
class Effect:
    """What the treatment truly does to the treated disc of a responder by the last visit."""

    height_mm: float = 1.0
    adc_um2_ms: float = 0.20


@dataclass(frozen=True)
class PhantomScan:
    """One scan of the synthetic trial."""

    subject: str
    week: int
    repeat: int
    treated: DiscLevel
    responds: bool  # whether the subject truly gains
    spec: SpineSpec = field(repr=False)
    protocol: Protocol = field(repr=False)
    vendor: str = "siemens"

    @property
    def visit(self) -> str:
        """Name of the visit."""
        return f"week {self.week}" if self.week else "baseline"

    @property
    def folder(self) -> str:
        """Name of its folder."""
        again = f"_repeat{self.repeat}" if self.repeat > 1 else ""
        return f"{self.subject}_week{self.week:02d}{again}"


def trial_scans(
    seed: int = 0,
    effect: Effect | None = None,
    protocol: Protocol | None = None,
    subjects: int = 5,
) -> tuple[PhantomScan, ...]:
    """Every scan of a synthetic trial, in which two of five subjects respond.

    ``seed`` is that of anatomy, of who responds and of all noise.  Time, place and noise of the
    protocol are set for each scan.
    """
    rng = np.random.default_rng([seed, 21])
    responders = set(rng.permutation(subjects)[: max(1, round(0.4 * subjects))].tolist())
    others = [n for n in range(subjects) if n not in responders]
    moved, late = others[0], others[-1]
    scans: list[PhantomScan] = []
    for n in range(subjects):
        treated = _TREATED[n % len(_TREATED)]
        base = lumbar_spine(SpineOptions(grades=_GRADES[treated]), seed=1000 * seed + n + 1)
        hour = float(rng.uniform(8.5, 11.0))
        for week, repeat in [(0, 1), (0, 2), *((week, 1) for week in WEEKS[1:])]:
            share = RESPONSE[week] if n in responders else 0.0
            clock = hour + float(rng.uniform(-0.75, 0.75))
            clock += 6.5 if n == late and n != moved and week == 12 else 0.0
            day = float(rng.normal(0.0, DAY_SHARE))
            own = _treated_spine(base, treated, effect or Effect(), share)
            how = _protocol(rng, protocol or default_protocol(), clock)
            occasion = replace(
                how.occasion,
                patient_id=f"S{n + 1:02d}",
                date=(FIRST_DAY + timedelta(days=9 * n + 7 * week)).strftime("%Y%m%d"),
                noise=1 + len(scans),
            )
            vendor = "siemens"
            if n == moved and week == WEEKS[-1]:
                vendor = "ge"
                occasion = replace(occasion, station="00777", coil="SPINE 8CH")
                how = replace(how, field_strength_t=3.0, snr=how.snr * 1.3)
            scans.append(
                PhantomScan(
                    f"S{n + 1:02d}", week, repeat, treated, n in responders,
                    _over_the_day(own, clock, day), replace(how, occasion=occasion), vendor,
                )
            )  # fmt: skip
    return tuple(scans)


def default_protocol() -> Protocol:
    """How the synthetic trial is scanned."""
    return Protocol(
        sequences=(PulseSequence.T2, PulseSequence.DWI),
        spacing_mm=0.85,
        slices=11,
        fov_mm=(190.0, 265.0),
        snr=40.0,
        dwi_spacing_mm=1.7,
    )


def _protocol(rng: np.random.Generator, protocol: Protocol, clock_h: float) -> Protocol:
    """The same protocol with the patient lying a little otherwise."""
    turns = np.round(rng.normal(0.0, 1.5, 3), 2)
    offset = np.round(rng.normal(0.0, (1.5, 4.0, 4.0)), 2)
    minutes = round(60 * clock_h)
    return replace(
        protocol,
        oblique_deg=(float(turns[0]), float(turns[1]), float(turns[2])),
        epi_shift_mm=round(float(rng.normal(0.8, 0.6)), 2),
        occasion=Occasion(
            time=f"{minutes // 60:02d}{minutes % 60:02d}",
            offset_mm=(float(offset[0]), float(offset[1]), float(offset[2])),
        ),
    )


def _treated_spine(spec: SpineSpec, level: DiscLevel, effect: Effect, share: float) -> SpineSpec:
    discs = tuple(
        replace(
            disc,
            height_mm=disc.height_mm + share * effect.height_mm,
            adc_um2_ms=disc.adc_um2_ms + share * effect.adc_um2_ms,
        )
        if disc.level is level
        else disc
        for disc in spec.discs
    )
    return replace(spec, discs=discs)


def _over_the_day(spec: SpineSpec, clock_h: float, day: float) -> SpineSpec:
    """What a person's discs lose while the person is up, relative to nine in the morning."""
    hours = clock_h - 9.0
    height = 1.0 - hours * LOSS_MM_PER_H / 10.0 + day
    water = 1.0 - hours * ADC_LOSS_PER_H
    discs = tuple(
        replace(d, height_mm=d.height_mm * height, adc_um2_ms=d.adc_um2_ms * water)
        for d in spec.discs
    )
    return replace(spec, discs=discs)


# ------------------------------------------------------------------ on disk
def make_trial(
    scans: tuple[PhantomScan, ...],
    root: Path,
    workers: Workers | None = None,
    limits: Limits | None = None,
    progress: CountCallback | None = None,
) -> None:
    """Write all studies, ``trial.csv``, ``trial_with_masks.csv`` and ``truth.csv``.

    Studies that are there already are kept.  Raises ``UsageError`` where the folder holds anything
    else, ``UnfinishedError`` where studies could not be made.
    """
    recipe = "".join(f"{line}\n" for line in (f"discmri {discmri.__version__}", *_recipe(scans)))
    before = root / "recipe.txt"
    if not is_new(root) and not (before.is_file() and before.read_text(encoding="utf-8") == recipe):
        raise UsageError(f"{root} holds something other than this synthetic trial; choose another")
    with locked(root / ".batch" / "lock", wait=False):
        before.write_text(recipe, encoding="utf-8")
        studies = root.absolute() / "studies"
        jobs = [
            PhantomJob(studies / one.folder, one.spec, one.vendor, one.protocol) for one in scans
        ]
        write_phantoms(jobs, workers, limits, progress)
        _write_lists(scans, root)


def _recipe(scans: tuple[PhantomScan, ...]) -> Iterator[str]:
    for one in scans:
        yield f"{one.folder} {one.vendor} {one.protocol} {one.protocol.occasion} {one.spec}"


def _write_lists(scans: tuple[PhantomScan, ...], root: Path) -> None:
    header = ("subject", "visit", "week", "date", "repeat", "repeat_kind", "treated", "path")
    rows = []
    for one in scans:
        day = one.protocol.occasion.date
        iso = f"{day[:4]}-{day[4:6]}-{day[6:]}"
        kind = "same_day" if one.repeat > 1 else ""
        what = (
            one.subject,
            one.visit,
            str(one.week),
            iso,
            str(one.repeat),
            kind,
            one.treated.value,
        )
        rows.append((*what, f"studies/{one.folder}/study"))
    write_table(root / "trial.csv", header, rows)
    masks = [
        (*row, f"studies/{one.folder}/labels.nii.gz") for row, one in zip(rows, scans, strict=True)
    ]
    write_table(root / "trial_with_masks.csv", (*header, "masks"), masks)
    truth = ("subject", "visit", "repeat", "treated", "responds", "level", *_TRUE)
    write_table(root / "truth.csv", truth, _truth_rows(scans))


_TRUE = ("height_columns_mm", "adc_disc_um2_ms")


def _truth_rows(scans: tuple[PhantomScan, ...]) -> Iterator[tuple[str, ...]]:
    for one in scans:
        found: Mapping[DiscLevel, object] = make_phantom(one.spec).truth()
        for level, true in found.items():
            yield (
                one.subject, one.visit, str(one.repeat), one.treated.value,
                "yes" if one.responds else "no", level.value,
                *(f"{getattr(true, name):.5f}" for name in _TRUE),
            )  # fmt: skip
