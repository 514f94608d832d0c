"""Growth of each stage with slices, pixels, images and files: none may be slower than linear.

Every axis is doubled twice; the ratio per doubling within one run is printed, 2 if a stage is linear.
Processor time on one thread, the best of several runs.  A stage of a few milliseconds is not judged.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from discmri.core.diffusion import BValue, DiffusionSeries
from discmri.core.settings import Settings
from discmri.measurement.adc import fit_adc
from discmri.measurement.pipeline import STEPS, StudySteps
from discmri.phantoms import Protocol, PulseSequence, SpineOptions, lumbar_spine, make_phantom
from discmri.phantoms.vendors import write_study
from discmri.study import read_study

FACTORS = (1, 2, 4)
LINEAR = 2.0
TOLERANCE = 1.15  # times LINEAR, for caches of the processor
JUDGED_FROM_S = 0.02  # at the smallest size
FEW_SLICES = Protocol(
    sequences=(PulseSequence.T2,), spacing_mm=1.0, fov_mm=(200.0, 260.0), slices=9, gap_mm=0.0
)

Costs = Mapping[str, float]
"""Processor time by stage, s."""


def main(quick: bool = False) -> None:
    """Print the growth of every stage along every axis."""
    repeats = 1 if quick else 3
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        axes: Mapping[str, Callable[[int], Costs]] = {
            "slices": lambda factor: _study(root, _more_slices(factor), repeats),
            "pixels": lambda factor: _study(root, _more_pixels(factor), repeats),
            "images": lambda factor: _fit(factor, repeats),
            "files": lambda factor: _files(root, factor, repeats),
        }
        for axis, measured in axes.items():
            _print(axis, [measured(factor) for factor in FACTORS])


def _print(axis: str, costs: list[Costs]) -> None:
    print(f"{axis} x {', '.join(map(str, FACTORS))}")
    for stage, first in costs[0].items():
        times = [one[stage] for one in costs]
        growth = (times[-1] / first) ** (1 / (len(FACTORS) - 1)) if first > 0 else 0.0
        judged = first >= JUDGED_FROM_S
        verdict = "more than linear" if judged and growth > TOLERANCE * LINEAR else ""
        shown = "".join(f"{1e3 * one:9.0f}" for one in times)
        print(f"  {stage:18}{shown} ms  {growth:5.2f} per doubling  {verdict}")


def _more_slices(factor: int) -> Protocol:
    """Thinner slices over the same width."""
    thickness_mm = FEW_SLICES.slice_thickness_mm / factor
    slices = factor * FEW_SLICES.slices
    return replace(FEW_SLICES, slices=slices, slice_thickness_mm=thickness_mm)


def _more_pixels(factor: int) -> Protocol:
    """Smaller pixels over the same field of view."""
    return replace(FEW_SLICES, spacing_mm=FEW_SLICES.spacing_mm * factor**-0.5)


def _study(root: Path, protocol: Protocol, repeats: int) -> Costs:
    """Reading, every step and writing of one study."""
    folder = _written(root, protocol)
    return _best(repeats, lambda: _steps(folder, root / "out"))


def _steps(folder: Path, out: Path) -> Costs:
    costs = {}
    start = time.process_time()
    steps = StudySteps(read_study(folder, threads=1), Settings(threads=1))
    for name in ("headers", *STEPS):
        if name in STEPS:
            getattr(steps, name)
        costs[name] = time.process_time() - start
        start = time.process_time()
    steps.result.write(out, overwrite=True)
    return costs | {"files": time.process_time() - start}


def _written(root: Path, protocol: Protocol) -> Path:
    folder = root / "study"
    shutil.rmtree(folder, ignore_errors=True)
    phantom = make_phantom(lumbar_spine(SpineOptions(grades=[2, 3, 4, 5, 7]), seed=11))
    write_study(phantom, folder, "siemens", protocol)
    return folder


def _fit(factor: int, repeats: int) -> Costs:
    """Fit of three b-values, each imaged several times."""
    rng = np.random.default_rng(1)
    b = np.repeat([0.0, 400.0, 800.0], 2 * factor)
    signal = 500.0 * np.exp(-1.2e-3 * b) + rng.normal(0, 5.0, (128, 128, 16, len(b)))
    series = DiffusionSeries(
        signal.astype(np.float32), np.eye(4), tuple(BValue(one, "benchmark") for one in b)
    )
    return _best(repeats, lambda: {"fit": _seconds(lambda: fit_adc(series))})


def _files(root: Path, factor: int, repeats: int) -> Costs:
    """Headers of a folder with copies of a series under other numbers and descriptions."""
    import pydicom
    from pydicom.uid import generate_uid

    folder = _written(root, FEW_SLICES)
    for path in sorted(folder.rglob("*.dcm")):
        ds = pydicom.dcmread(path)
        series, instance = ds.SeriesInstanceUID, ds.SOPInstanceUID
        for n in range(1, 20 * factor):
            ds.SeriesNumber, ds.SeriesDescription = n, f"copy {n}"
            ds.SeriesInstanceUID = generate_uid(entropy_srcs=[series, str(n)])
            ds.SOPInstanceUID = generate_uid(entropy_srcs=[instance, str(n)])
            ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
            ds.save_as(path.with_name(f"{path.stem}-{n}.dcm"))
    return _best(repeats, lambda: {"headers": _seconds(lambda: read_study(folder, threads=1))})


def _best(repeats: int, measured: Callable[[], Costs]) -> Costs:
    runs = [measured() for _ in range(repeats)]
    return {stage: min(one[stage] for one in runs) for stage in runs[0]}


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
