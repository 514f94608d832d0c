"""One slice as its header describes it: all that is kept of a DICOM file.

Geometry is still DICOM's here (LPS, rows and columns); :mod:`discmri.study.stack` turns it
into RAS+.  Names, birth dates and addresses are never taken over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from discmri.core.diffusion import BValue
from discmri.study.source import InputFile

Vector = NDArray[np.float64]
_SCREENSHOT_CLASSES = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True)
class PixelPlace:
    """Where the pixel values of one file are and how they are stored.

    Parameters
    ----------
    file
        The file.
    offset, length
        Of the value of the pixel element; ``length`` is ``None`` where undefined
        (compressed), ``offset`` is ``None`` where the file must be read as a whole (deflated).
    syntax
        Transfer syntax UID.
    rows, columns, frames, samples
        Shape.
    bits_allocated, bits_stored, signed, high_bit
        Integer format; ``bits_allocated`` of a float image is its width, ``high_bit`` the place
        of the highest bit stored, counted from zero.
    picture
        Rows and columns of the whole picture where ``rows`` and ``columns`` are those of a tile
        of a mosaic; ``None`` elsewhere.
    keyword
        ``PixelData``, ``FloatPixelData`` or ``DoubleFloatPixelData``.
    photometric
        Photometric Interpretation.
    """

    file: InputFile
    offset: int | None
    length: int | None
    syntax: str
    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    keyword: str
    photometric: str
    high_bit: int = -1
    picture: tuple[int, int] | None = None

    @property
    def spare_bits(self) -> int:
        """Bits above the highest one stored; a High Bit that cannot be counts as the usual one."""
        usual = self.bits_stored - 1
        high = self.high_bit if usual <= self.high_bit < self.bits_allocated else usual
        return self.bits_allocated - 1 - high


@dataclass(frozen=True)
class Owner:
    """Whom and which examination a file belongs to."""

    patient_id: str
    study_uid: str
    study_date: str


@dataclass(frozen=True)
class ContrastParameters:
    """What made the picture: the physics a role is decided by.

    Parameters
    ----------
    te_ms, tr_ms, ti_ms
        Timing; ``None`` where the header does not say.
    echo_train
        Echoes per excitation.
    techniques
        Any of ``SE``, ``GR``, ``EP``, ``IR``.
    fat_suppressed
        Whether a suppression of fat is switched on, and by which word of the header.
    """

    te_ms: float | None = None
    tr_ms: float | None = None
    ti_ms: float | None = None
    echo_train: int | None = None
    techniques: frozenset[str] = frozenset()
    fat_suppressed: str = ""


@dataclass(frozen=True)
class Scaling:
    """From stored to real values.

    Parameters
    ----------
    slope, intercept, rescale_type
        Modality rescale and the unit it may name.
    philips_slope
        Scale slope of Philips, with which signals of different series compare.
    real_slope, real_intercept, real_unit
        Real World Value Mapping; ``real_unit`` is empty without one.
    padding
        Stored value that means "no picture here".
    stated
        Whether the header holds a modality rescale at all.
    problem
        Which value is stated but cannot be used (text, zero, infinite), or missing although
        neighbouring images state it; empty where none is.
    """

    slope: float = 1.0
    intercept: float = 0.0
    rescale_type: str = ""
    philips_slope: float | None = None
    real_slope: float = 1.0
    real_intercept: float = 0.0
    real_unit: str = ""
    padding: int | None = None
    stated: bool = False
    problem: str = ""

    @property
    def rescales(self) -> bool:
        """Whether it changes values."""
        return (self.slope, self.intercept) != (1.0, 0.0)


def without_scale(scalings: Sequence[Scaling]) -> list[bool]:
    """For each image whether it states no rescale although others do that changes theirs."""
    changes = any(scaling.rescales for scaling in scalings)
    return [changes and not scaling.stated for scaling in scalings]


@dataclass(frozen=True, eq=False)
class Geometry:
    """Place of a slice, LPS millimetres.

    Parameters
    ----------
    position
        (3,) centre of the first pixel.
    along_row, along_column
        (3,) unit vectors in which column index and row index grow.
    pixel_mm
        Distance of neighbouring rows, distance of neighbouring columns.
    thickness_mm, between_mm
        Slice Thickness and Spacing Between Slices, believed only where positions say nothing.
    """

    position: Vector
    along_row: Vector
    along_column: Vector
    pixel_mm: tuple[float, float]
    thickness_mm: float | None = None
    between_mm: float | None = None

    @cached_property
    def normal(self) -> Vector:
        """(3,) unit vector across the slice."""
        (a, b, c), (x, y, z) = self.along_row, self.along_column
        return np.array([b * z - c * y, c * x - a * z, a * y - b * x])


@dataclass(frozen=True)
class Origin:
    """Which series and scanner a slice comes from."""

    series_uid: str
    number: int | None
    description: str
    protocol: str
    body_part: str
    frame_of_reference_uid: str
    manufacturer: str
    model: str
    software: tuple[str, ...]
    field_t: float | None
    sop_class: str
    station: str = ""
    coil: str = ""


@dataclass(frozen=True, eq=False)
class Frame:
    """One slice.

    Parameters
    ----------
    pixels, index
        File and number of the frame in it, from zero.
    sop_instance_uid
        The instance.
    owner, origin, contrast, scaling
        Facts that many slices share.
    geometry
        ``None`` where the header places the slice nowhere.
    image_type
        Upper-case words, with those of vendors' private kinds added.
    b_value
        Diffusion weighting where the header names one.
    phase_along_row
        Whether phase is encoded along the row direction; ``None`` where unsaid.
    acquired
        ``YYYYMMDDHHMMSS.ffffff`` or what of it is known.
    order
        Acquisition number and instance number: tell repeats apart, never place slices.
    averages
        How often the signal was acquired and averaged; ``None`` where unsaid.
    tiles
        Slices that are tiled in this one picture (mosaic) and could not be placed; 1 elsewhere.
    unplaced
        Why they could not.
    """

    pixels: PixelPlace
    index: int
    sop_instance_uid: str
    owner: Owner
    origin: Origin
    contrast: ContrastParameters
    scaling: Scaling
    geometry: Geometry | None
    image_type: tuple[str, ...]
    b_value: BValue | None = None
    phase_along_row: bool | None = None
    acquired: str = ""
    order: tuple[int, int] = (0, 0)
    averages: float | None = None
    tiles: int = 1
    unplaced: str = ""

    @property
    def screenshot(self) -> str:
        """Why its values are no signals of a scanner; empty where they are."""
        if self.origin.sop_class.startswith(_SCREENSHOT_CLASSES):
            return "a secondary capture"
        if self.pixels.samples != 1 or "COLOR" in self.pixels.photometric.upper():
            return "a colour picture"
        if self.pixels.photometric.upper() == "MONOCHROME1":
            return "a picture with inverted values (MONOCHROME1)"
        return ""
