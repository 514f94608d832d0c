"""Time of each stage against a floor measured in the same run.

Machines are noisy and shared: ratios within one run mean something, seconds little.
"""

from __future__ import annotations

import itertools
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.studies import full_study

LIMITS = {"reading": 1.2, "ADC fit": 1.5}


def main(quick: bool = False) -> None:
    """Print seconds and ratios of reading, fitting, each stage and the cold command."""
    with tempfile.TemporaryDirectory() as folder:
        study = full_study(Path(folder), small=quick)
        _reading(study)
        _fitting()
        _stages(study)
        _segmenting(Path(folder), quick)
        _cold(study, Path(folder) / "out")


def best(work: Callable[[], object], repeats: int = 5) -> float:
    """Shortest of several runs, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _ratio(name: str, ours: float, floor: float, what: str) -> None:
    limit = LIMITS[name]
    print(
        f"{name}: {1e3 * ours:.0f} ms, {what} {1e3 * floor:.0f} ms, "
        f"ratio {ours / floor:.2f} (aim {limit:g})"
    )


def _reading(study: Path) -> None:
    """Headers of all files and pixels of the series that are used, against bare pydicom."""
    import pydicom

    from discmri.study import read_study

    files = sorted(path for path in study.rglob("*") if path.is_file())
    found = read_study(study)
    used = {found.target().uid} | {series.uid for series in found.choice.diffusion}

    def bare() -> None:
        for path in files:
            header = pydicom.dcmread(path, stop_before_pixels=True)
            if header.get("SeriesInstanceUID") in used:
                _ = pydicom.dcmread(path).pixel_array

    def ours() -> None:
        again = read_study(study)
        again.read(again.target())
        again.diffusion()

    _ratio("reading", best(ours), best(bare), "bare pydicom")


def _fitting() -> None:
    """The weighted fit of a phantom's diffusion images against one least-squares pass."""
    from discmri.core.diffusion import BValue, DiffusionSeries
    from discmri.measurement.adc import fit_adc
    from discmri.phantoms import Protocol, lumbar_spine, make_phantom

    images = make_phantom(lumbar_spine(seed=11)).diffusion(Protocol(slices=16))
    series = DiffusionSeries(
        signal=np.stack([image.volume.array for image in images], axis=-1),
        affine=images[0].volume.affine,
        b_values=tuple(BValue(image.b_s_per_mm2, "phantom", image.kind) for image in images),
    )
    b = series.b_s_per_mm2

    def floor() -> None:
        design = np.stack([np.ones_like(b), -b * 1e-3], axis=1)
        logs = np.log(np.maximum(series.signal.reshape(-1, len(b)), 1e-6)).T
        np.linalg.lstsq(design, logs, rcond=None)

    _ratio("ADC fit", best(lambda: fit_adc(series)), best(floor), "one least-squares pass")


def _stages(study: Path) -> None:
    from discmri import measure, read_study

    marks: list[tuple[str, float]] = []
    start = time.perf_counter()
    found = read_study(study)
    marks.append(("reading the headers", start))
    result = measure(found, progress=lambda text, _: marks.append((text, time.perf_counter())))
    marks.append(("writing", time.perf_counter()))
    with tempfile.TemporaryDirectory() as folder:
        result.write(Path(folder) / "out")
    marks.append(("", time.perf_counter()))
    for (name, begun), (_, ended) in itertools.pairwise(marks):
        print(f"  {name:45}{ended - begun:7.2f} s")


SEGMENT = """
import sys
import numpy as np
from discmri.measurement.segment import segment
from discmri.core.settings import Settings
from discmri.core.volume import Volume

stored = np.load(sys.argv[1])
found = segment(Volume(stored["array"], stored["affine"]), Settings(threads=2))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(len(found.discs), int(status["VmHWM"].split()[0]) // 1024)
"""


def _segmenting(folder: Path, quick: bool) -> None:
    """The built-in segmenter on 16 slices of 448 x 448, in a fresh process with two threads."""
    from discmri.phantoms import Protocol, PulseSequence, lumbar_spine, make_phantom

    protocol = Protocol(spacing_mm=0.6, fov_mm=(268.8, 268.8), slices=5 if quick else 16)
    image = make_phantom(lumbar_spine(seed=11)).image(PulseSequence.T2, protocol)
    path = folder / "image.npz"
    np.savez(path, array=image.array.astype(np.float32), affine=image.affine)
    shape = " x ".join(map(str, image.shape))
    times = []
    for _ in range(3):
        start = time.perf_counter()
        watched = subprocess.run(
            [sys.executable, "-c", SEGMENT, str(path)],
            check=True,
            capture_output=True,
            text=True,
        )
        times.append(time.perf_counter() - start)
    discs, peak = watched.stdout.split()
    print(
        f"segmenting {shape}, cold process: {min(times):.1f} s (aim 3, better 1.5), "
        f"{peak} MB (aim 1000), {discs} discs"
    )


def _cold(study: Path, out: Path) -> None:
    """The whole command in a fresh process, and ``--help``."""
    command = [sys.executable, "-m", "discmri"]
    start = time.perf_counter()
    subprocess.run(
        [*command, "measure", str(study), "-o", str(out), "--quiet"],
        check=True,
        capture_output=True,
    )
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"cold measure: {seconds:.1f} s (aim 8), {peak:.0f} MB (aim 1500)")
    shown = best(lambda: subprocess.run([*command, "--help"], check=True, capture_output=True))
    bare = best(lambda: subprocess.run([sys.executable, "-c", ""], check=True))
    print(f"--help: {1e3 * shown:.0f} ms (aim 300), bare interpreter {1e3 * bare:.0f} ms")
