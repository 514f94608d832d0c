"""Philips: private groups 2001 and 2005, three kinds of scaling.

The rescale slope RS converts stored to displayed values, the scale slope SS these to comparable
ones: FP = DV / (RS SS).  ADC maps have a Real World Value Mapping and a rescale to 10⁻³ mm²/s.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset

from discmri.phantoms.dicom import classic, enhanced, lps, real_world_item, rescale_item
from discmri.phantoms.protocol import PulseSequence
from discmri.phantoms.series import PhantomSeries, PhantomStudy, SeriesVolume

_IMAGING = "Philips Imaging DD 001"
_MR = "Philips MR Imaging DD 001"
_RESCALE_SLOPE = 1.2
_ADC_RESCALE_SLOPE = 0.001
_DIRECTION = {"none": "I", "trace": "I", "directional": "O"}


def philips(series: PhantomSeries, study: PhantomStudy) -> Iterator[Dataset]:
    """Enhanced objects as in release 5."""
    if series.sequence is PulseSequence.LOCALIZER:
        yield from philips_classic(series, study)
        return
    d, pictures = enhanced(series, study)
    _maker(d)
    slope = _ADC_RESCALE_SLOPE if series.is_map else _RESCALE_SLOPE
    frames = d.PerFrameFunctionalGroupsSequence
    for group, picture in zip(frames, pictures, strict=True):
        kind = "US" if not series.is_map else "10-3 mm2/s"
        group.PixelValueTransformationSequence = rescale_item(slope, 0.0, kind)
        if series.is_map:
            group.RealWorldValueMappingSequence = real_world_item(1e-6, "mm2/s", "ADC")
        block = group.private_block(0x2005, _MR, create=True)
        inner = Dataset()
        _private(inner, series, picture)
        block.add_new(0x0F, "SQ", [inner])
    yield d


def philips_classic(series: PhantomSeries, study: PhantomStudy) -> Iterator[Dataset]:
    """Classic objects as in release 5."""
    for instance in classic(series, study):
        d = instance.dataset
        _maker(d)
        d.ImageType = ["ORIGINAL", "PRIMARY", "M_SE", "M", "SE"]
        if series.is_map:
            d.ImageType = ["DERIVED", "PRIMARY", "ADC", "ADC", "SE"]
        elif series.sequence is PulseSequence.DWI:
            d.ImageType = ["ORIGINAL", "PRIMARY", "M_SE", "M", "SE"]
            b = float(instance.picture.b_s_per_mm2 or 0.0)
            d.DiffusionBValue = b
            d.DiffusionGradientOrientation = _direction(instance.picture)
        d.RescaleIntercept = 0.0
        d.RescaleSlope = _ADC_RESCALE_SLOPE if series.is_map else _RESCALE_SLOPE
        d.RescaleType = "normalized"
        _private(d, series, instance.picture)
        yield d


def _maker(d: Dataset) -> None:
    d.Manufacturer = "Philips Medical Systems"
    d.ManufacturerModelName = "Ingenia"
    d.SoftwareVersions = ["5.7.1", "5.7.1.2"]


def _direction(picture: SeriesVolume) -> list[float]:
    if picture.direction is None:
        return [0.0, 0.0, 0.0]
    return lps(np.array(picture.direction))


def _private(d: Dataset, series: PhantomSeries, picture: SeriesVolume) -> None:
    mr = d.private_block(0x2005, _MR, create=True)
    mr.add_new(0x0D, "FL", 0.0)
    mr.add_new(0x0E, "FL", series.scale if not series.is_map else 1000.0)
    if series.sequence is not PulseSequence.DWI:
        return
    imaging = d.private_block(0x2001, _IMAGING, create=True)
    imaging.add_new(0x03, "FL", float(picture.b_s_per_mm2 or 0.0))
    imaging.add_new(0x04, "CS", _DIRECTION[picture.kind.value])
    for element, component in zip((0xB0, 0xB1, 0xB2), _direction(picture), strict=True):
        mr.add_new(element, "FL", component)
