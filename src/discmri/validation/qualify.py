"""A site's acceptance test: a fixed set of phantoms, measured and compared with limits."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from discmri.cohort.batch import run_batch
from discmri.cohort.studies import Cohort, find_cohort
from discmri.cohort.workers import Workers
from discmri.core.errors import UsageError
from discmri.core.files import atomic_file
from discmri.core.levels import DiscLevel
from discmri.core.pages import render
from discmri.core.progress import ProgressCallback
from discmri.core.settings import Settings
from discmri.core.software import changed_files, package_sha256, unrecorded_files, versions
from discmri.measurement.segment.weights import weights_sha256
from discmri.phantoms import Protocol, SpineOptions
from discmri.phantoms import PulseSequence as Series
from discmri.phantoms.population import Member
from discmri.results.jsonable import dumps
from discmri.simulation.cohort import make_cohort
from discmri.validation.limits import LIMITS, Limit
from discmri.validation.validate import Validation, validate, write_validation

SCHEMA_NAME = "discmri-qualification-1"
SEGMENTERS = {"masks": "studies_with_masks.csv", "builtin": "studies.csv"}
_FORMATS = ("csv", "json", "nifti")


def _scan(spacing_mm: float, thickness_mm: float, **changes: object) -> Protocol:
    base = Protocol(
        sequences=(Series.T2, Series.DWI, Series.ADC),
        spacing_mm=spacing_mm,
        slice_thickness_mm=thickness_mm,
        gap_mm=round(0.1 * thickness_mm, 2),
        slices=round(60 / (1.1 * thickness_mm)),
        fov_mm=(240.0, 275.0),
        snr=30.0,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


PHANTOMS: tuple[Member, ...] = (
    Member("siemens", 101, SpineOptions(grades=[1, 2, 3, 4, 5]), "siemens", _scan(0.8, 4.0), "none"),
    Member("siemens-enhanced", 102, SpineOptions(grades=[2, 3, 4, 6, 7]), "siemens-enhanced",
           _scan(0.7, 4.5, field_strength_t=3.0), "none"),
    Member("ge", 103, SpineOptions(grades=[3, 4, 5, 6, 8], scoliosis_deg=12.0), "ge",
           _scan(0.9, 4.0, oblique_deg=(5.0, -3.0, 2.0)), "jpeg-ls"),
    Member("philips", 104, SpineOptions(grades=[1, 3, "4/7", 6, 5]), "philips",
           _scan(0.8, 5.0, b_values=(50.0, 400.0, 800.0)), "none"),
    Member("philips-classic", 105, SpineOptions(grades=[2, 2, 5, 8, 7]), "philips-classic",
           _scan(1.0, 3.5, trace=False), "rle"),
    Member("canon", 106, SpineOptions(grades=[4, 5, 6, 3, 6], listhesis_mm={DiscLevel.L4_L5: 4.0}),
           "canon", _scan(0.8, 4.0, b_values=(0.0, 500.0)), "none"),
)  # fmt: skip
"""All eight grades, all vendors, all lossless compressions, SNR 30."""


@dataclass(frozen=True)
class AcceptanceCheck:
    """One line of the sheet."""

    part: str  # part of the sheet
    name: str  # the checked item
    wanted: str  # as text
    found: str  # as text
    passed: bool
    reason: str  # of the requirement


@dataclass(frozen=True)
class Qualification:
    """The outcome of an acceptance test."""

    checks: tuple[AcceptanceCheck, ...]
    facts: Mapping[str, str]  # versions, hashes, machine and time of the test
    phantoms: tuple[Member, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)


def qualify(
    folder: Path,
    site: str = "",
    workers: Workers | None = None,
    progress: ProgressCallback | None = None,
    phantoms: Sequence[Member] = PHANTOMS,
    limits: Sequence[Limit] = LIMITS,
) -> Qualification:
    """Make the phantoms, measure them with both segmenters, and write the sheet.

    The folder gets ``qualification.html`` and ``.json`` with all data of the test; an interrupted
    test in it is continued.  ``progress`` is called before each step with its name and the share
    that is done, 0 to 1.

    Raises ``UsageError`` if the folder holds a finished test or other files, ``UnfinishedError`` if
    phantoms could not be made or the scheduler stopped.
    """
    report = progress or (lambda _text, _share: None)
    workers = workers or Workers()
    _check_folder(folder)
    make_cohort(
        phantoms, folder / "phantoms", workers, None,
        lambda done, total: report(f"{done} of {total} phantoms made", 0.5 * done / total),
    )  # fmt: skip
    validations = {}
    for n, (segmenter, listed) in enumerate(SEGMENTERS.items()):
        report(f"measuring the phantoms with --segmenter {segmenter}", 0.5 + 0.2 * n)
        cohort = find_cohort(folder / "phantoms" / listed)
        results = folder / f"results-{segmenter}"
        settings = Settings(segmenter=segmenter, formats=_FORMATS)
        run_batch(cohort, results, settings, workers)
        validations[segmenter] = validate(results, folder / "phantoms")
        write_validation(validations[segmenter], folder / f"validation-{segmenter}", True)
    report("measuring one phantom again", 0.9)
    same = _repeats(folder, workers)
    checks = (*_installation(), *_operation(validations, limits), _repeatable(same))
    done = Qualification(checks, _facts(site), tuple(phantoms))
    _write(done, folder)
    return done


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file, not a folder; choose another with -o")
    if (folder / "qualification.json").exists():
        raise UsageError(
            f"{folder} holds a finished qualification; add --overwrite or choose another folder with -o"
        )
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "phantoms").is_dir():
        raise UsageError(f"{folder} holds other files; choose another folder with -o")


def clear(folder: Path) -> None:
    """Remove an earlier test and no other files; ``UsageError`` if the folder has only others."""
    if not folder.is_dir():
        return
    if any(folder.iterdir()) and not (folder / "phantoms" / "recipe.txt").is_file():
        raise UsageError(f"{folder} holds no qualification; choose another folder with -o")
    names = [
        "phantoms",
        *(f"{kind}-{one}" for kind in ("results", "validation") for one in SEGMENTERS),
    ]
    for name in (*names, "results-again"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("qualification.html", "qualification.json"):
        (folder / name).unlink(missing_ok=True)


def _repeats(folder: Path, workers: Workers) -> bool:
    """Whether a second measurement of the first study gives identical files."""
    cohort = find_cohort(folder / "phantoms" / SEGMENTERS["builtin"])
    first = Cohort(cohort.entries[:1])
    shutil.rmtree(folder / "results-again", ignore_errors=True)
    run_batch(first, folder / "results-again", Settings(formats=_FORMATS), workers)
    name = first.entries[0].folder_name
    both = [
        {path.name: path.read_bytes() for path in sorted((root / "studies" / name).iterdir())}
        for root in (folder / "results-builtin", folder / "results-again")
    ]
    return both[0] == both[1]


# ------------------------------------------------------------------ checks
def _installation() -> list[AcceptanceCheck]:
    checked, changed = changed_files()
    found = "none" if not changed else ", ".join(changed[:3])
    files, unrecorded = unrecorded_files()
    shown = ", ".join(unrecorded[:3]) if len(unrecorded) < files else "all"
    return [
        AcceptanceCheck(
            "installation", f"installed files that differ from their record (of {checked})", "none",
            found, not changed, "an edited or damaged file is not the tested program",
        ),
        AcceptanceCheck(
            "installation", f"files of the program without a record (of {files})", "none",
            f"not checked: {shown}" if unrecorded else "none", not unrecorded,
            "a file without a record cannot be checked, such as the modules of an editable "
            "installation; install the wheel to qualify (pip install .)",
        ),
    ]  # fmt: skip


def _operation(
    validations: Mapping[str, Validation], limits: Sequence[Limit]
) -> list[AcceptanceCheck]:
    checks = []
    for limit in limits:
        found = limit.found(validations[limit.segmenter])
        checks.append(
            AcceptanceCheck(
                {"masks": "true outlines", "builtin": "built-in segmenter"}[limit.segmenter],
                limit.name,
                _range(limit),
                "nothing" if found is None else f"{found:.3g}",
                limit.holds(found),
                limit.reason,
            )
        )
    return checks


def _range(limit: Limit) -> str:
    if limit.low == limit.high:
        return f"{limit.low:g}"
    return f"{limit.low:g} to {limit.high:g}"


def _repeatable(same: bool) -> AcceptanceCheck:
    return AcceptanceCheck(
        "repeatability", "one study measured twice", "identical files",
        "identical files" if same else "different files", same,
        "audits require reproducible results",
    )  # fmt: skip


def _facts(site: str) -> dict[str, str]:
    facts = {"site": site} if site else {}
    facts |= {
        "tested": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{platform.node()}, {platform.platform()}, {os.cpu_count()} processors",
        "package SHA-256": package_sha256(),
        "segmenter's weights SHA-256": weights_sha256(),
    }
    return facts | {f"version of {name}": text for name, text in versions().items()}


# ------------------------------------------------------------------ sheet
def _write(done: Qualification, folder: Path) -> None:
    document = {
        "schema": SCHEMA_NAME,
        "passed": done.passed,
        "facts": dict(done.facts),
        "checks": [vars(check) for check in done.checks],
    }
    with atomic_file(folder / "qualification.html") as fresh:
        fresh.write_text(page(done), encoding="utf-8", newline="\n")
    with atomic_file(folder / "qualification.json") as fresh:
        fresh.write_text(dumps(document), encoding="utf-8", newline="\n")


def page(done: Qualification) -> str:
    """The sheet as HTML, to print and sign."""
    return render(
        "discmri.validation/qualification.html.j2",
        passed=done.passed,
        failed=sum(not check.passed for check in done.checks),
        checks=done.checks,
        parts=list(dict.fromkeys(check.part for check in done.checks)),
        facts=done.facts,
        phantoms=done.phantoms,
    )
