"""Every choice a user can make about a measurement, with its default: the only home of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from discmri.core.levels import DiscLevel


@dataclass(frozen=True)
class Settings:
    """How one study is measured.  The command line and the viewer read defaults from here.

    Parameters
    ----------
    segmenter, masks, mask_scheme
        How discs are found; label map and its scheme of numbers for the segmenter ``masks``.
    lowest_disc
        Level of the lowest disc, where a reader sets it.
    height_method
        Code of the definition that fills ``height_mm``.
    formats
        Exporters that write results; all where empty.
    threads
        Of numerical libraries.
    seg_kind, seg_structures
        DICOM SEG: ``auto``, ``binary``, ``fractional`` or ``labelmap``; ``discs`` or ``all``.
    all_lines, secondary_capture
        DICOM: anterior and posterior height lines too; the report as a colour picture too.
    central_slices
        Slices nearest the mid-plane that outlines are cut in.
    normal_height_loss
        Share of height loss that still counts as normal height.
    adc_ceiling_um2_ms, adc_min_voxels
        Highest ADC that a voxel may have, and voxels that a disc needs.
    max_alignment_mm
        Largest displacement of the diffusion images from T2.
    """

    segmenter: str = field(default="builtin", metadata={"help": "how discs are found"})
    masks: Path | None = None
    mask_scheme: str = "discmri"
    lowest_disc: DiscLevel | None = None
    height_method: str = "columns"
    formats: tuple[str, ...] = ()  # empty: every exporter
    threads: int = 2

    # DICOM objects
    seg_kind: str = "auto"  # or binary, fractional, labelmap
    seg_structures: str = "discs"  # or all: bodies, sacrum and canal too
    all_lines: bool = False  # anterior and posterior heights as lines too
    secondary_capture: bool = False

    # Measuring
    central_slices: int = 7  # Belavy 2012: about 7 central slices match all-slice error
    normal_height_loss: float = 0.10  # reduction below this is "normal height"
    adc_ceiling_um2_ms: float = 3.2  # free water at 37 degC is 3.04
    adc_min_voxels: int = 10
    max_alignment_mm: float = 10.0

    def __post_init__(self) -> None:
        """Texts that a caller gives for a path, a level or a format become what they mean."""
        meanings: dict[str, Callable[[str], object]]
        meanings = {"masks": Path, "lowest_disc": DiscLevel.parse, "formats": lambda text: (text,)}
        for name, meaning in meanings.items():
            value = getattr(self, name)
            if isinstance(value, str):
                object.__setattr__(self, name, meaning(value))
