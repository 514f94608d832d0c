"""Structures that a segmenter finds, and the same structures with their names.

Every structure is a soft mask of its own; labels are never interpolated.  A label map is made
only at the end, for other programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from discmri.core.findings import Finding
from discmri.core.levels import CANAL_LABEL, DiscLevel, Vertebra
from discmri.core.volume import Grid, SoftMask


@dataclass(frozen=True, eq=False)
class FoundDisc:
    """One disc before it has a name.

    Parameters
    ----------
    mask
        Soft mask on (a crop of) the image grid.
    confidence
        0 to 1, the segmenter's confidence in this disc and its border.
    level
        Only from a label map that already names its discs.
    height_sd_mm
        The segmenter's part of a height's standard uncertainty, measured on scans with known
        truth; 0 for a given mask.
    sacrum_above
        Share of the bone above the disc that is segmented as sacrum, 0 to 1; NaN if unknown.
    bone_across
        Signal of bone that continues across the disc / of the bones beside it; NaN if unknown.
    """

    mask: SoftMask
    confidence: float
    level: DiscLevel | None = None
    height_sd_mm: float = 0.0
    sacrum_above: float = float("nan")
    bone_across: float = float("nan")


@dataclass(frozen=True, eq=False)
class FoundSpine:
    """What a segmenter returns: structures without names, cranial to caudal.

    Parameters
    ----------
    grid
        The voxel grid of the image that was segmented.
    discs, bodies
        Cranial to caudal.  Bodies are vertebral bodies without posterior elements and
        without the sacrum.
    sacrum, canal
        ``None`` if outside the image or not segmented.
    method
        Name of the segmenter with version or hash, for the record.
    findings
        The segmenter's findings.
    upright_probability
        That head and feet are where the headers place them, 0 to 1.
    remnant
        A residual disc within the sacrum that is not among ``discs``.  It is below the lowest disc,
        and S1-S2 if that one is L5-S1.
    """

    grid: Grid
    discs: tuple[FoundDisc, ...]
    bodies: tuple[SoftMask, ...] = ()
    sacrum: SoftMask | None = None
    canal: SoftMask | None = None
    method: str = ""
    findings: tuple[Finding, ...] = ()
    upright_probability: float = 1.0
    remnant: SoftMask | None = None


class NumberingMethod(Enum):
    """How the discs got their names."""

    SACRUM = "sacrum"
    READER = "reader"
    MASKS = "masks"
    ASSUMED = "assumed"


@dataclass(frozen=True, eq=False)
class SpineLabels:
    """Named structures on one grid.

    Parameters
    ----------
    grid
        The voxel grid of the image that was segmented.
    discs, vertebrae
        Soft masks by name, cranial to caudal.  ``vertebrae`` includes the sacrum; any of them
        may be missing.
    canal
        The thecal sac with its contents.
    confidence
        0 to 1 per disc.
    numbering
        How the discs got their names.
    numbering_probability
        0 to 1, probability that these names are right, given five lumbar vertebrae; 1 if a
        reader or a label map gave them.
    numbering_signs
        Signs of the lumbosacral junction from which that probability was computed, by name.
    segmenter_sd_mm
        Per disc, the segmenter's part of a height's standard uncertainty; 0 if absent.
    residual_discs
        Residual S1-S2 discs: shown and written to the label map, but not measured.  They are
        separate from ``discs`` so that no measurement includes one by mistake.
    remnants
        Residual discs that the segmenter did not outline as discs: they were found within the sacrum.

    Raises
    ------
    ValueError
        If ``discs`` holds a level that is not measured, or ``residual_discs`` one that is
        (:attr:`DiscLevel.is_measured`).
    """

    grid: Grid
    discs: Mapping[DiscLevel, SoftMask]
    vertebrae: Mapping[Vertebra, SoftMask]
    canal: SoftMask | None
    confidence: Mapping[DiscLevel, float]
    numbering: NumberingMethod
    numbering_probability: float = 1.0
    numbering_signs: Mapping[str, float] = field(default_factory=dict)
    segmenter_sd_mm: Mapping[DiscLevel, float] = field(default_factory=dict)
    residual_discs: Mapping[DiscLevel, SoftMask] = field(default_factory=dict)
    remnants: frozenset[DiscLevel] = frozenset()

    def __post_init__(self) -> None:
        for discs, is_measured in ((self.discs, True), (self.residual_discs, False)):
            for level in discs:
                if level.is_measured is not is_measured:
                    place = "discs" if level.is_measured else "residual_discs"
                    raise ValueError(f"{level.value} belongs in {place}")

    def label_map(self) -> NDArray[np.uint8]:
        """(i, j, k) label numbers: each voxel goes to the structure that fills most of it."""
        best = np.full(self.grid.shape, 0.5, dtype=np.float32)
        labels = np.zeros(self.grid.shape, dtype=np.uint8)
        structures = [(CANAL_LABEL, self.canal)]
        structures += [(v.label_id, mask) for v, mask in self.vertebrae.items()]
        structures += [(d.label_id, mask) for d, mask in self.discs.items()]
        for label_id, mask in structures:
            if mask is not None:
                box, fraction = mask.part_on(self.grid)
                wins = fraction >= best[box]
                labels[box][wins] = label_id
                best[box][wins] = fraction[wins]
        for level, mask in self.residual_discs.items():  # lies within the mask of the sacrum
            box, fraction = mask.part_on(self.grid)
            inside = np.isin(labels[box], (0, Vertebra.SACRUM.label_id))
            labels[box][inside & (fraction >= 0.5)] = level.label_id
        return labels
