"""Costs of this tree and an older one: ``python -m benchmarks.paired OLD_TREE [STUDY …]``.

Both measure the same studies cold, one after the other, so that other load hits both alike.
Processor time tells more than the clock on a shared machine; ratios tell more than either.
Without a study it is a phantom with T2, T1 and diffusion, and its T2 alone.  Make the old tree by
``git worktree add OLD_TREE COMMIT``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.studies import full_study

NEW = Path(__file__).parents[1]

STAGES = """
import json, sys, time
marks = [("imports, headers", time.process_time())]
import discmri
from discmri.core.settings import Settings
from discmri.measurement.pipeline import STEPS
study = discmri.read_study(sys.argv[1])
steps = discmri.StudySteps(study, Settings(threads=1))
for step in STEPS:
    marks.append((step, time.process_time()))
    getattr(steps, step)
marks.append(("files", time.process_time()))
steps.result.write(sys.argv[2])
marks.append(("", time.process_time()))
print(json.dumps([(name, end - start) for (name, start), (_, end) in zip(marks, marks[1:])]))
"""


@dataclass(frozen=True)
class Cost:
    """What one cold measurement took: s of the clock, s of the processor, MiB."""

    wall_s: float
    processor_s: float
    memory_mib: float


def main(old: Path, studies: Sequence[Path], repeats: int) -> None:
    """Print costs, stages and differing cells of both trees."""
    trees = {"old": old, "new": NEW}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if not studies:
            # in another process: the peak of this one would count as that of the processes it starts
            with ProcessPoolExecutor(1, get_context("spawn")) as making:
                whole = making.submit(full_study, root).result()
            studies = [whole, whole / "01_t2"]
        for study in studies:
            print(f"\n{study.name}")
            costs: dict[str, list[Cost]] = {name: [] for name in trees}
            for _ in range(repeats):
                for name, tree in trees.items():
                    costs[name].append(_measured(tree, study, root / name))
            _print_costs(costs)
            print(_differing(root / "old" / "discs.csv", root / "new" / "discs.csv"))
            stages = {name: _stages(tree, study, root) for name, tree in trees.items()}
            for stage, seconds in stages["new"].items():
                print(f"  {stage:20}{stages['old'].get(stage, 0.0):8.2f}{seconds:8.2f} CPU-s")


def _environment(tree: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(tree / "src")}


def _measured(tree: Path, study: Path, out: Path) -> Cost:
    command = [sys.executable, "-m", "discmri", "measure", str(study), "-o", str(out)]
    start = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--quiet", "--overwrite"], env=_environment(tree), stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{tree} ended with {process.returncode}")
    seconds = time.perf_counter() - start
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _print_costs(costs: Mapping[str, Sequence[Cost]]) -> None:
    best = {
        name: [min(getattr(one, what) for one in found) for what in vars(found[0])]
        for name, found in costs.items()
    }
    for name, (wall, processor, memory) in best.items():
        print(f"{name}: {wall:6.2f} s, {processor:6.2f} CPU-s, {memory:5.0f} MiB")
    ratios = [new / old for new, old in zip(best["new"], best["old"], strict=True)]
    print("new/old: " + ", ".join(f"{ratio:.2f}" for ratio in ratios))


def _differing(old: Path, new: Path) -> str:
    """How many cells of two tables differ, and in which columns; equal columns are compared."""
    (before, _), (after, columns) = (_cells(path) for path in (old, new))
    same_place = before.keys() & after.keys()
    changed = [place for place in same_place if before[place] != after[place]]
    names = [column for column in columns if column in {place[1] for place in changed}]
    found = f"{len(changed)} of {len(same_place)} cells differ"
    return f"{found}: {', '.join(names)}" if names else found


def _cells(path: Path) -> tuple[dict[tuple[str, str], str], list[str]]:
    """Cells by level and column as they are printed, and the columns."""
    header, *rows = (line.split(",") for line in path.read_text(encoding="utf-8").splitlines())
    level = header.index("level")
    return {
        (row[level], name): cell for row in rows for name, cell in zip(header, row, strict=True)
    }, header


def _stages(tree: Path, study: Path, root: Path) -> dict[str, float]:
    """CPU-s of each stage on one thread; empty where the tree has no such stages yet."""
    with tempfile.TemporaryDirectory(dir=root) as folder:
        done = subprocess.run(
            [sys.executable, "-c", STAGES, str(study), str(Path(folder) / "out")],
            env=_environment(tree) | {"OPENBLAS_NUM_THREADS": "1"},
            check=False,
            capture_output=True,
            text=True,
        )
    return {} if done.returncode else dict(json.loads(done.stdout))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paired", description=__doc__)
    parser.add_argument("old", type=Path, help="the older tree, a checkout of this repository")
    parser.add_argument("studies", type=Path, nargs="*")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    main(arguments.old.resolve(), arguments.studies, arguments.repeats)
