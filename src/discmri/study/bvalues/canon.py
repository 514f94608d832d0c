"""Canon and Toshiba: the standard tag where b > 0, nothing at b = 0, or a comment.

Classic images of some releases hold ``b=1500(0.445,0.000,0.895)`` in Image Comments, with
the direction in the frame of the image.
"""

from __future__ import annotations

import re

import numpy as np
from pydicom import Dataset

from discmri.core.diffusion import BValue, DirectionKind
from discmri.study.bvalues.private import floats, kind_of_vector

_NUMBER = r"\s*(-?\d+(?:\.\d*)?)\s*"
_COMMENT = re.compile(
    rf"\bb\s*=\s*(\d{{1,5}}(?:\.\d+)?)\s*(?:\({_NUMBER},{_NUMBER},{_NUMBER}\))?", re.IGNORECASE
)


def is_canon(manufacturer: str) -> bool:
    """Whether a Manufacturer text names this vendor, under either name."""
    name = manufacturer.upper()
    return "TOSHIBA" in name or "CANON" in name


def read(ds: Dataset) -> BValue | None:
    """The b-value in Image Comments; :mod:`~discmri.study.bvalues.standard` reads the tag."""
    if not is_canon(str(ds.get("Manufacturer", ""))):
        return None
    every = list(_COMMENT.finditer(str(ds.get("ImageComments", ""))))
    if len({found.group(1) for found in every}) != 1:
        return None
    found = every[0]
    vector = [float(group) for group in found.groups()[1:] if group is not None]
    kind = kind_of_vector(vector)
    direction = None
    cosines = floats(ds.get("ImageOrientationPatient"))
    if kind is DirectionKind.DIRECTIONAL and len(cosines) == 6:
        row, column = np.array(cosines[:3]), np.array(cosines[3:])
        lps = vector[0] * row + vector[1] * column + vector[2] * np.cross(row, column)
        direction = (float(-lps[0]), float(-lps[1]), float(lps[2]))
    return BValue(float(found.group(1)), "Canon ImageComments", kind, direction)
