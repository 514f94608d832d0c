"""What a batch costs beside bare calls: throughput, overhead, memory, resuming.

Every figure is a ratio or a course within one run; the best of interleaved repeats is printed,
since other load can only slow a run down.  Processor time tells the overhead on a busy machine,
where the time of the clock tells little.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.studies import full_study
from discmri.cohort import Limits, Workers, find_cohort, run_batch
from discmri.cohort.batch import plan
from discmri.cohort.inputs import digest, input_files, stamp
from discmri.cohort.measuring import RunRecord
from discmri.core.settings import Settings
from discmri.phantoms import Protocol, PulseSequence, SpineOptions, lumbar_spine, make_phantom
from discmri.phantoms.folder import write_phantom

SETTINGS = Settings(formats=("csv", "json"))
_MASKED = replace(SETTINGS, segmenter="masks")


def main(quick: bool = False) -> None:
    """Print throughput, overhead, memory and the time to resume."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        study = full_study(root, small=True)
        _throughput(study, root, 4 if quick else 8, repeats=1 if quick else 3)
        _memory(root, 12 if quick else 200)
        _resume(study, root, 50 if quick else 1000)


def _throughput(study: Path, root: Path, studies: int, repeats: int) -> None:
    listed = _list(root / "list.csv", [study] * studies)
    cohort = find_cohort(listed)

    def batch(workers: int) -> Callable[[], object]:
        out = root / f"out-{workers}"
        return lambda: (
            shutil.rmtree(out, ignore_errors=True),
            run_batch(cohort, out, SETTINGS, Workers(workers)),
        )

    def bare() -> None:
        for n in range(studies):
            command = [sys.executable, "-m", "discmri", "measure", str(study), "--quiet"]
            options = ["--threads", "1", "--format", "csv", "-o", str(root / f"bare-{n}")]
            subprocess.run(
                [*command, *options, "--overwrite"], check=True, capture_output=True,
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip

    names = {"1 worker": batch(1), "2 workers": batch(2), "bare measure calls": bare}
    best = dict.fromkeys(names, float("inf"))
    spent = dict.fromkeys(names, float("inf"))
    for _ in range(repeats):
        for name, work in names.items():
            start, before = time.perf_counter(), _processor_s()
            work()
            best[name] = min(best[name], time.perf_counter() - start)
            spent[name] = min(spent[name], _processor_s() - before)
    for name, seconds in best.items():
        print(
            f"{name}: {studies} studies in {seconds:.1f} s, {60 * studies / seconds:.1f} a minute, "
            f"{spent[name]:.1f} s of processor time"
        )
    speedup = best["1 worker"] / best["2 workers"]
    print(f"2 workers are {speedup:.2f} times as fast as 1 (aim 1.8)")
    overhead = best["1 worker"] / best["bare measure calls"] - 1
    work_more = spent["1 worker"] / spent["bare measure calls"] - 1
    print(
        f"a batch on 1 worker takes {100 * overhead:+.0f} % time and {100 * work_more:+.0f} % "
        "processor time against bare calls (aim +10 %)"
    )


def _processor_s() -> float:
    """Processor time of this process and all that it waited for."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def _memory(root: Path, studies: int) -> None:
    """Resident memory of a Dask worker while it measures many studies."""
    import psutil

    protocol = Protocol(
        sequences=(PulseSequence.T2,), spacing_mm=1.2, slices=5, slice_thickness_mm=5.0, gap_mm=0.5,
        fov_mm=(160.0, 260.0),
    )  # fmt: skip
    phantom = make_phantom(lumbar_spine(SpineOptions(grades=[2, 3, 4, 5, 7]), seed=4))
    write_phantom(phantom, root / "tiny", "siemens", protocol)
    listed = root / "many.csv"
    line = f"{root / 'tiny/study'},{root / 'tiny/labels.nii.gz'}"
    rows = [f"s{n},{line}" for n in range(studies)]
    listed.write_text("\n".join(["id,path,masks", *rows]) + "\n", encoding="utf-8")
    course: list[tuple[int, float]] = []
    me = psutil.Process()

    def sample(done: int) -> None:
        largest = 0
        for child in me.children(recursive=True):
            try:
                if "discmri.cohort.child" not in child.cmdline():
                    largest = max(largest, child.memory_info().rss)
            except psutil.NoSuchProcess:
                continue
        course.append((done, largest / 2**20))

    run_batch(
        find_cohort(listed), root / "many", _MASKED, Workers(2), None,
        lambda tally: sample(tally.done),
    )  # fmt: skip
    steps = [max(1, studies * n // 4) for n in range(5)]
    shown = ", ".join(f"{course[min(n, len(course) - 1)][1]:.0f} MB after {n}" for n in steps)
    print(f"largest worker over {studies} studies: {shown}")


def _resume(study: Path, root: Path, studies: int) -> None:
    """Finish a finished cohort: copies of a study, one measured, its results for all."""
    folders = []
    for n in range(studies):
        copy = root / "copies" / f"c{n:04d}"
        shutil.copytree(study, copy, copy_function=os.link)
        folders.append(copy)
    out = root / "resumed"
    files = sum(1 for _ in folders[0].rglob("*.dcm"))
    first = _list(root / "one.csv", folders[:1])
    run_batch(find_cohort(first), out, SETTINGS, Workers(1))
    (result,) = (out / "studies").iterdir()
    cohort = find_cohort(root / "copies")
    (known,) = (out / ".batch").glob("*.json")
    note = RunRecord(**json.loads(known.read_text(encoding="utf-8")))
    for job in plan(cohort, out, SETTINGS, Limits()).jobs:
        shutil.copytree(result, job.folder)
        own = input_files(job.entry.path)
        fresh = replace(note, stamp=stamp(own), digest=digest(own), context=job.context)
        job.note.write_text(json.dumps(asdict(fresh)), encoding="utf-8")
    start = time.perf_counter()
    found = find_cohort(root / "copies")
    looked = time.perf_counter()
    finished = run_batch(found, out, SETTINGS, Workers(1))
    ended = time.perf_counter()
    assert finished.kept == studies, "every study was to be kept"
    print(
        f"finished cohort of {studies} studies of {files} files again: {ended - start:.1f} s "
        f"(finding them {looked - start:.1f} s, comparing and tables {ended - looked:.1f} s)"
    )


def _list(path: Path, studies: list[Path]) -> Path:
    lines = [f"s{n:04d},{study}" for n, study in enumerate(studies)]
    path.write_text("\n".join(["id,path", *lines]) + "\n", encoding="utf-8")
    return path
