"""A hand-made result: bright ellipsoids on an oblique sagittal stack, nothing measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from discmri.core.facts import Role, SeriesFacts, SeriesInput
from discmri.core.findings import Code, Finding, Severity, info, warning
from discmri.core.labels import NumberingMethod, SpineLabels
from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.settings import Settings
from discmri.core.volume import SoftMask, Volume
from discmri.results.model import MeasuredImages, StudyResult
from discmri.results.outline import Corners, DiscFrame, DiscOutline, DiscSection
from discmri.results.provenance import DiffusionFacts, Provenance
from discmri.results.records import DiscRecord, Measurement
from discmri.results.residual import residual_discs

LEVELS = (
    DiscLevel.T11_T12,
    DiscLevel.T12_L1,
    DiscLevel.L1_L2,
    DiscLevel.L2_L3,
    DiscLevel.L3_L4,
    DiscLevel.L4_L5,
    DiscLevel.L5_S1,
)
SHAPE = (9, 150, 300)
SPACING_MM = np.array([4.0, 0.9, 0.9])
HALF_WIDTH_MM, HALF_HEIGHT_MM = 18.0, 4.5


def _affine() -> np.ndarray:
    affine = np.diag([*SPACING_MM, 1.0])
    affine[:3, 3] = [-16.0, -60.0, -130.0]
    return affine


def _frame(number: int) -> DiscFrame:
    tilt = np.deg2rad(18.0 - 8.0 * number)
    z = 110.0 - 34.0 * number
    anterior = np.array([0.0, np.cos(tilt), np.sin(tilt)])
    cranial = np.array([0.0, -np.sin(tilt), np.cos(tilt)])
    origin = np.array([0.0, 12.0 + 6.0 * np.sin(number / 2), z])
    return DiscFrame(origin, anterior, cranial, np.array([-1.0, 0.0, 0.0]))


def _outline(frame: DiscFrame, mask: SoftMask) -> DiscOutline:
    angle = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    contour = np.column_stack([HALF_WIDTH_MM * np.cos(angle), HALF_HEIGHT_MM * np.sin(angle)])
    x = np.linspace(-HALF_WIDTH_MM, HALF_WIDTH_MM, 73)
    half = HALF_HEIGHT_MM * np.sqrt(np.clip(1 - (x / HALF_WIDTH_MM) ** 2, 0, None))
    section = DiscSection(0.0, x, half, -half, contour)
    corners = Corners(
        *(np.array(p) for p in ((15.0, 2.5), (-15.0, 2.5), (15.0, -2.5), (-15.0, -2.5)))
    )
    return DiscOutline(frame, section, (section,), corners, mask, None, None, 0.1)


def _record(level: DiscLevel, number: int, adc: bool) -> DiscRecord:
    values: dict[str, tuple[float | int | str, str, float | None]] = {
        "height_mm": (7.0 + 0.4 * number, "columns", 0.21),
        "height_sd_mm": (0.21, "", None),
        "height_anterior_mm": (8.1 + 0.3 * number, "", None),
        "height_middle_mm": (9.0 + 0.1 * number, "", None),
        "height_posterior_mm": (5.4, "", None),
        "dhi_vb": (0.3141592, "", None),
        "wedge_deg": (-0.0001, "", None),
        "listhesis_mm": (-1.25, "", None),
        "area_mm2": (254.321, "", None),
        "signal_ratio_csf": (0.41, "", None),
        "suggested_grade": ("4/7" if number == 5 else str(1 + number % 5), "", None),
        "suggested_grade_probability": (0.44, "", None),
        "suggested_signal": (4, "", None),
        "suggested_collapse": (7 if number == 5 else 0, "", None),
    }
    if adc and number != 6:
        values["adc_disc_um2_ms"] = (1.23456 + 0.1 * number, "fit", None)
        values["adc_disc_sd_um2_ms"] = (0.2, "fit", None)
        values["adc_voxels"] = (57, "fit", None)
    evidence = {
        "uncertainty": {"border_mm": np.float64(0.11)},
        "grade": {
            "inner_to_csf": 0.41, "outer_posterior_to_csf": 0.2, "distinctness": 0.05,
            "csf": "level (1000)", "comparators": "csf and marrow", "height_mm": 7.0, "inner_to_marrow": 0.62,
            "reference_height_mm": 10.25, "reference_sd_mm": 1.1, "reference_kind": "depth",
            "height_loss": 0.317, "height_loss_estimate": 0.268, "normal_height_loss": 0.1,
            "distinct_from": 0.15, "grade_probability": 0.44, "alternatives": {"4": 0.31},
            "changes": [
                {"value": "inner_to_csf", "limit": 0.52, "above": True, "grade": "2"},
                {"value": "height_mm", "limit": 6.4, "above": False, "grade": "8"},
            ],
        },
    }  # fmt: skip
    return DiscRecord(
        level, {name: Measurement(name, *rest) for name, rest in values.items()}, evidence
    )


def make_result(adc: bool = True, **changes: object) -> StudyResult:
    affine = _affine()
    rng = np.random.default_rng(1)
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    world = index @ affine[:3, :3].T + affine[:3, 3]
    signal = (
        250 + 20 * rng.standard_normal(SHAPE) + 120 * np.exp(-(((world[..., 1] - 45) / 12) ** 2))
    )
    diffusion = np.full(SHAPE, np.nan)
    discs, outlines, confidence = {}, {}, {}
    for number, level in enumerate(LEVELS):
        frame = _frame(number)
        a, c, left = np.moveaxis((world - frame.origin_mm) @ frame.axes.T, -1, 0)
        radius = np.sqrt((a / HALF_WIDTH_MM) ** 2 + (c / HALF_HEIGHT_MM) ** 2 + (left / 20) ** 2)
        fraction = np.clip(0.5 + (1 - radius) * 4, 0, 1)
        signal += 500 * fraction * (1.2 - radius.clip(0, 1))
        diffusion[radius < 1.1] = 1.0 + 0.1 * number + 0.5 * (1 - radius[radius < 1.1])
        mask = SoftMask.from_fractions(fraction, affine)
        discs[level], confidence[level] = mask, 0.9
        outlines[level] = _outline(frame, mask)
    image = Volume(signal.astype(np.float32), affine)
    labels = SpineLabels(
        image.grid, discs, {Vertebra.L3: discs[DiscLevel.L3_L4]}, None, confidence,
        NumberingMethod.SACRUM,
    )  # fmt: skip
    findings = (
        info(
            Code.SERIES_CHOSEN, "two sagittal T2 series; the finer one was taken", None, "1.2.3.4"
        ),
        warning(Code.LOW_CONFIDENCE, "confidence 0.31", DiscLevel.L5_S1),
        warning(Code.ADC_FEW_VOXELS, "4 voxels of at least 10", DiscLevel.L5_S1),
    )
    provenance = Provenance(
        {"discmri": "0.1.0", "python": "3.11.7", "numpy": "2.4.6"},
        Settings(masks=Path("/home/ann/labels.nii.gz")),
        "builtin 1 (sha256 0123)",
        (SeriesInput(Role.SAG_T2, "1.2.3.4", ("1.2.3.4.1",), "ab" * 32),),
        DiffusionFacts("fit", "1.2.3.5", (0.0, 400.0, 800.0), (1, 3, 3), noise=2.5)
        if adc
        else None,
    )
    series = (
        SeriesFacts(
            "1.2.3.4", description="T2 TSE SAG", role=Role.SAG_T2, reasons=("TE 100 ms",),
            te_ms=100.123456789012,
        ),
        SeriesFacts(
            "1.2.3.5", description="EP2D DIFF", role=Role.DWI, reasons=("b-values 0, 400, 800",),
            shape=(128, 128, 9), findings=(info(Code.SERIES_SPLIT, "two stacks"),),
        ),
    )  # fmt: skip
    result = StudyResult(
        "SUBJ-01", "1.2.3", "20240131", "1.2.3.4",
        tuple(_record(level, n, adc) for n, level in enumerate(LEVELS)),
        NumberingMethod.SACRUM, 1.0, series, findings, provenance,
        images=MeasuredImages(
            labels, outlines, image, Volume(diffusion, affine, "um2/ms") if adc else None
        ),
    )  # fmt: skip
    return changed_result(result, **changes)


def changed_result(result: StudyResult, **changes: object) -> StudyResult:
    """The result with some of its fields, or of those of its images, replaced."""
    parts = {k: changes.pop(k) for k in ("labels", "outlines", "image", "adc") if k in changes}
    return replace(result, images=replace(result.images, **parts), **changes)


@pytest.fixture(scope="session")
def result() -> StudyResult:
    return make_result()


@pytest.fixture(scope="session")
def changed():
    """A function: the result with some fields replaced."""
    base = make_result(adc=False)
    return lambda **changes: changed_result(base, **changes)


@pytest.fixture(scope="session")
def failed() -> StudyResult:
    return make_failure()


def make_failure() -> StudyResult:
    """The record of a study in which nothing could be measured."""
    reason = Finding(Code.NOTHING_TO_MEASURE, Severity.ERROR, "x holds no files")
    return StudyResult(
        "SUBJ-02", "", "", "", (), None, None, (SeriesFacts("1.2.9", usable=False),), (reason,),
        Provenance({"discmri": "0.1.0"}), message="x holds no files",
    )  # fmt: skip


@pytest.fixture(scope="session")
def with_residual(result) -> StudyResult:
    """The result with its lowest disc named as a residual S1-S2 disc, not measured."""
    discs = dict(result.labels.discs)
    residual = {DiscLevel.S1_S2: discs.pop(DiscLevel.L5_S1)}
    outlines = {level: one for level, one in result.outlines.items() if level in discs}
    labels = replace(result.labels, discs=discs, residual_discs=residual)
    return changed_result(
        result,
        labels=labels,
        outlines=outlines,
        records=result.records[:-1],
        residual_discs=residual_discs(labels),
        findings=(info(Code.RESIDUAL_S1_S2, "a residual disc", DiscLevel.S1_S2),),
    )
