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
    """Place and storage format of the pixel values of one file."""

    file: InputFile
    # of the value of the pixel element, bytes; None if the file must be read as a whole (deflated)
    offset: int | None
    length: int | None  # of that value, bytes; None if undefined (compressed)
    syntax: str  # transfer syntax UID
    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int  # of a float image its width
    bits_stored: int
    signed: bool
    keyword: str  # `PixelData`, `FloatPixelData` or `DoubleFloatPixelData`
    photometric: str  # Photometric Interpretation
    high_bit: int = -1  # place of the highest bit stored, counted from zero
    # rows and columns of a whole mosaic, if `rows` and `columns` are those of a tile; otherwise
    # None
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
    """Acquisition parameters from which the role of a series is decided."""

    te_ms: float | None = None  # timing; None if not in the header
    tr_ms: float | None = None
    ti_ms: float | None = None
    echo_train: int | None = None  # echoes per excitation
    techniques: frozenset[str] = frozenset()  # any of `SE`, `GR`, `EP`, `IR`
    fat_suppressed: str = ""  # text of the header that states fat suppression; empty if none does


@dataclass(frozen=True)
class Scaling:
    """Conversion of stored to real values."""

    slope: float = 1.0  # modality rescale with its unit, if stated
    intercept: float = 0.0
    rescale_type: str = ""
    # scale slope of Philips, which makes signals of different series comparable
    philips_slope: float | None = None
    real_slope: float = 1.0
    real_intercept: float = 0.0
    real_unit: str = ""  # of the Real World Value Mapping; empty without one
    padding: int | None = None  # stored value of pixels outside the image
    stated: bool = False  # whether the header has a modality rescale
    # the value that is stated but unusable (text, zero, infinite), or that is missing although
    # other images of the series state it; empty if there is none
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
    """Place of a slice, LPS millimetres."""

    position: Vector  # (3,) centre of the first pixel
    along_row: Vector  # (3,) unit vector in which the column index increases
    along_column: Vector  # (3,) unit vector in which the row index increases
    pixel_mm: tuple[float, float]  # distance of neighbouring rows, distance of neighbouring columns
    thickness_mm: float | None = None  # Slice Thickness, used only if positions are not enough
    between_mm: float | None = None  # Spacing Between Slices, likewise

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
    """One slice."""

    pixels: PixelPlace
    index: int  # of the frame in the file, from zero
    sop_instance_uid: str
    owner: Owner  # shared by many slices, like the next three
    origin: Origin
    contrast: ContrastParameters
    scaling: Scaling
    geometry: Geometry | None  # None if the header has no position
    # upper-case words of Image Type, with the kinds from private tags added
    image_type: tuple[str, ...]
    b_value: BValue | None = None  # diffusion weighting; None if not in the header
    # whether phase is encoded along the row direction; None if not in the header
    phase_along_row: bool | None = None
    acquired: str = ""  # `YYYYMMDDHHMMSS.ffffff`, shorter or empty if not fully known
    # acquisition number and instance number: they distinguish repeats, but never order slices
    order: tuple[int, int] = (0, 0)
    averages: float | None = None  # number of averaged signals; None if not in the header
    tiles: int = 1  # number of slices in a mosaic that could not be split; otherwise 1
    unplaced: str = ""  # why the mosaic could not be split

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
