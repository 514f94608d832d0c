"""One slice as its header describes it: all that is kept of a DICOM file.

Geometry is that of DICOM (LPS, rows and columns); :mod:`discmri.study.stack` converts it to RAS+.
Names, birth dates and addresses are not read.
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
    """Place and storage format of the pixel values of one file.

    Parameters
    ----------
    file
        The file.
    offset, length
        Of the value of the pixel element, in bytes.  ``length`` is ``None`` if undefined
        (compressed), ``offset`` is ``None`` if the file must be read as a whole (deflated).
    syntax
        Transfer syntax UID.
    rows, columns, frames, samples
        Shape.
    bits_allocated, bits_stored, signed, high_bit
        Integer format; ``bits_allocated`` of a float image is its width, ``high_bit`` the place
        of the highest bit stored, counted from zero.
    picture
        Rows and columns of a whole mosaic, if ``rows`` and ``columns`` are those of a tile;
        otherwise ``None``.
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
        """Number of bits above the highest stored one; an invalid High Bit is ignored."""
        usual = self.bits_stored - 1
        high = self.high_bit if usual <= self.high_bit < self.bits_allocated else usual
        return self.bits_allocated - 1 - high


@dataclass(frozen=True)
class Owner:
    """Patient and examination of a file."""

    patient_id: str
    study_uid: str
    study_date: str


@dataclass(frozen=True)
class ContrastParameters:
    """Acquisition parameters from which the role of a series is decided.

    Parameters
    ----------
    te_ms, tr_ms, ti_ms
        Timing; ``None`` if not in the header.
    echo_train
        Echoes per excitation.
    techniques
        Any of ``SE``, ``GR``, ``EP``, ``IR``.
    fat_suppressed
        Text of the header that states fat suppression; empty if none does.
    """

    te_ms: float | None = None
    tr_ms: float | None = None
    ti_ms: float | None = None
    echo_train: int | None = None
    techniques: frozenset[str] = frozenset()
    fat_suppressed: str = ""


@dataclass(frozen=True)
class Scaling:
    """Conversion of stored to real values.

    Parameters
    ----------
    slope, intercept, rescale_type
        Modality rescale and its unit, if stated.
    philips_slope
        Scale slope of Philips, which makes signals of different series comparable.
    real_slope, real_intercept, real_unit
        Real World Value Mapping; ``real_unit`` is empty without one.
    padding
        Stored value of pixels outside the image.
    stated
        Whether the header has a modality rescale.
    problem
        The value that is stated but unusable (text, zero, infinite), or that is missing although
        other images of the series state it; empty if there is none.
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
        """Whether the modality rescale changes values."""
        return (self.slope, self.intercept) != (1.0, 0.0)


def without_scale(scalings: Sequence[Scaling]) -> list[bool]:
    """Per image, whether it lacks a rescale while another image has one that changes values."""
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
        (3,) unit vectors in which the column index and the row index increase.
    pixel_mm
        Distance of neighbouring rows, distance of neighbouring columns.
    thickness_mm, between_mm
        Slice Thickness and Spacing Between Slices, used only if positions are not enough.
    """

    position: Vector
    along_row: Vector
    along_column: Vector
    pixel_mm: tuple[float, float]
    thickness_mm: float | None = None
    between_mm: float | None = None

    @cached_property
    def normal(self) -> Vector:
        """(3,) unit vector perpendicular to the slice."""
        (a, b, c), (x, y, z) = self.along_row, self.along_column
        return np.array([b * z - c * y, c * x - a * z, a * y - b * x])


@dataclass(frozen=True)
class Origin:
    """Series and scanner of a slice."""

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
        ``None`` if the header has no position.
    image_type
        Upper-case words of Image Type, with the kinds from private tags added.
    b_value
        Diffusion weighting; ``None`` if not in the header.
    phase_along_row
        Whether phase is encoded along the row direction; ``None`` if not in the header.
    acquired
        ``YYYYMMDDHHMMSS.ffffff``, shorter or empty if not fully known.
    order
        Acquisition number and instance number: they distinguish repeats, but never order slices.
    averages
        Number of averaged signals; ``None`` if not in the header.
    tiles
        Number of slices in a mosaic that could not be split; otherwise 1.
    unplaced
        Why the mosaic could not be split.
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
        """Why the values are not MR signals; empty if they are."""
        if self.origin.sop_class.startswith(_SCREENSHOT_CLASSES):
            return "a secondary capture"
        if self.pixels.samples != 1 or "COLOR" in self.pixels.photometric.upper():
            return "a colour picture"
        if self.pixels.photometric.upper() == "MONOCHROME1":
            return "a picture with inverted values (MONOCHROME1)"
        return ""
