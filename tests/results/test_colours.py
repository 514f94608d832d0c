"""Colours of neighbouring levels are told apart by colour-blind readers as well."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from discmri.core.levels import DiscLevel
from discmri.results.pictures.canvas import LEVEL_COLOURS

SEEN_AS = {
    "usual": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}  # fmt: skip
"""Linear RGB as it is seen: Machado, Oliveira and Fernandes 2009, severity 1.0."""
APART = 8.0  # CIEDE2000; from about 2 two colours are seen to differ side by side
SPINES = (
    ("T10-T11", "T11-T12", "T12-L1", "L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1", "S1-S2"),
    ("L4-L5", "L5-L6", "L6-S1"),
)


def lab(colour, matrix):
    """CIE L*a*b* of a colour as it is seen."""
    encoded = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(matrix) @ linear, 0.0, 1.0)
    again = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    return rgb2lab(again[None, None])[0, 0]


@pytest.mark.parametrize("how", SEEN_AS)
def test_neighbours_are_told_apart(how):
    for upper, lower in itertools.chain.from_iterable(map(itertools.pairwise, SPINES)):
        two = [lab(LEVEL_COLOURS[DiscLevel(one)], SEEN_AS[how]) for one in (upper, lower)]
        assert deltaE_ciede2000(*two) > APART, (upper, lower)
