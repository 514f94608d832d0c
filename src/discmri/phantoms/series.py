"""The series of a phantom study, independent of file formats."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from discmri.core.diffusion import DirectionKind
from discmri.core.volume import Array, Grid, Volume
from discmri.phantoms.phantom import Phantom, adc_map
from discmri.phantoms.protocol import Occasion, Protocol, PulseSequence
from discmri.phantoms.sacrum import SacrumSpec

LOCALIZER_MM = 8.0
"""Slice thickness of localizers."""


def slice_thickness_mm(sequence: PulseSequence, protocol: Protocol) -> float:
    """Thickness of one slice of a series."""
    return LOCALIZER_MM if sequence is PulseSequence.LOCALIZER else protocol.slice_thickness_mm


@dataclass(frozen=True, eq=False)
class SeriesVolume:
    """One volume of a series."""

    volume: Volume  # signal in arbitrary units, or ADC in µm²/ms
    b_s_per_mm2: float | None = None  # None without diffusion weighting
    kind: DirectionKind = DirectionKind.NONE
    direction: tuple[float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class PhantomSeries:
    """One acquisition or one map."""

    number: int
    sequence: PulseSequence
    # one volume, or one per diffusion weighting (or per plane of a localizer)
    pictures: tuple[SeriesVolume, ...]
    scale: float  # stored value per unit of signal

    @property
    def is_map(self) -> bool:
        """Whether the values are ADC."""
        return self.sequence is PulseSequence.ADC

    def stored(self, picture: SeriesVolume) -> Array:
        """Pixel values (i, j, k) uint16 of a signal volume."""
        values = np.round(picture.volume.array * self.scale)
        return np.clip(values, 0, 4095).astype(np.uint16)


@dataclass(frozen=True)
class PhantomStudy:
    """Facts that all series of a study share."""

    seed: int  # seed of the phantom, used as the patient's name
    key: str  # hash of the study's specification, from which its UIDs are made
    protocol: Protocol

    def uid(self, *parts: object) -> str:
        """A UID that is the same for the same study and parts."""
        from pydicom.uid import generate_uid

        return str(generate_uid(entropy_srcs=[self.key, *map(str, parts)]))


def study_of(phantom: Phantom, vendor: str, protocol: Protocol) -> PhantomStudy:
    """Identity of the study of a phantom, a vendor and a protocol."""
    text = repr((phantom.spec, vendor, protocol))
    if protocol.occasion != Occasion():
        text += repr(protocol.occasion)
    if phantom.spec.sacrum != SacrumSpec():
        text += repr(phantom.spec.sacrum)
    return PhantomStudy(phantom.spec.seed, hashlib.sha256(text.encode()).hexdigest(), protocol)


def series_of(phantom: Phantom, protocol: Protocol) -> Iterator[PhantomSeries]:
    """Scan all series of the protocol, in order."""
    diffusion: tuple[SeriesVolume, ...] = ()
    if {PulseSequence.DWI, PulseSequence.ADC} & set(protocol.sequences):
        diffusion = tuple(
            SeriesVolume(i.volume, i.b_s_per_mm2, i.kind, i.direction)
            for i in phantom.diffusion(protocol)
        )
    for number, sequence in enumerate(protocol.sequences, start=1):
        pictures: tuple[SeriesVolume, ...]
        if sequence is PulseSequence.DWI:
            pictures = diffusion
        elif sequence is PulseSequence.ADC:
            pictures = (
                SeriesVolume(adc_map([(p.b_s_per_mm2 or 0.0, p.volume) for p in diffusion])),
            )
        elif sequence is PulseSequence.LOCALIZER:
            pictures = tuple(SeriesVolume(v) for v in localizer(phantom, protocol))
        else:
            pictures = (SeriesVolume(phantom.image(sequence, protocol)),)
        top = max(float(np.percentile(p.volume.array, 99.8)) for p in pictures)
        yield PhantomSeries(number, sequence, pictures, 1400.0 / max(top, 1e-9))


def localizer(phantom: Phantom, protocol: Protocol) -> Iterator[Volume]:
    """Three coarse orthogonal images through L3."""
    planes = (
        np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
        np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
        np.array([[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]),
    )
    quick = replace(protocol, slice_thickness_mm=LOCALIZER_MM, blur_px=0.5)
    for axes in planes:
        affine = np.eye(4)
        affine[:3, :3] = axes * np.array([2.4, 2.4, LOCALIZER_MM])
        affine[:3, 3] = phantom.centre_mm(protocol) - affine[:3, :3] @ np.array([79.5, 79.5, 0.0])
        yield phantom.image_on(Grid((160, 160, 1), affine), PulseSequence.LOCALIZER, quick)
