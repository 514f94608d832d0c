"""Change every constant that decides something, one at a time, and see whether a test notices.

Run by hand: it takes minutes per module.

    python -m tests.constants --list
    python -m tests.constants trial/comparability measurement/qc

Each number in a module-level constant is doubled and halved (whole numbers: one more, one less)
in a copy of the package, and the tests named in :data:`TESTS` are run on the copy.  A change that
leaves them green is a survivor: write a test on that side of the constant, or name it in
:data:`EXEMPT` with the reason.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "discmri"

TESTS = {
    "trial/comparability": ("trial/test_comparability.py",),
    "measurement/qc": ("measurement/test_qc.py",),
    "study/adc_units": ("study/test_adc_units.py",),
    "validation/pairs": ("validation/test_validation.py",),
    "trial/contrast": ("trial/test_change.py",),
    "trial/noise": ("trial/test_change.py",),
    "trial/repeatability": ("trial/test_change.py",),
    "trial/registration": ("trial/test_registration.py",),
    "measurement/grading": ("measurement/test_grading.py",),
    "measurement/grade_features": ("measurement/test_grading.py",),
    "measurement/grade_model": ("measurement/test_grading.py",),
    "measurement/grade_signal": ("measurement/test_grading.py",),
    "measurement/regions": ("measurement/test_regions.py", "measurement/test_signal.py"),
    "measurement/uncertainty": ("measurement/test_uncertainty.py",),
    "measurement/adc/fit": ("measurement/test_adc.py",),
    "measurement/adc/disc": ("measurement/test_adc.py",),
    "measurement/adc/noise": ("measurement/test_adc.py",),
    "measurement/align/series": ("measurement/test_align.py",),
    "measurement/align/similarity": ("measurement/test_align.py",),
    "measurement/align/rigid": ("measurement/test_align.py",),
    "measurement/align/distortion": ("measurement/test_align.py",),
    "study/bvalues/__init__": ("study/bvalues",),
    "study/choose": ("study/test_roles.py", "study/test_diffusion.py"),
    "study/roles": ("study/test_roles.py", "study/test_traps.py"),
    "study/stack": ("study/test_geometry.py", "study/test_traps.py"),
    "reading/adjudication": ("reading/test_session.py", "reading/test_tables.py"),
    "reading/sequence": ("reading/test_sequence.py",),
    "results/height/stations": ("measurement/height", "measurement/test_uncertainty.py"),
    "core/grade": ("core/test_grade.py",),
    "core/tables": ("core/test_tables.py",),
    "cohort/workers": ("cohort/test_workers.py",),
    "cohort/studies": ("cohort/test_studies.py",),
    "cohort/isolated": ("cohort/test_isolated.py",),
}
"""Modules that decide something, and the tests that must notice."""

EXEMPT = {
    "trial/contrast:_SEED": "any seed draws from the same distribution",
    "trial/contrast:MOST_PERMUTATIONS": "how long an exact answer may take; the sampled one agrees",
    "cohort/workers:_PATIENCE_S": "how long to wait for a scheduler",
    "trial/registration:_STEP_MM": "how finely pictures are compared",
    "cohort/workers:_FIRST_WORKER_S": "how long to wait for a worker",
    "cohort/isolated:_POLL_S": "how often a process is looked at",
    "measurement/adc/fit:CHUNK": "voxels that are fitted at a time",
    "measurement/adc/noise:ENOUGH_VOXELS": "how many voxels a median is taken of",
}
"""Constants that no result depends on, with the reason."""


@dataclass(frozen=True)
class Change:
    """One number of one constant, and what it is changed to."""

    module: str
    name: str
    line: int
    start: int
    stop: int
    old: str
    new: str

    def __str__(self) -> str:
        """As one line of a list."""
        return f"{self.module}:{self.line} {self.name}: {self.old} → {self.new}"

    def applied(self, text: str) -> str:
        """The source of the module with the change; offsets count bytes of UTF-8."""
        lines = text.encode().splitlines(keepends=True)
        whole = lines[self.line - 1]
        lines[self.line - 1] = whole[: self.start] + self.new.encode() + whole[self.stop :]
        return b"".join(lines).decode()


def changes(module: str) -> Iterator[Change]:
    """Every change of every number in the module-level constants of a module."""
    tree = ast.parse((SOURCE / f"{module}.py").read_text(encoding="utf-8"))
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        else:
            continue
        name = ", ".join(ast.unparse(target) for target in targets)
        if f"{module}:{name}" in EXEMPT or not name.strip("_(").isupper():
            continue
        for node in _numbers(value):
            for new in _others(node.value):
                yield Change(
                    module, name, node.lineno, node.col_offset, node.end_col_offset or 0,
                    repr(node.value), repr(new),
                )  # fmt: skip


def _numbers(value: ast.expr) -> Iterator[ast.Constant]:
    for node in ast.walk(value):
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield node


def _others(value: float) -> tuple[float, ...]:
    if isinstance(value, int):
        return value + 1, value - 1
    return (value * 2, value / 2) if value else (1.0,)


def survives(change: Change, copy: Path) -> bool:
    """Whether the tests stay green on a copy of the package with one change."""
    path = copy / "discmri" / f"{change.module}.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(change.applied(text), encoding="utf-8")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header",
             *(str(ROOT / "tests" / one) for one in TESTS[change.module])],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True, check=False,
        )  # fmt: skip
    finally:
        path.write_text(text, encoding="utf-8")
    return done.returncode == 0


def main(arguments: list[str] | None = None) -> int:
    """Try the changes of the modules that are named; 1 where any survives."""
    parser = argparse.ArgumentParser(prog="python -m tests.constants", description=__doc__)
    parser.add_argument("modules", nargs="*", choices=[*TESTS, []], metavar="MODULE")
    parser.add_argument("--list", action="store_true", help="list the changes, run nothing")
    asked = parser.parse_args(arguments)
    every = [one for module in asked.modules or TESTS for one in changes(module)]
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(SOURCE, copy / "discmri", ignore=shutil.ignore_patterns("__pycache__"))
        for one in every:
            alive = not asked.list and survives(one, copy)
            survivors += alive
            if alive or asked.list:
                sys.stdout.write(f"{'' if asked.list else 'survives: '}{one}\n")
                sys.stdout.flush()
    sys.stdout.write(f"{len(every)} changes, {survivors} survive\n")
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main())
