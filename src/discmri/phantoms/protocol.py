"""Scan parameters of a phantom: grid, contrast, noise and artefacts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from discmri.core.errors import UsageError
from discmri.core.volume import Array, Grid


class PulseSequence(Enum):
    """A sequence of the phantom scanner; the value is a short name for files."""

    T2 = "t2"
    T1 = "t1"
    STIR = "stir"
    DWI = "dwi"
    ADC = "adc"
    LOCALIZER = "localizer"
    AXIAL_T2 = "axial_t2"


@dataclass(frozen=True)
class Timing:
    """Timing of one sequence."""

    repetition_ms: float  # TR
    echo_ms: float  # (effective) TE
    inversion_ms: float | None = None  # TI; None without an inversion pulse
    echo_train: int = 1  # echoes per excitation


TIMING = {
    PulseSequence.T2: Timing(3600.0, 102.0, None, 17),
    PulseSequence.T1: Timing(560.0, 10.0, None, 3),
    PulseSequence.STIR: Timing(4200.0, 50.0, 205.0, 12),
    PulseSequence.DWI: Timing(3200.0, 72.0, None, 64),
    PulseSequence.LOCALIZER: Timing(1200.0, 80.0, None, 128),
    PulseSequence.AXIAL_T2: Timing(4100.0, 105.0, None, 15),
}


@dataclass(frozen=True)
class Occasion:
    """One of several scans of one patient: date, scanner and position.

    Parameters
    ----------
    patient_id
        PatientID; empty for one made from the seed of the phantom.
    date, time
        ``YYYYMMDD`` and ``HHMM``.
    station, software, coil
        Serial number and software of the scanner, and its receive coil.
    offset_mm
        RAS+ offset of the images from the phantom.
    noise
        Seed of this scan's noise; 0 for the phantom's own noise.
    """

    patient_id: str = ""
    date: str = "20240102"
    time: str = "0930"
    station: str = "00000"
    software: str = "phantom"
    coil: str = "SPINE"
    offset_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    noise: int = 0


@dataclass(frozen=True)
class Protocol:
    """Scan parameters.

    Parameters
    ----------
    sequences
        Sequences, in order.
    spacing_mm
        In-plane pixel size of the sagittal T2, T1 and STIR.
    slice_thickness_mm, gap_mm, slices
        Of all sagittal series.
    fov_mm
        Anteroposterior and craniocaudal extent of the sagittal images.
    oblique_deg
        Rotations of the slice stack about the superior, anterior and right axis.
    snr
        Signal of vertebral marrow / noise on T2, T1 and STIR; for DWI the signal of a disc of
        grade 3 at b = 0 / noise of each image before directions are combined.
    b_values
        In s/mm²; the first is the reference.
    directions
        Number of diffusion directions, 1 or 3.
    trace
        Whether DWI is stored as trace images, the geometric mean of the directions (else one image
        per direction).
    dwi_spacing_mm
        In-plane pixel size of the DWI.
    field_strength_t
        1.5 or 3.
    epi_shift_mm, epi_distortion_mm
        Uniform shift and largest smooth local distortion of DWI along its phase axis (AP).
    fat_shift_px
        Chemical shift of fat along the frequency axis (AP) of T2, T1 and STIR.
    blur_px
        Standard deviation of the point spread in pixels.
    shading
        0 (none) to 1 (full fall-off of a posterior surface coil).
    saturation
        Suppression of the signal in front of the spine, 0 to 1.
    occasion
        The scan of the patient.

    Raises
    ------
    UsageError
        If a parameter is out of range.
    """

    sequences: tuple[PulseSequence, ...] = (
        PulseSequence.T2,
        PulseSequence.T1,
        PulseSequence.DWI,
        PulseSequence.ADC,
    )
    spacing_mm: float = 0.75
    slice_thickness_mm: float = 4.0
    gap_mm: float = 0.4
    slices: int = 15
    fov_mm: tuple[float, float] = (300.0, 300.0)
    oblique_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    snr: float = 30.0
    b_values: tuple[float, ...] = (0.0, 400.0, 800.0)
    directions: int = 3
    trace: bool = True
    dwi_spacing_mm: float = 1.8
    field_strength_t: float = 1.5
    epi_shift_mm: float = 1.2
    epi_distortion_mm: float = 0.8
    fat_shift_px: float = 0.8
    blur_px: float = 0.4
    shading: float = 0.6
    saturation: float = 0.0
    occasion: Occasion = field(default=Occasion(), repr=False)

    def __post_init__(self) -> None:
        sizes = (self.spacing_mm, self.slice_thickness_mm, self.dwi_spacing_mm, *self.fov_mm)
        if min(sizes) <= 0 or self.slices < 1 or self.gap_mm < 0 or self.snr <= 0:
            raise UsageError("spacings, thickness, field of view, slices and SNR must be positive")
        if max(self.fov_mm) / min(self.spacing_mm, self.dwi_spacing_mm) > 2048:
            raise UsageError("more than 2048 pixels along one side; give a larger spacing")
        if len(self.b_values) < 1 or min(self.b_values) < 0 or max(self.b_values) > 5000:
            raise UsageError(f"b-values must lie within 0 and 5000 s/mm2, got {self.b_values}")
        if self.directions not in (1, 3):
            raise UsageError(f"the number of directions is 1 or 3, got {self.directions}")

    @property
    def pitch_mm(self) -> float:
        """Distance of neighbouring slice centres."""
        return self.slice_thickness_mm + self.gap_mm

    def sagittal_grid(self, centre_mm: Array, spacing_mm: float | None = None) -> Grid:
        """Slices from left to right; i runs backwards, j downwards.

        Parameters
        ----------
        centre_mm
            (3,) RAS+ centre of the stack.
        spacing_mm
            In-plane pixel size; that of T2 by default.
        """
        spacing = self.spacing_mm if spacing_mm is None else spacing_mm
        shape = (round(self.fov_mm[0] / spacing), round(self.fov_mm[1] / spacing), self.slices)
        turn = _turn(self.oblique_deg)
        axes = turn @ np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
        return _grid_about(np.asarray(centre_mm), axes, (spacing, spacing, self.pitch_mm), shape)

    def axial_grid(self, centre_mm: Array) -> Grid:
        """Slices upwards from the sacrum; i runs to the left, j backwards."""
        axes = np.array([[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]])
        return _grid_about(np.asarray(centre_mm), axes, (0.8, 0.8, 10.0), (250, 250, 12))


def _turn(degrees: tuple[float, float, float]) -> Array:
    turn = np.eye(3)
    for angle, (a, b) in zip(np.radians(degrees), ((0, 1), (0, 2), (1, 2)), strict=True):
        step = np.eye(3)
        step[a, a] = step[b, b] = np.cos(angle)
        step[a, b], step[b, a] = -np.sin(angle), np.sin(angle)
        turn = turn @ step
    return turn


def _grid_about(
    centre: Array, axes: Array, spacing: tuple[float, float, float], shape: tuple[int, int, int]
) -> Grid:
    affine = np.eye(4)
    affine[:3, :3] = axes * np.array(spacing)
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)
