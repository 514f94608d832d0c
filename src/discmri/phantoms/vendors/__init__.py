"""Phantom studies as DICOM files with the tags of several vendors.

To add a vendor, write one file with a function of type :data:`SeriesWriter` that adds the vendor's
tags to standard objects, and add one line to :data:`VENDORS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import JPEGLSLossless, RLELossless

from discmri.core.errors import UsageError
from discmri.phantoms.phantom import Phantom
from discmri.phantoms.protocol import Protocol
from discmri.phantoms.series import PhantomSeries, PhantomStudy, series_of, study_of
from discmri.phantoms.vendors.canon import canon
from discmri.phantoms.vendors.ge import ge
from discmri.phantoms.vendors.philips import philips, philips_classic
from discmri.phantoms.vendors.siemens import siemens, siemens_enhanced

SeriesWriter = Callable[[PhantomSeries, PhantomStudy], Iterable[Dataset]]
"""Converts one series to the DICOM objects of a vendor's scanner."""

VENDORS: Mapping[str, SeriesWriter] = {
    "siemens": siemens,
    "siemens-enhanced": siemens_enhanced,
    "ge": ge,
    "philips": philips,
    "philips-classic": philips_classic,
    "canon": canon,
}
COMPRESSIONS = {
    "none": None,
    "rle": RLELossless,
    "jpeg-ls": JPEGLSLossless,
}


def write_study(
    phantom: Phantom,
    folder: Path,
    vendor: str = "siemens",
    protocol: Protocol | None = None,
    compression: str = "none",
) -> list[Path]:
    """Scan a phantom and write its study.

    Parameters
    ----------
    phantom
        The phantom to scan.
    folder
        Folder for the files, with one subfolder per series; created if missing.
    vendor
        A name in :data:`VENDORS`.
    protocol
        Scan parameters.
    compression
        ``none``, ``rle`` or ``jpeg-ls``; all lossless.

    Returns
    -------
    The files, in order.

    Raises
    ------
    UsageError
        For an unknown vendor or compression.
    """
    if vendor not in VENDORS:
        raise UsageError(f"unknown vendor {vendor!r}; choose one of: {', '.join(VENDORS)}")
    if compression not in COMPRESSIONS:
        known = ", ".join(COMPRESSIONS)
        raise UsageError(f"unknown compression {compression!r}; choose one of: {known}")
    protocol = protocol or Protocol()
    study = study_of(phantom, vendor, protocol)
    syntax = COMPRESSIONS[compression]
    written = []
    for series in series_of(phantom, protocol):
        target = folder / f"{series.number:02d}_{series.sequence.value}"
        target.mkdir(parents=True, exist_ok=True)
        for number, dataset in enumerate(VENDORS[vendor](series, study), start=1):
            if syntax is not None:
                dataset.compress(syntax, generate_instance_uid=False)
            path = target / f"IM{number:04d}.dcm"
            dataset.save_as(path, enforce_file_format=True)
            written.append(path)
    return written
