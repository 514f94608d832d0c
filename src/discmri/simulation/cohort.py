"""A cohort of phantoms on disk, with lists for ``batch`` and the truth for ``validate``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import discmri
from discmri.cohort.isolated import Limits
from discmri.cohort.workers import Workers
from discmri.core.errors import UsageError
from discmri.core.locks import locked
from discmri.core.progress import CountCallback
from discmri.phantoms import DiscTruth, lumbar_spine
from discmri.phantoms.population import Member
from discmri.results.export.csv_wide import write_table
from discmri.simulation.writing import PhantomJob, is_new, write_phantoms

SCAN_COLUMNS = ("vendor", "field_strength_t", "spacing_mm", "slice_thickness_mm", "snr")
"""How a phantom was scanned, in ``truth.csv``."""
CENTRE_COLUMNS = ("centre_r_mm", "centre_a_mm", "centre_s_mm")
"""Where a disc lies, RAS+, in ``truth.csv``."""
_TRUTH_COLUMNS = tuple(
    field.name for field in fields(DiscTruth) if field.name not in ("level", "centre_mm", "normal")
)


def make_cohort(
    members: Sequence[Member],
    root: Path,
    workers: Workers | None = None,
    limits: Limits | None = None,
    progress: CountCallback | None = None,
) -> None:
    """Write phantoms, their lists and their truth; phantoms that are there already are kept.

    The folder gets ``phantoms/<name>/``, ``studies.csv``, ``studies_with_masks.csv``, ``truth.csv``
    and ``recipe.txt``.  Raises ``UsageError`` where it holds another cohort or anything else,
    ``UnfinishedError`` where phantoms could not be made.
    """
    _check_root(root, members)
    with locked(root / ".batch" / "lock", wait=False):
        (root / "recipe.txt").write_text(_recipe(members), encoding="utf-8")
        jobs = [
            PhantomJob(
                root.absolute() / "phantoms" / one.name,
                lumbar_spine(one.options, one.seed), one.vendor, one.protocol, one.compression,
            )
            for one in members
        ]  # fmt: skip
        write_phantoms(jobs, workers, limits, progress)
        _write_lists(members, root)


def _check_root(root: Path, members: Sequence[Member]) -> None:
    recipe = root / "recipe.txt"
    if is_new(root):
        return
    if not recipe.is_file():
        raise UsageError(f"{root} holds something other than a phantom cohort; choose another")
    before, now = recipe.read_text(encoding="utf-8").splitlines(), _recipe(members).splitlines()
    if any(old != new for old, new in zip(before, now, strict=False)):
        raise UsageError(
            f"{root} holds a cohort of another seed, version or options; choose another folder"
        )


def _recipe(members: Sequence[Member]) -> str:
    """All that makes the phantoms, one a line; a larger cohort begins with a smaller one."""
    return "".join(f"{line}\n" for line in (f"discmri {discmri.__version__}", *members))


def _write_lists(members: Sequence[Member], root: Path) -> None:
    studies = [(one.name, f"phantoms/{one.name}/study") for one in members]
    write_table(root / "studies.csv", ("id", "path"), studies)
    masks = [(*study, f"phantoms/{study[0]}/labels.nii.gz") for study in studies]
    write_table(root / "studies_with_masks.csv", ("id", "path", "masks"), masks)
    header = ("study", "level", *SCAN_COLUMNS, *CENTRE_COLUMNS, *_TRUTH_COLUMNS)
    write_table(root / "truth.csv", header, _truth_rows(members, root))


def _truth_rows(members: Sequence[Member], root: Path) -> Iterator[list[str]]:
    for one in members:
        path = root / "phantoms" / one.name / "truth.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        scan = [one.vendor, *(getattr(one.protocol, name) for name in SCAN_COLUMNS[1:])]
        for disc in document["discs"]:
            if disc["level"] in document["in_picture"]:
                values = [disc[name] for name in _TRUTH_COLUMNS]
                row = [one.name, disc["level"], *scan, *disc["centre_mm"], *values]
                yield ["" if value is None else str(value) for value in row]
