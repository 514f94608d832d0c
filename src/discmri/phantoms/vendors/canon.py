"""Canon (Toshiba): standard b-value, only above 0, and a comment.

ADC maps are integers in 10⁻⁶ mm²/s.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset

from discmri.phantoms.dicom import DIRECTIONALITY, classic, lps
from discmri.phantoms.protocol import PulseSequence
from discmri.phantoms.series import PhantomSeries, PhantomStudy


def canon(series: PhantomSeries, study: PhantomStudy) -> Iterator[Dataset]:
    """Classic objects as in version 6."""
    for instance in classic(series, study):
        d, picture = instance.dataset, instance.picture
        d.Manufacturer = "CANON_MEC"
        d.ManufacturerModelName = "Vantage Orian"
        d.SoftwareVersions = "V6.0*R001"
        d.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        if series.is_map:
            d.ImageType = ["DERIVED", "SECONDARY", "ADC"]
        b = picture.b_s_per_mm2
        if series.sequence is PulseSequence.DWI and b:
            direction = picture.direction or (0.0, 0.0, 0.0)
            d.DiffusionBValue = float(b)
            d.DiffusionDirectionality = DIRECTIONALITY[picture.kind]
            d.DiffusionGradientOrientation = lps(np.array(direction))
            x, y, z = direction
            d.ImageComments = f"b={b:.0f}({x:.3f},{y:.3f},{z:.3f})"
        yield d
