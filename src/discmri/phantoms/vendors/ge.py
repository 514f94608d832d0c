"""GE: b-value plus 10⁹ in (0043,1039), image kind in (0043,1030).

The standard b-value is also written, as since version 27, except at b = 0.  ADC maps are integers
in 10⁻⁶ mm²/s.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from discmri.core.diffusion import DirectionKind
from discmri.phantoms.dicom import classic
from discmri.phantoms.protocol import PulseSequence
from discmri.phantoms.series import PhantomSeries, PhantomStudy, SeriesVolume

_OFFSET = 1_000_000_000
_T2, _COMBINED, _ADC = 14, 15, 20
_ALONG = (3, 4, 5)  # right-left, anterior-posterior, superior-inferior


def ge(series: PhantomSeries, study: PhantomStudy) -> Iterator[Dataset]:
    """Classic objects as in version 27."""
    for instance in classic(series, study):
        d = instance.dataset
        d.Manufacturer = "GE MEDICAL SYSTEMS"
        d.ManufacturerModelName = "SIGNA Artist"
        d.SoftwareVersions = ["27", "LX", "MR Software release:RX27.0_R02"]
        d.ImageType = ["DERIVED" if series.is_map else "ORIGINAL", "PRIMARY", "OTHER"]
        if series.sequence in (PulseSequence.DWI, PulseSequence.ADC):
            d.ScanOptions = ["FAST_GEMS", "EPI_GEMS", "FS"]
            _private_diffusion(d, series, instance.picture)
        yield d


def _private_diffusion(d: Dataset, series: PhantomSeries, picture: SeriesVolume) -> None:
    parameters = d.private_block(0x0043, "GEMS_PARM_01", create=True)
    acquisition = d.private_block(0x0019, "GEMS_ACQU_01", create=True)
    b = round(picture.b_s_per_mm2 or 0.0)
    if series.is_map:
        parameters.add_new(0x30, "SS", _ADC)
        parameters.add_new(0x39, "IS", [str(_OFFSET), "0", "0", "0"])
        return
    parameters.add_new(0x30, "SS", _kind(picture))
    parameters.add_new(0x39, "IS", [str(_OFFSET + b), "8", "0", "0"])
    direction = picture.direction or (0.0, 0.0, 0.0)
    for element, component in zip((0xBB, 0xBC, 0xBD), direction, strict=True):
        acquisition.add_new(element, "DS", str(component))
    directions = sum(p.kind is DirectionKind.DIRECTIONAL for p in series.pictures)
    acquisition.add_new(0xE0, "DS", str(directions))
    if b > 0:
        d.DiffusionBValue = float(b)
        d.DiffusionGradientOrientation = list(direction)


def _kind(picture: SeriesVolume) -> int:
    if picture.direction is not None:
        parts = [abs(component) for component in picture.direction]
        return _ALONG[parts.index(max(parts))]
    return _T2 if picture.kind is DirectionKind.NONE else _COMBINED
