"""Siemens: private group 0019 in classic objects, standard tags in enhanced ones.

ADC maps are integers in 10⁻⁶ mm²/s without a unit in the header.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset

from discmri.phantoms.dicom import DIRECTIONALITY, classic, enhanced, lps
from discmri.phantoms.protocol import PulseSequence
from discmri.phantoms.series import PhantomSeries, PhantomStudy, SeriesVolume

_CREATOR = "SIEMENS MR HEADER"


def siemens(series: PhantomSeries, study: PhantomStudy) -> Iterator[Dataset]:
    """Classic objects as in software version E11."""
    for instance in classic(series, study):
        d = instance.dataset
        d.Manufacturer = "SIEMENS"
        d.ManufacturerModelName = "Aera" if study.protocol.field_strength_t < 2 else "Skyra"
        d.SoftwareVersions = "syngo MR E11"
        d.ImageType = _image_type(series, instance.picture)
        d.SequenceName = _sequence_name(series, instance.picture)
        if series.sequence is PulseSequence.DWI:
            _private_diffusion(d, instance.picture)
        yield d


def siemens_enhanced(series: PhantomSeries, study: PhantomStudy) -> Iterator[Dataset]:
    """Enhanced objects as in software version XA."""
    if series.sequence is PulseSequence.LOCALIZER:
        yield from siemens(series, study)
        return
    d, _ = enhanced(series, study)
    d.Manufacturer = "SIEMENS"
    d.ManufacturerModelName = "MAGNETOM Sola"
    d.SoftwareVersions = "syngo MR XA30"
    yield d


def _image_type(series: PhantomSeries, picture: SeriesVolume) -> list[str]:
    if series.is_map:
        return ["DERIVED", "PRIMARY", "DIFFUSION", "ADC", "ND", "NORM"]
    if series.sequence is PulseSequence.DWI:
        trace = picture.direction is None and any(p.kind.value == "trace" for p in series.pictures)
        if trace:
            return ["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW", "ND", "NORM"]
        return ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "ND", "NORM"]
    return ["ORIGINAL", "PRIMARY", "M", "ND", "NORM"]


def _sequence_name(series: PhantomSeries, picture: SeriesVolume) -> str:
    if series.is_map:
        return "*ep_b0_800"
    if picture.b_s_per_mm2 is None:
        return f"*tse2d1_{series.number + 10}"
    suffix = {"trace": "t", "directional": "#1", "none": ""}[picture.kind.value]
    return f"*ep_b{picture.b_s_per_mm2:.0f}{suffix}"


def _private_diffusion(d: Dataset, picture: SeriesVolume) -> None:
    block = d.private_block(0x0019, _CREATOR, create=True)
    b = float(picture.b_s_per_mm2 or 0.0)
    block.add_new(0x0C, "IS", str(round(b)))
    block.add_new(0x0D, "CS", DIRECTIONALITY[picture.kind])
    if picture.direction is not None:
        g = np.array(lps(np.array(picture.direction)))
        block.add_new(0x0E, "FD", g.tolist())
        matrix = b * np.outer(g, g)
        block.add_new(0x27, "FD", matrix[np.triu_indices(3)].tolist())
