"""Check of this installation: versions, extras, screen, threads and one phantom."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from tempfile import TemporaryDirectory

import discmri
from discmri.cohort.workers import Workers
from discmri.core.errors import DiscmriError
from discmri.core.settings import Settings
from discmri.measurement.whole_study import measure
from discmri.phantoms import Protocol, PulseSequence, SpineOptions, lumbar_spine, make_phantom
from discmri.phantoms.folder import write_phantom
from discmri.study import read_study

EXTRAS = ("napari", "reading", "postgresql", "cohort", "dicom")
"""The extras for users; the others are for development."""
MEAN_ERROR_MM = 0.8
"""Largest error of the phantom's mean height: twice that of the built-in segmenter."""
_REQUIREMENT = re.compile(r"([\w.-]+)")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([\w-]+)['"]""")
_PROTOCOL = replace(
    Protocol(), sequences=(PulseSequence.T2,), spacing_mm=1.0, slices=3, slice_thickness_mm=5.0,
    gap_mm=0.5, fov_mm=(120.0, 210.0),
)  # fmt: skip


class Health(StrEnum):
    """The state of one item."""

    OK = "ok"
    OPTIONAL = "not installed"
    FAILED = "FAIL"


@dataclass(frozen=True)
class HealthCheck:
    """The result of one check."""

    name: str  # the checked item
    found: str  # the result and, in case of a problem, what to do
    health: Health = Health.OK


def examine() -> tuple[HealthCheck, ...]:
    """Check the installation and measure a phantom; if a check failed, do not use the program."""
    needed = declared_packages(requires("discmri") or ())
    return (
        HealthCheck("discmri", f"{discmri.__version__} in {Path(discmri.__file__).parent}"),
        HealthCheck("Python", f"{platform.python_version()}, {platform.platform()}"),
        check_required(needed.get("", ())),
        *(check_extra(extra, needed.get(extra, ())) for extra in EXTRAS),
        check_screen(sys.platform, os.environ),
        HealthCheck(
            "threads",
            f"{Settings().threads} for one study (--threads), "
            f"{Workers().local_count} studies at a time (--workers)",
        ),
        check_phantom(),
    )


def declared_packages(lines: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Names of packages by the extra that needs them; required packages under ``""``.

    >>> declared_packages(["numpy>=2.0", "napari>=0.9; extra == 'napari'"])
    {'': ('numpy',), 'napari': ('napari',)}
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        name, extra = _REQUIREMENT.match(line), _EXTRA.search(line)
        if name:
            key = extra[1] if extra else ""
            found[key] = (*found.get(key, ()), name[1])
    return found


def check_required(packages: Sequence[str]) -> HealthCheck:
    """Whether all required packages are installed."""
    missing = _missing(packages)
    if missing:
        text = f"missing: {', '.join(missing)}; run pip install {' '.join(missing)}"
        return HealthCheck("libraries", text, Health.FAILED)
    return HealthCheck("libraries", ", ".join(f"{name} {version(name)}" for name in packages))


def check_extra(extra: str, packages: Sequence[str]) -> HealthCheck:
    """Whether the packages of an extra are installed."""
    missing, name = _missing(packages), f"extra {extra}"
    if not packages:
        text = "not declared by this installation; install it again"
        return HealthCheck(name, text, Health.OPTIONAL)
    if missing:
        text = f"missing: {', '.join(missing)}; run pip install 'discmri[{extra}]'"
        return HealthCheck(name, text, Health.OPTIONAL)
    return HealthCheck(name, ", ".join(f"{one} {version(one)}" for one in packages))


def check_screen(system: str, environ: Mapping[str, str]) -> HealthCheck:
    """Whether the viewer could open a window."""
    if not system.startswith("linux"):
        return HealthCheck("screen", "the desktop")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        if environ.get(name):
            return HealthCheck("screen", f"{name}={environ[name]}")
    text = "none in this terminal; only discmri grade open needs one"
    return HealthCheck("screen", text, Health.OPTIONAL)


def check_phantom() -> HealthCheck:
    """Measure a phantom and compare levels and mean height with the truth."""
    begun = time.monotonic()
    phantom = make_phantom(lumbar_spine(SpineOptions(grades=[2, 3, 4, 5, 6]), seed=4))
    truth_mm = {level.value: one.height_columns_mm for level, one in phantom.truth().items()}
    with TemporaryDirectory(prefix="discmri-") as folder:
        write_phantom(phantom, Path(folder) / "phantom", "siemens", _PROTOCOL, "none", False)
        try:
            table = measure(read_study(Path(folder) / "phantom" / "study")).to_dataframe()
        except DiscmriError as error:
            return HealthCheck("phantom", str(error), Health.FAILED)
    found_mm = dict(zip(table["level"], table["height_mm"], strict=True))
    return judge_phantom(found_mm, truth_mm, time.monotonic() - begun)


def judge_phantom(
    found_mm: Mapping[str, float], truth_mm: Mapping[str, float], seconds: float
) -> HealthCheck:
    """Whether all lumbar discs and no false ones were found, and the mean height is correct."""
    lumbar = [level for level in truth_mm if level.startswith("L")]
    missed = [level for level in lumbar if level not in found_mm]
    false = [level for level in found_mm if level not in truth_mm]
    if missed or false:
        text = f"discs not found: {', '.join(missed) or 'none'}; false discs: {', '.join(false) or 'none'}"
        return HealthCheck("phantom", text, Health.FAILED)
    mean_mm = sum(found_mm[level] - truth_mm[level] for level in lumbar) / len(lumbar)
    good = abs(mean_mm) <= MEAN_ERROR_MM
    text = f"{len(lumbar)} lumbar discs, error of mean height {mean_mm:+.2f} mm, {seconds:.0f} s"
    return HealthCheck("phantom", text, Health.OK if good else Health.FAILED)


def _missing(packages: Sequence[str]) -> list[str]:
    missing = []
    for name in packages:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    return missing
