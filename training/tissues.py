"""The tissues that are drawn, and which structure of the network each belongs to."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from discmri.measurement.segment.network import Channel


class Tissue(IntEnum):
    """One number per tissue in a drawn section."""

    AIR = 0
    SKIN = 1
    SUBCUTANEOUS_FAT = 2
    MUSCLE = 3
    DEEP_FAT = 4
    VISCERAL_FAT = 5
    BOWEL_WALL = 6
    BOWEL_CONTENT = 7
    ORGAN = 8
    VESSEL = 9
    CSF = 10
    CORD = 11
    ROOTS = 12
    EPIDURAL_FAT = 13
    LIGAMENT = 14
    BODY_CORTEX = 15
    ENDPLATE = 16
    MARROW = 17
    MARROW_CHANGE = 18
    BASIVERTEBRAL_VEIN = 19
    NUCLEUS = 20
    INNER_ANNULUS = 21
    OUTER_ANNULUS = 22
    CLEFT = 23
    POSTERIOR_MARROW = 24
    SACRAL_MARROW = 25
    SACRAL_REMNANT = 26
    INTERSPINOUS = 27
    NERVE = 28
    FLUID = 29
    GAS = 30
    POSTERIOR_CORTEX = 31
    SACRAL_CORTEX = 32
    VACUUM = 33
    FISSURE = 34
    FASCIA = 35
    FACET_JOINT = 36
    SECOND_ORGAN = 37
    IMPLANT = 38
    UNREAD_ANNULUS = 39


_MEMBERS = {
    Channel.DISC: (
        Tissue.NUCLEUS,
        Tissue.INNER_ANNULUS,
        Tissue.OUTER_ANNULUS,
        Tissue.CLEFT,
        Tissue.VACUUM,
        Tissue.FISSURE,
    ),
    Channel.BODY: (
        Tissue.MARROW,
        Tissue.MARROW_CHANGE,
        Tissue.BODY_CORTEX,
        Tissue.BASIVERTEBRAL_VEIN,
    ),
    Channel.SACRUM: (Tissue.SACRAL_MARROW, Tissue.SACRAL_CORTEX, Tissue.SACRAL_REMNANT),
    Channel.CANAL: (Tissue.CSF, Tissue.CORD, Tissue.ROOTS),
    Channel.ENDPLATE: (Tissue.ENDPLATE,),
    Channel.POSTERIOR: (Tissue.POSTERIOR_MARROW, Tissue.POSTERIOR_CORTEX),
}
DISC_TISSUES = np.array(_MEMBERS[Channel.DISC], dtype=np.uint8)
DISC_SPACE = np.append(DISC_TISSUES, np.uint8(Tissue.UNREAD_ANNULUS))
NOT_DISC = np.array(
    [t for t in Tissue if t not in DISC_SPACE and t is not Tissue.ENDPLATE],
    dtype=np.uint8,
)


def structure_table() -> NDArray[np.uint8]:
    """(tissues,) the structure each tissue belongs to."""
    table = np.zeros(len(Tissue), dtype=np.uint8)
    for structure, members in _MEMBERS.items():
        table[list(members)] = structure
    return table
