"""Change every constant that decides something, one at a time, and see whether a test notices.

Run by hand: it takes seconds to minutes per module.

    python -m tests.constants --list
    python -m tests.constants trial/comparability measurement/qc:SOFT_EDGE_MM study/stack:"same_grid()"

Each number in a module-level constant, in a default of a dataclass and in a comparison within a function
is doubled and halved (small whole numbers: one more, one less) in a copy of the package, and the tests named in :data:`TESTS` are run on the copy, those that
noticed the last changes first.  A change that leaves them green is a survivor: write a test on
that side of the constant, or name it in :data:`EXEMPT` with the reason.

The libraries are imported once; each run of the tests is a fork, so this needs POSIX.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.deciding import deciding

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "discmri"

_DEFINITION = ("measurement/height", "trial/test_change.py", "measurement/test_uncertainty.py")

_OUTLINE = ("measurement/test_outline_decisions.py", "measurement/test_outline.py")

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
    "measurement/grade_signal": ("measurement/test_grade_signal.py",),
    "measurement/regions": ("measurement/test_regions.py", "measurement/test_signal.py"),
    "measurement/uncertainty": ("measurement/test_uncertainty.py",),
    "measurement/adc/fit": ("measurement/test_adc.py",),
    "measurement/adc/disc": ("measurement/test_adc.py",),
    "measurement/adc/noise": ("measurement/test_adc_noise.py",),
    "measurement/align/series": ("measurement/test_align_decisions.py",),
    "measurement/align/similarity": ("measurement/test_align_decisions.py",),
    "measurement/align/rigid": ("measurement/test_align_decisions.py",),
    "measurement/align/distortion": ("measurement/test_align_decisions.py",),
    "study/bvalues/__init__": ("study/bvalues",),
    "study/choose": ("study/test_roles.py", "study/test_diffusion.py"),
    "study/roles": ("study/test_roles.py", "study/test_traps.py"),
    "study/stack": ("study/test_geometry.py", "study/test_traps.py"),
    "reading/adjudication": ("reading/test_session.py", "reading/test_tables.py"),
    "reading/sequence": ("reading/test_sequence.py",),
    "results/height/stations": _DEFINITION,
    "core/grade": ("core/test_grade.py",),
    "core/tables": ("core/test_tables.py",),
    "core/second_process": ("core/test_second_process.py",),
    "core/diffusion": ("core/test_volume.py", "measurement/test_adc.py"),
    "core/settings": ("core/test_settings.py", "measurement/test_grading.py"),
    "core/volume": ("core/test_volume.py",),
    "cohort/workers": ("cohort/test_workers.py",),
    "cohort/studies": ("cohort/test_studies.py",),
    "cohort/isolated": ("cohort/test_isolated.py",),
    "agreement/__init__": ("agreement/test_statistics.py", "agreement/test_report.py"),
    "agreement/bland_altman": ("agreement/test_statistics.py",),
    "agreement/bootstrap": ("agreement/test_statistics.py",),
    "agreement/drift": ("agreement/test_drift.py",),
    "agreement/random_raters": ("agreement/test_random_raters.py",),
    "agreement/ratings": ("agreement/test_comparisons.py",),
    "core/levels": ("core/test_levels.py", "core/test_labels.py"),
    "cohort/bids": ("cohort/test_bids.py",),
    "measurement/junction": ("measurement/test_junction.py",),
    "measurement/junction_signs": (
        "measurement/test_junction_decisions.py",
        "measurement/test_junction.py",
    ),
    "measurement/numbering": ("measurement/test_numbering.py",),
    "measurement/outline/contours": _OUTLINE,
    "measurement/outline/corners": _OUTLINE,
    "measurement/outline/orientation": _OUTLINE,
    "measurement/outline/painting": ("measurement/test_outline_decisions.py",),
    "measurement/outline/tracing": _OUTLINE,
    "measurement/picture_edge": ("measurement/test_picture_decisions.py",),
    "measurement/segment/anatomy": (
        "measurement/segment/test_decisions.py",
        "measurement/segment/test_masks.py",
    ),
    "measurement/segment/builtin": ("measurement/segment/test_builtin_decisions.py",),
    "measurement/segment/column": (
        "measurement/segment/test_decisions.py",
        "measurement/segment/test_builtin_decisions.py",
    ),
    "measurement/segment/fused": ("measurement/segment/test_fused.py",),
    "measurement/segment/joint": (
        "measurement/segment/test_decisions.py",
        "measurement/segment/test_masks.py",
    ),
    "measurement/segment/masks": (
        "measurement/segment/test_decisions.py",
        "measurement/segment/test_masks.py",
    ),
    "measurement/segment/network": (
        "measurement/segment/test_decisions.py",
        "measurement/segment/test_builtin.py",
    ),
    "measurement/segment/network_slices": (
        "measurement/segment/test_decisions.py",
        "measurement/segment/test_builtin.py",
    ),
    "measurement/segment/pieces": (
        "measurement/segment/test_decisions.py",
        "measurement/segment/test_pieces.py",
    ),
    "measurement/segment/remnant": ("measurement/segment/test_remnant.py",),
    "measurement/segment/schemes/spider": (
        "measurement/segment/test_decisions.py",
        "measurement/segment/test_masks.py",
    ),
    "measurement/segment/schemes/spineps": (
        "measurement/segment/test_decisions.py",
        "measurement/segment/test_masks.py",
    ),
    "measurement/segment/schemes/totalsegmentator": (
        "measurement/segment/test_decisions.py",
        "measurement/segment/test_masks.py",
    ),
    "measurement/segment/schemes/totalspineseg": (
        "measurement/segment/test_decisions.py",
        "measurement/segment/test_masks.py",
    ),
    "measurement/segment/weights/__init__": (
        "measurement/segment/test_builtin.py",
        "measurement/test_uncertainty.py",
    ),
    "measurement/signal/comparators": ("measurement/test_comparators.py",),
    "measurement/signal/bias_field": ("measurement/test_comparators.py",),
    "measurement/signal/histogram": ("measurement/test_comparators.py",),
    "measurement/signal/disc": ("measurement/test_signal.py",),
    "measurement/t1_heights": ("measurement/test_picture_decisions.py",),
    "results/decisions": ("results/test_decisions.py",),
    "results/dicom/parametric": (
        "results/dicom/test_source.py",
        "results/dicom/test_objects.py",
    ),
    "results/dicom/source": ("results/dicom/test_source.py",),
    "results/face": (
        "measurement/test_outline_decisions.py",
        "measurement/test_shape.py",
        "measurement/test_outline.py",
    ),
    "results/grade_text": (
        "results/test_grade_text.py",
        "results/export/test_report.py",
    ),
    "results/height/area": _DEFINITION,
    "results/height/columns": _DEFINITION,
    "results/height/definition": ("measurement/test_uncertainty.py",),
    "results/height/dabbs": _DEFINITION,
    "results/height/hurxthal": _DEFINITION,
    "results/height/index_ap": _DEFINITION,
    "results/height/index_vb": _DEFINITION,
    "results/height/published": ("trial/test_change.py",),
    "results/height/three_d": _DEFINITION,
    "results/height/three_point": _DEFINITION,
    "results/label_map": ("results/export/test_labels_nifti.py",),
    "results/schema/__init__": ("results/export/test_study_json.py",),
    "results/records": ("results/test_records.py", "results/export/test_csv.py"),
    "study/assemble": ("study/test_diffusion.py", "study/test_geometry.py"),
    "study/header": (
        "study/test_header.py",
        "study/test_alike.py",
        "study/bvalues",
        "study/test_diffusion.py",
        "study/test_enhanced.py",
        "study/test_mosaic.py",
        "study/test_traps.py",
    ),
    "study/bvalues/ge": ("study/bvalues",),
    "study/bvalues/private": ("study/bvalues",),
    "study/bvalues/philips": ("study/bvalues",),
    "study/bvalues/standard": ("study/bvalues",),
    "study/closeness": ("study/test_series.py", "study/test_geometry.py"),
    "study/deidentify": ("study/test_deidentify.py",),
    "study/extent": ("study/test_extent.py",),
    "study/identity": ("study/test_geometry.py", "study/test_series.py", "study/test_traps.py"),
    "study/mosaic": ("study/test_mosaic.py",),
    "study/nifti": ("study/test_nifti.py", "study/test_formats.py"),
    "study/nifti_header": ("study/test_nifti.py",),
    "study/parts": ("study/test_strays.py", "study/test_traps.py", "study/test_geometry.py"),
    "study/pixels": ("study/test_caps.py",),
    "study/region": ("study/test_roles.py",),
    "study/scan": (
        "study/test_alike.py",
        "study/test_caps.py",
        "study/test_formats.py",
        "study/test_traps.py",
    ),
    "study/series": ("study/test_geometry.py", "study/test_series.py"),
    "study/source": ("study/test_caps.py",),
    "study/strays": ("study/test_strays.py",),
    "trial/conditions": ("trial/test_comparability.py",),
    "trial/power": ("trial/test_power.py",),
    "trial/diurnal": ("trial/test_change.py",),
    "trial/groups": ("trial/test_groups.py",),
    "trial/inference": ("trial/test_inference.py",),
    "trial/listing": ("trial/test_listing.py",),
    "trial/values": ("trial/test_change.py", "trial/test_values_table.py"),
    "validation/doctor": ("validation/test_doctor.py",),
    "validation/limits": ("validation/test_limits.py",),
}
"""Modules that decide something, and the tests that must notice."""

EXEMPT = {
    "measurement/segment/builtin:_AROUND_PX": "more than a border is wide",
    "measurement/t1_heights:_STEP_MM": "how finely a profile is sampled",
    "reading/sequence:_ATTEMPTS": "how long an order is searched",
    "measurement/segment/masks:_LISTED": "how many numbers a sentence lists",
    "measurement/outline/painting:_RIM_VOXELS": "more than the smoothing of a change reaches",
    "measurement/outline/painting:_MARGIN_VOXELS": "empty voxels around a mask",
    "results/face:_STEP_MM": "how finely a face is sampled",
    "results/face:_THROUGH_STEP_MM": "how finely a face is sampled",
    "measurement/align/similarity:_POINTS_AT_A_TIME": "how many points are compared at a time",
    "measurement/align/similarity:BEYOND_MM": "any margin larger than the shifts that are tried",
    "measurement/align/rigid:SEARCH_STEP_MM": "how finely shifts are tried before they are refined",
    "measurement/align/rigid:FINE_STEP_MM": "how finely shifts are tried before they are refined",
    "measurement/align/rigid:SEARCH_POINTS": "how many voxels are compared",
    "measurement/align/rigid:REGISTRATION_POINTS": "how many voxels are compared",
    "measurement/align/rigid:ITERATIONS": "how long a registration may take",
    "measurement/align/rigid:TRIES": "how long a registration may take",
    "measurement/align/rigid:LEAST_GAIN": "how long a registration may take",
    "measurement/align/distortion:PHASE_STEP_MM": "how finely shifts are tried before they are refined",
    "measurement/align/distortion:RESIDUAL_STEP_MM": "how finely shifts are tried before they are refined",
    "measurement/align/distortion:PATCH_POINTS": "how many voxels are compared",
    "measurement/outline/contours:COLUMN_STEP": "how finely a section is sampled",
    "measurement/outline/contours:_SHARES": "how finely outlines of slices are compared",
    "measurement/outline/corners:_STEP_MM": "how finely walls and endplates are sampled",
    "measurement/outline/corners:_WALL_FROM_MM": "fits leave out what lies off the rest anyway",
    "measurement/outline/corners:_RIM_GAP_MM": "fits leave out what lies off the rest anyway",
    "measurement/outline/corners:_WALL_SLACK_MM": "where the search for a wall starts",
    "measurement/signal/comparators:_presacral_fat()": "any high percentile",
    "measurement/signal/comparators:_bright()": "any high percentile",
    "measurement/signal/bias_field:_uniform_tissues()": "any high percentile",
    "measurement/adc/noise:_noise_of_air()": "how exactly an estimate has converged",
    "agreement/bootstrap:Resampling.resamples": "how finely an interval is drawn",
    "core/settings:Settings.threads": "how many processors are used",
    "study/header:_UNSET_FROM": "any number beyond those of images, below those of unset values",
    "trial/inference:permuted_arms()": "a tolerance for sums of floats",
    "trial/inference:_student()": "a tolerance for sums of floats",
    "trial/listing:_out_of_step()": "a week has seven days",
    "study/bvalues/philips:_UNSET": "any number between b-values and the mark of 1.7e38",
    "agreement/bootstrap:_ROUNDING": "a tolerance for sums of floats",
    "agreement/random_raters:_ROUNDING": "a tolerance for sums of floats",
    "agreement/random_raters:DRAWS": "any number of draws draws from the same distribution",
    "trial/comparability:_SECOND_H": "a tolerance for sums of floats, with tests at 0.9 and 1.1 s",
    "measurement/uncertainty:_PHASES": "how finely shifts within a voxel are averaged over",
    "cohort/workers:_CONNECT_S": "how long to wait for a scheduler",
    "trial/registration:_STEP_MM": "how finely pictures are compared",
    "cohort/workers:_FIRST_WORKER_S": "how long to wait for a worker",
    "cohort/isolated:_POLL_S": "how often a process is looked at",
    "measurement/adc/fit:CHUNK": "voxels that are fitted at a time",
    "study/source:_CHUNK": "bytes that are unpacked at a time",
    "measurement/adc/noise:ENOUGH_VOXELS": "how many voxels a median is taken of",
}
"""Constants that no result depends on, with the reason."""


LEFT_OUT = {
    "agreement/plots": "how plots look",
    "cli/": "what an option accepts, and how long to wait for a terminal",
    "cohort/batch": "how a time is written",
    "measurement/pipeline": "shares of a progress bar",
    "napari/": "how the viewer looks, and how long it waits",
    "phantoms/": "what synthetic scans are made of, and with them their truth",
    "reading/database": "how long to wait for a lock",
    "reading/entry": "what the first entry stands on; a journal is compared with itself",
    "reading/integrity": "how many problems are listed",
    "reading/journal": "how much room is reserved on the disk, and how long a seal is",
    "reading/lease": "how long to wait for another process",
    "reading/practice": "what the practice case shows",
    "reading/schema": "widths of columns",
    "reading/tables": "which columns are written",
    "reading/verification": "how many problems are listed",
    "results/dicom/conform": "how long a text may be",
    "results/dicom/pages": "layout of a page",
    "results/dicom/paper": "layout of a page, and the widths of its letters",
    "results/names": "a part of a label",
    "results/pictures/": "how pictures look",
    "results/report_text": "how many words a line holds",
    "simulation/": "what synthetic trials are made of, and with them their truth",
    "study/jpeg": "how long to wait for a decoder",
    "study/study": "how many threads read",
    "study/peek": "tags, which a folder is sorted by before it is read",
    "trial/answer": "how a p is written",
    "trial/grades": "how many occasions a table may have",
    "trial/drawn": "what synthetic scans are made of",
    "trial/pictures": "how pictures look",
    "trial/redcap": "a list of columns",
    "trial/report": "how plots look",
    "validation/qualify": "which phantoms are measured; the limits stand in validation/limits",
}
"""Modules and folders whose numbers no measured value or finding depends on, with the reason."""


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
    """Every change of every number that decides something in a module."""
    source = (SOURCE / f"{module}.py").read_text(encoding="utf-8")
    for name, node in deciding(ast.parse(source), source):
        if f"{module}:{name}" not in EXEMPT:
            for new in _others(node.value):
                yield Change(
                    module, name, node.lineno, node.col_offset, node.end_col_offset or 0,
                    repr(node.value), repr(new),
                )  # fmt: skip


_LARGE = 100
"""From here on, whole numbers are doubled and halved too: one more or less decides nothing."""


def _others(value: float) -> tuple[float, ...]:
    if isinstance(value, int):
        return (value * 2, value // 2) if value >= _LARGE else (value + 1, value - 1)
    return (value * 2, value / 2) if value else (1.0,)


@dataclass(eq=False)  # pytest keeps plugins in sets
class _Watch:
    """A pytest plugin: tests named in ``first`` run first; ``failed`` and ``source`` are kept."""

    first: Sequence[str] = ()
    failed: list[str] = field(default_factory=list)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        rank = {name: number for number, name in enumerate(self.first)}
        items.sort(key=lambda item: rank.get(item.nodeid, len(rank)))

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(report.nodeid)


class Copy:
    """A copy of the package, on which tests are run in forks of this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.first: list[str] = []
        self.reply, self.log = folder / "reply.json", folder / "log.txt"
        shutil.copytree(SOURCE, folder / "discmri", ignore=shutil.ignore_patterns("__pycache__"))

    def prepare(self, module: str) -> None:
        """Import what the tests of a module import besides discmri, and see them green.

        Raises
        ------
        RuntimeError
            If a test fails without any change, or does not test the copy.
        """
        self.first = []
        if failed := self.failures(module):
            raise RuntimeError(f"{module}: red without a change: {', '.join(failed)}")
        reply = json.loads(self.reply.read_text(encoding="utf-8"))
        if Path(reply["source"]) != self.folder / "discmri" / "__init__.py":
            raise RuntimeError(f"{module}: the tests run on {reply['source']}, not on the copy")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in reply["libraries"]:
                importlib.import_module(name)

    def survives(self, change: Change) -> bool:
        """Whether the tests stay green with one change."""
        path = self.folder / "discmri" / f"{change.module}.py"
        text = path.read_text(encoding="utf-8")
        try:
            self._write(path, change.applied(text))
            failed = self.failures(change.module)
        finally:
            self._write(path, text)
        self.first = [*failed, *(one for one in self.first if one not in failed)]
        return not failed

    def failures(self, module: str) -> list[str]:
        """The first test that fails, or nothing; a run of ten minutes counts as failed."""
        self.reply.unlink(missing_ok=True)
        process = os.fork()
        if process == 0:
            try:
                signal.alarm(600)
                self._test(module)
            finally:  # the tests end the process unless they cannot be run
                traceback.print_exc()
                os._exit(_BROKEN)
        _, status = os.waitpid(process, 0)
        if os.waitstatus_to_exitcode(status) == _BROKEN:
            raise RuntimeError(f"{module}: the tests cannot be run: {self.log.read_text()}")
        if not self.reply.exists():
            return ["(no test: the process ended)"]
        failed: list[str] = json.loads(self.reply.read_text(encoding="utf-8"))["failed"]
        return failed or (["(no test: pytest failed)"] if status else [])

    @staticmethod
    def _write(path: Path, text: str) -> None:
        """Write a module; bytecode tells two versions apart by second and size only."""
        path.write_text(text, encoding="utf-8")
        for cached in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            cached.unlink()

    def _test(self, module: str) -> None:
        """Run the tests of a module in this process, which ends here."""
        os.chdir(ROOT)
        sys.path.insert(0, str(self.folder))
        os.environ["PYTHONPATH"] = str(self.folder)
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        watch = _Watch(self.first)
        tests = [str(ROOT / "tests" / one) for one in TESTS[module]]
        options = ["-x", "-q", "-p", "no:cacheprovider", "-W", _IMPORTED_BEFORE]
        options += ["--basetemp", str(self.folder / "tmp")]
        status = int(pytest.main([*options, *tests], plugins=[watch]))
        libraries = [name for name in sys.modules if name.split(".")[0] in _LIBRARIES]
        source = getattr(sys.modules.get("discmri"), "__file__", "")
        reply = {"failed": watch.failed, "source": source, "libraries": libraries}
        self.reply.write_text(json.dumps(reply), encoding="utf-8")
        os._exit(status)


_LIBRARIES = {
    "PIL", "hypothesis", "jinja2", "matplotlib", "msgspec", "nibabel", "numpy", "pandas", "pydicom",
    "scipy", "skimage",
}  # fmt: skip
"""Imported once for all changes: their import takes longer than most tests."""

_IMPORTED_BEFORE = "ignore::pytest.PytestAssertRewriteWarning"
_BROKEN = 70
"""Exit status of a process in which pytest itself could not be run."""


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Try the changes of the modules or constants that are named; 1 where any survives."""
    parser = argparse.ArgumentParser(prog="python -m tests.constants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="MODULE[:CONSTANT]")
    parser.add_argument("--list", action="store_true", help="list the changes, run nothing")
    asked = parser.parse_args(arguments)
    named = [name.partition(":")[::2] for name in asked.names or TESTS]
    if unknown := {module for module, _ in named} - TESTS.keys():
        parser.error(f"not in TESTS: {', '.join(sorted(unknown))}")
    tried = survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder).resolve())
        for module, constant in named:
            every = [one for one in changes(module) if constant in ("", one.name)]
            if every and not asked.list:
                copy.prepare(module)
            for one in every:
                alive = not asked.list and copy.survives(one)
                tried, survivors = tried + 1, survivors + alive
                if alive or asked.list:
                    _tell(f"{'' if asked.list else 'survives: '}{one}")
            if not asked.list:
                _tell(f"{module}: {len(every)} changes")
    _tell(f"{tried} changes, {survivors} survive")
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main())
