"""All settings of a measurement with their defaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from discmri.core.levels import DiscLevel


@dataclass(frozen=True)
class Settings:
    """How one study is measured.  The command line and the viewer use these defaults.

    Parameters
    ----------
    segmenter, masks, mask_scheme
        Segmenter; label map and its scheme of numbers for the segmenter ``masks``.
    lowest_disc
        Level of the lowest disc, if a reader sets it.
    height_method
        Code of the height definition that fills ``height_mm``.
    formats
        Exporters that write results; all if empty.
    threads
        Threads of the numerical libraries.
    seg_kind, seg_structures
        DICOM SEG: ``auto``, ``binary``, ``fractional`` or ``labelmap``; ``discs`` or ``all``.
    all_lines, secondary_capture
        DICOM: also anterior and posterior height lines; also the report as a colour picture.
    central_slices
        Number of slices nearest the mid-plane in which outlines are traced.
    normal_height_loss
        Share of height loss that still counts as normal height, 0 to 1.
    adc_ceiling_um2_ms, adc_min_voxels
        Highest ADC of a voxel (µm²/ms), and number of voxels that a disc needs.
    max_alignment_mm
        Largest displacement of the diffusion images from T2 that is accepted.
    """

    segmenter: str = field(default="builtin", metadata={"help": "how discs are found"})
    masks: Path | None = None
    mask_scheme: str = "discmri"
    lowest_disc: DiscLevel | None = None
    height_method: str = "columns"
    formats: tuple[str, ...] = ()
    threads: int = 2

    seg_kind: str = "auto"
    seg_structures: str = "discs"
    all_lines: bool = False
    secondary_capture: bool = False

    central_slices: int = 7  # Belavy 2012: about 7 central slices match all-slice error
    normal_height_loss: float = 0.10
    adc_ceiling_um2_ms: float = 3.2  # free water at 37 degC is 3.04
    adc_min_voxels: int = 10
    max_alignment_mm: float = 10.0

    def __post_init__(self) -> None:
        """Accept text for a path, a level or a single format."""
        converters: dict[str, Callable[[str], object]]
        converters = {"masks": Path, "lowest_disc": DiscLevel.parse, "formats": lambda one: (one,)}
        for name, convert in converters.items():
            value = getattr(self, name)
            if isinstance(value, str):
                object.__setattr__(self, name, convert(value))
