"""``discmri measure``: measure one study."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from discmri.cli._options import (
    LazyChoices,
    add_height_method,
    add_mask_scheme,
    add_study,
    check_readable,
    path_argument,
)
from discmri.cli._table import show_table
from discmri.cli._terminal import quiet_progress
from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.core.text import number, one_line
from discmri.measurement.recording import MeasurementRequest, measure_into

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

_EPILOG = """\
examples:
  discmri measure study/
  discmri measure study/ -o results/subject-01 --overwrite
  discmri measure study/ --lowest-disc L5-S1
  discmri measure study/ --masks labels.nii.gz --mask-scheme totalspineseg
  discmri measure study/ --format csv --format html
  discmri measure study/ --format csv --format dicom
  discmri measure study/ -o results/S01 --deidentified site.toml --format csv --format dicom
  discmri measure study/ --json --quiet | jq '.discs[].level'

exit codes: 0 measured (warnings are in the results), 2 wrong call, 3 nothing that can be measured
(study.json has the reason), 1 internal error.

Research software, not a medical device.
"""
_DEFAULTS = Settings()
_DICOM = ("seg_kind", "seg_structures", "all_lines", "secondary_capture")


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "measure",
        help="measure every lumbar disc of a study",
        description="Measure height, shape, signal and ADC of every lumbar disc of a study and "
        "suggest its modified Pfirrmann grade.",
        epilog=_EPILOG,
    )
    add_study(parser)
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=path_argument,
        help="results folder (default: discmri-out/<name of STUDY> in the current folder; if that has "
        "another study, the name begins with that of the parent folder)",
    )  # fmt: skip
    parser.add_argument(
        "--overwrite", action="store_true",
        help="replace the results of an earlier run; other files in the folder are kept",
    )  # fmt: skip
    parser.add_argument(
        "--format", dest="formats", metavar="FORMAT", action="append", default=[],
        choices=LazyChoices("discmri.results.export", "EXPORTERS"),
        help="write only this format, besides study.json; repeatable; one of: %(choices)s",
    )  # fmt: skip
    parser.add_argument(
        "--deidentified", metavar="KEY_FILE", type=path_argument,
        help="write results and DICOM objects without names, with new UIDs and shifted dates, "
        "derived from the secret in this file (docs/pacs); needs -o",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print study.json instead of a table")
    _add_discs(parser.add_argument_group("discs"))
    _add_dicom(parser.add_argument_group("DICOM objects (--format dicom)"))


def _add_discs(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--segmenter", metavar="NAME", choices=LazyChoices("discmri.measurement.segment", "SEGMENTERS"),
        help=f"source of disc labels; one of: %(choices)s (default: {_DEFAULTS.segmenter}, "
        "or masks with --masks)",
    )  # fmt: skip
    group.add_argument(
        "--masks",
        metavar="FILE",
        type=path_argument,
        help="NIfTI label map or DICOM SEG to measure instead of a segmentation",
    )
    add_mask_scheme(group)
    group.add_argument(
        "--lowest-disc", metavar="LEVEL", choices=[level.value for level in DiscLevel],
        help="level of the lowest visible disc, which determines the numbering; S1-S2 for a residual "
        "disc in the sacrum, which is shown but not measured; one of: %(choices)s",
    )  # fmt: skip
    add_height_method(group)


def _add_dicom(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--seg-kind", choices=("auto", "binary", "fractional", "labelmap"),
        default=_DEFAULTS.seg_kind,
        help="storage of segments; auto is binary if viewers can show it, otherwise fractional "
        "(default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--seg-structures",
        choices=("discs", "all"),
        default=_DEFAULTS.seg_structures,
        help="all adds vertebral bodies, sacrum and canal (default: %(default)s)",
    )
    group.add_argument(
        "--all-lines", action="store_true",
        help="store lines of anterior and posterior heights besides the middle height",
    )  # fmt: skip
    group.add_argument(
        "--secondary-capture", action="store_true", help="also store the report as a colour image"
    )


def run(args: argparse.Namespace) -> int:
    """Measure one study."""
    check_readable(args.path)
    settings = settings_of(args)
    if args.deidentified is not None and args.output is None:
        raise UsageError(
            "--deidentified needs -o, because the name of the study folder may identify the patient"
        )
    folder = args.output or default_folder(args.path, args.study_uid)
    check_output(folder, args.path, args.overwrite)
    with quiet_progress(args) as steps:
        result = measure_into(
            MeasurementRequest(
                args.path, folder, settings, args.study_uid, args.overwrite, args.deidentified
            ),
            steps,
            two_processes=True,
        )
    if args.json:
        print((folder / "study.json").read_text(encoding="utf-8"), end="")
    else:
        _show(result, folder)
    return 0


def default_folder(study: Path, study_uid: str | None) -> Path:
    """Default results folder, which never replaces results of another study.

    Folders of different patients often have the same name, such as ``study`` or ``dicom``.
    """
    from discmri.core.errors import DiscmriError
    from discmri.results.read import read_results
    from discmri.study import read_study

    folder = Path("discmri-out") / name_of(study)
    above = study.resolve().parent.name
    if not (folder / "study.json").is_file() or not above:
        return folder
    try:
        same = read_results(folder).study_uid == read_study(study, study_uid=study_uid).study_uid
    except DiscmriError:  # reported by the measurement
        return folder
    return folder if same else folder.with_name(f"{above}-{folder.name}")


def settings_of(args: argparse.Namespace) -> Settings:
    """Settings from the options.

    Raises
    ------
    UsageError
        If ``--segmenter`` and ``--masks`` contradict each other.
    """
    segmenter = args.segmenter or ("masks" if args.masks else _DEFAULTS.segmenter)
    if args.masks is not None and segmenter != "masks":
        raise UsageError(f"--masks needs --segmenter masks, not {segmenter}; leave out one of them")
    if segmenter == "masks" and args.masks is None:
        raise UsageError("--segmenter masks needs --masks FILE")
    if args.masks is not None and not args.masks.is_file():
        raise UsageError(
            f"the label map {args.masks} does not exist; give a NIfTI or DICOM SEG file"
        )
    return Settings(
        segmenter=segmenter,
        masks=args.masks,
        mask_scheme=args.mask_scheme,
        lowest_disc=None if args.lowest_disc is None else DiscLevel(args.lowest_disc),
        height_method=args.height_method,
        formats=tuple(dict.fromkeys(args.formats)),
        threads=args.threads,
        **{name: getattr(args, name) for name in _DICOM if hasattr(args, name)},
    )


def name_of(study: Path) -> str:
    """Default name of the results of a study.

    >>> name_of(Path("scans/anna")), name_of(Path("sub-01_T2w.nii.gz"))
    ('anna', 'sub-01_T2w')
    """
    path = study.resolve()
    if _is_directory_record(path):
        path = path.parent
    name = path.name
    if not path.is_dir():
        for suffix in (".gz", ".nii", ".zip"):
            if name.lower().endswith(suffix):
                name = name[: -len(suffix)]
    return name or "study"


def _is_directory_record(path: Path) -> bool:
    """Whether a path is a DICOMDIR file, which means its folder."""
    return path.name.upper() == "DICOMDIR" and not path.is_dir()


def check_output(folder: Path, study: Path, overwrite: bool) -> None:
    """Check the output folder before measuring.

    Raises
    ------
    UsageError
        If it is inside the study or contains it, exists without ``overwrite``, or is not writable.
    """
    from discmri.core.files import check_writable, resolved

    target, source = resolved(folder), study.resolve()
    if _is_directory_record(source):
        source = source.parent
    if target.is_relative_to(source):
        raise UsageError(f"the output folder {folder} is inside the study; choose another with -o")
    if source.is_relative_to(target):
        raise UsageError(f"the output folder {folder} contains the study; choose another with -o")
    check_writable(folder, overwrite)


def _show(result: StudyResult, folder: Path) -> None:
    header = ("Level", "Height (mm)", "Signal/CSF", "ADC (um2/ms)", "Grade", "Quality", "Flags")
    rows = []
    for record in result.records:
        height, sd = record.get("height_mm"), record.get("height_sd_mm")
        spread = "" if sd is None else f" ± {number(float(sd), 2)}"
        rows.append(
            [
                record.level.value,
                "-" if height is None else number(float(height), 2) + spread,
                _short(record.get("signal_ratio_csf")),
                _short(record.get("adc_disc_um2_ms")),
                record.get("suggested_grade") or "-",
                "-" if record.quality is None else record.quality.verdict.value,
                ";".join(result.flags(record.level)),
            ]
        )
    show_table(header, rows, right=frozenset({1, 2, 3, 4}))
    if result.study_flags:
        print(f"\nFlags of the whole study: {', '.join(result.study_flags)}")
    print(f"\nGrades are suggestions; a reader decides.\nResults: {one_line(folder)}")


def _short(value: float | int | str | None) -> str:
    return "-" if value is None else number(float(value), 2)
