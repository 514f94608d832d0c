"""``discmri inspect``: series of a study with roles and reasons; nothing is measured."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from discmri.cli._options import add_study, check_readable
from discmri.cli._table import show_table
from discmri.cli._terminal import quiet_progress
from discmri.core.text import one_line

if TYPE_CHECKING:
    from discmri.core.facts import StudyFacts
    from discmri.study import Study

_EPILOG = """\
examples:
  discmri inspect study/
  discmri inspect scans.zip --json
  discmri inspect cd/ --study 1.2.840.113619.2.5
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "inspect",
        help="list the series of a study with their roles",
        description="List the series found, the role of each with the reason, and what would be "
        "measured. Nothing is measured or written.",
        epilog=_EPILOG,
    )
    add_study(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")


def run(args: argparse.Namespace) -> int:
    """Inspect one study."""
    check_readable(args.path)
    with quiet_progress(args) as steps:
        from discmri.study import read_study

        steps("reading headers", 0.0)
        study = read_study(args.path, study_uid=args.study_uid, threads=args.threads)
    if args.json:
        from discmri.results.jsonable import dumps, jsonable

        print(dumps(jsonable(study.describe())), end="")
    else:
        _show(study)
    return 0


def _show(study: Study) -> None:
    facts = study.describe()
    named = f", study {one_line(facts.study_uid)}" if facts.study_uid else ""
    print(f"Subject {one_line(facts.subject_id)}{named}\n")
    measured = facts.measured
    used = {measured.target, *measured.diffusion, measured.adc_map}
    rows = [
        [
            "*" if series.uid in used and series.usable else "",
            "" if series.number is None else series.number,
            " ".join(filter(None, (series.description, series.part))),
            series.role.value,
            series.slices,
            _spacing(series.spacing_mm),
            "; ".join(filter(None, (*series.reasons, series.problem))),
        ]
        for series in facts.series
    ]
    header = ("", "No.", "Series", "Role", "Slices", "Voxel (mm)", "Reason")
    show_table(header, rows, right=frozenset({1, 4}))
    print()
    print(_plan(facts))
    if facts.copied_attributes:
        print(
            f"DICOM objects (--format dicom) would copy: {', '.join(facts.copied_attributes)}; "
            "with --deidentified these are replaced."
        )
    for finding in facts.findings:
        print(f"{finding.severity.value}: {one_line(finding.text)}")


def _spacing(spacing_mm: tuple[float, ...] | None) -> str:
    return "" if spacing_mm is None else " x ".join(f"{step:.3g}" for step in spacing_mm)


def _plan(facts: StudyFacts) -> str:
    """What would be measured, in one sentence."""
    measured = facts.measured
    names = {one.uid: one_line(one.description or one.uid) for one in facts.series}
    if measured.target is None:
        return "Nothing would be measured: there is no usable sagittal series."
    text = f"Would be measured (*): discs on {names[measured.target]}"
    if measured.diffusion:
        return f"{text}; ADC from {', '.join(names[uid] for uid in measured.diffusion)}."
    if measured.adc_map:
        return f"{text}; ADC from the scanner's map {names[measured.adc_map]}."
    return f"{text}; no ADC."
