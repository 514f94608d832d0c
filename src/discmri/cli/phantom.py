"""``discmri phantom``: synthetic studies with exact truth."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.cli import _phantom_cohort, _phantom_trial
from discmri.cli._options import LazyChoices, path_argument
from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel

if TYPE_CHECKING:
    from discmri.phantoms import Protocol, ResidualDiscSpec, SpineSpec

EXAMPLES = """\
examples:
  discmri phantom make spine --seed 7
  discmri phantom make spine --grades 1,2,3,4/7,8 --vendor ge --masks
  discmri phantom make spine --heights 8,9,10,11,10 --spacing 0.6 --snr 60 --series t2
  discmri phantom make spine --residual-disc 0.55,5,0.9 --sacral-slope 50
  discmri phantom make spine --six-lumbar --listhesis L5-L6=6 --vendor philips
  discmri phantom make spine --scoliosis 20 --oblique 8,0,0 --series t2,t1,dwi,adc
  discmri phantom cohort phantoms --n 100 --seed 1
  discmri phantom trial demo

OUT gets study/ with the DICOM files, truth.json with the true values of every disc and, with
--masks, labels.nii.gz on the grid of the sagittal T2.
"""
SERIES = ("t2", "t1", "stir", "dwi", "adc", "localizer", "axial_t2")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    phantom = subparsers.add_parser(
        "phantom",
        help="make synthetic studies with exact truth",
        description="Make synthetic lumbar spine studies with exactly known values.",
        epilog=EXAMPLES,
        allow_abbrev=True,
    )
    actions = phantom.add_subparsers(dest="action", required=True, metavar="ACTION")
    make = actions.add_parser(
        "make",
        help="make one study",
        description="Make a synthetic lumbar spine study with exactly known values.",
        epilog=EXAMPLES,
        allow_abbrev=True,
    )
    make.add_argument("--debug", action="store_true", help="print a traceback on errors")
    make.add_argument("out", metavar="OUT", type=path_argument, help="folder to make")
    make.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
    _add_anatomy(make.add_argument_group("anatomy"))
    _add_scan(make.add_argument_group("scan"))
    make.set_defaults(act=_make)
    _phantom_cohort.add_action(actions)
    _phantom_trial.add_action(actions)


def _add_anatomy(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--seed", type=int, default=0, help="random seed (default 0)")
    group.add_argument("--six-lumbar", action="store_true", help="a sixth lumbar vertebra")
    group.add_argument(
        "--listhesis", action="append", default=[], metavar="LEVEL=MM",
        help="forward slip of the upper body, such as L4-L5=6; repeatable",
    )  # fmt: skip
    for flag, kind, default, metavar, text in (
        ("--grades", _words, (), "G,G,…",
         "modified Pfirrmann grades from L1-L2 downwards, 1 to 8 or double like 4/7"),
        ("--heights", _numbers, (), "MM,MM,…",
         "distances of the endplate chords from L1-L2 downwards; override the grades"),
        ("--scoliosis", _within(-90, 90), 0.0, "DEG", "Cobb angle (default 0)"),
        ("--lordosis", _within(0, 120), None, "DEG", "L1 to S1 (default: sacral slope + 10)"),
        ("--sacral-slope", _within(0, 80), 40.0, "DEG",
         "tilt of the upper endplate of S1 against the horizontal (default 40)"),
        ("--s1-depth-ratio", _finite, None, "X",
        "depth of S1 above / below: 1.4 is tapered, 1 is square (default 1.41, or less with a "
         "deep residual disc)"),
        ("--residual-disc", _numbers, None, "SHARE[,MM[,BRIGHTNESS[,PLACE]]]",
        "a residual disc between S1 and S2: depth relative to the disc above (0.1 to 1), height "
         "(default 4 mm), brightness on T2 from 0 (dark) to 1 (CSF; default 0.4), and position "
         "from -1 (posterior) to 1 (anterior; default -0.3)"),
    ):  # fmt: skip
        group.add_argument(flag, type=kind, default=default, metavar=metavar, help=text)


def _add_scan(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--vendor", metavar="NAME", default="siemens",
        choices=LazyChoices("discmri.phantoms.vendors", "VENDORS"),
        help="vendor whose DICOM style is used; one of: %(choices)s (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--series", type=_words, default=("t2", "t1", "dwi", "adc"), metavar="S,S,…",
        help=f"series to make, of {', '.join(SERIES)} (default t2,t1,dwi,adc)",
    )  # fmt: skip
    for flag, metavar, text, kind in (
        ("--spacing", "MM", "in-plane pixel size", _finite),
        ("--slice-thickness", "MM", "slice thickness", _finite),
        ("--gap", "MM", "gap between slices", _finite),
        ("--dwi-spacing", "MM", "in-plane pixel size of the DWI", _finite),
        ("--snr", "X", "signal of marrow (DWI: of a disc at b = 0) / noise", _finite),
        ("--field", "T", "field strength", _within(0.05, 20)),
        ("--saturation", "0..1", "suppression of the abdomen", _within(0, 1)),
        ("--slices", "N", "number of sagittal slices", int),
        ("--fov", "AP,SI", "field of view in mm", _numbers),
        ("--oblique", "A,B,C", "rotation of the slices about the vertical, anterior and lateral axis, degrees", _numbers),
        ("--b-values", "B,B,…", "b-values, s/mm2", _numbers),
    ):  # fmt: skip
        group.add_argument(flag, type=kind, metavar=metavar, help=text)
    group.add_argument(
        "--directions", action="store_true", help="store DWI per direction instead of traces"
    )
    group.add_argument(
        "--compression",
        choices=("none", "rle", "jpeg-ls"),
        default="none",
        help="lossless compression (default: none)",
    )
    group.add_argument("--masks", action="store_true", help="also write labels.nii.gz")


def run(args: argparse.Namespace) -> int:
    """Run the action."""
    return int(args.act(args))


def _make(args: argparse.Namespace) -> int:
    """Make one study."""
    from discmri.phantoms import make_phantom
    from discmri.phantoms.folder import write_phantom

    out: Path = args.out
    if out.exists() and not args.overwrite:
        raise UsageError(f"{out} exists; choose another folder or add --overwrite")
    if out.exists() and not (out / "truth.json").is_file():
        raise UsageError(f"{out} exists and is not a phantom; choose another folder")
    spec, protocol = _spec(args), _protocol(args)
    write_phantom(make_phantom(spec), out, args.vendor, protocol, args.compression, args.masks)
    files = sum(1 for _ in (out / "study").rglob("*.dcm"))
    print(f"{out}: {files} DICOM files in study/, truth of {len(spec.discs)} discs in truth.json")
    return 0


def _spec(args: argparse.Namespace) -> SpineSpec:
    from discmri.phantoms import SpineOptions, lumbar_spine

    options = SpineOptions(
        grades=args.grades,
        heights_mm=args.heights,
        listhesis_mm=_slips(args.listhesis),
        six_lumbar=args.six_lumbar,
        scoliosis_deg=args.scoliosis,
        lordosis_deg=args.sacral_slope + 10.0 if args.lordosis is None else args.lordosis,
        sacral_slope_deg=args.sacral_slope,
        residual_disc=_residual_disc(args.residual_disc),
        s1_depth_ratio=args.s1_depth_ratio,
    )
    return lumbar_spine(options, args.seed)


def _residual_disc(values: tuple[float, ...] | None) -> ResidualDiscSpec | None:
    from discmri.phantoms import ResidualDiscSpec

    if values is None:
        return None
    if len(values) > 4:
        raise UsageError(f"--residual-disc needs 1 to 4 numbers, got {len(values)}")
    return ResidualDiscSpec(*values)


def _protocol(args: argparse.Namespace) -> Protocol:
    from discmri.phantoms import Protocol, PulseSequence

    unknown = [name for name in args.series if name not in SERIES]
    if unknown:
        raise UsageError(f"unknown series {', '.join(unknown)}; choose from {', '.join(SERIES)}")
    given = {
        "spacing_mm": args.spacing,
        "slice_thickness_mm": args.slice_thickness,
        "gap_mm": args.gap,
        "dwi_spacing_mm": args.dwi_spacing,
        "snr": args.snr,
        "field_strength_t": args.field,
        "saturation": args.saturation,
        "slices": args.slices,
        "fov_mm": _of_length(args.fov, 2, "--fov"),
        "oblique_deg": _of_length(args.oblique, 3, "--oblique"),
        "b_values": args.b_values,
    }
    return Protocol(
        sequences=tuple(PulseSequence(name) for name in args.series),
        trace=not args.directions,
        **{name: value for name, value in given.items() if value is not None},
    )


def _of_length(
    values: tuple[float, ...] | None, length: int, flag: str
) -> tuple[float, ...] | None:
    if values is not None and len(values) != length:
        raise UsageError(f"{flag} needs {length} numbers, got {len(values)}")
    return values


def _slips(texts: list[str]) -> dict[DiscLevel, float]:
    slips = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            slips[DiscLevel(name)] = _within(-40, 40)(value)
        except (ValueError, argparse.ArgumentTypeError) as error:
            raise UsageError(f"--listhesis needs LEVEL=MM such as L4-L5=6, got {text!r}") from error
    return slips


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(_finite(part) for part in text.split(","))


def _finite(text: str) -> float:
    """A finite number, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}")
    return value


def _within(low: float, high: float) -> Callable[[str], float]:
    def bounded(text: str) -> float:
        value = _finite(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"expected {low:g} to {high:g}, got {text}")
        return value

    return bounded
