"""``seg.dcm``: the discs as a DICOM Segmentation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset
from pydicom.uid import RLELossless, generate_uid

from discmri.core.levels import CANAL_LABEL, Vertebra
from discmri.results.dicom.codes import ANATOMY, CANAL, DISC, VERTEBRA, Concept
from discmri.results.dicom.instance import made_by, settle
from discmri.results.dicom.source import DicomSource, lps_affine

if TYPE_CHECKING:
    import highdicom as hd


class SegKind(Enum):
    """How the segments are stored."""

    AUTO = "auto"
    BINARY = "binary"
    FRACTIONAL = "fractional"
    LABELMAP = "labelmap"


@dataclass(frozen=True)
class StructureSegment:
    """One segment."""

    label_id: int
    name: str
    code: Concept
    tracking_uid: str


def structures(source: DicomSource, with_bones: bool = False) -> tuple[StructureSegment, ...]:
    """Structures of the label map that become segments, discs first, cranial to caudal.

    ``with_bones`` includes vertebral bodies, sacrum and canal.
    """
    labels = source.result.label_map.array
    present = set(np.unique(labels).tolist())
    residual = [one.level for one in source.result.residual_discs]
    discs = [record.level for record in source.result.records] + residual
    found = [
        StructureSegment(level.label_id, level.value, DISC[level], source.tracking_uid(level))
        for level in dict.fromkeys(discs)
    ]
    if with_bones:
        found += [
            StructureSegment(one.label_id, one.value, VERTEBRA[one], _uid(source, one.value))
            for one in Vertebra
        ]
        found.append(StructureSegment(CANAL_LABEL, "canal", CANAL, _uid(source, "canal")))
    return tuple(one for one in found if one.label_id in present)


def segmentation_of(
    source: DicomSource, kind: SegKind = SegKind.AUTO, with_bones: bool = False
) -> Dataset:
    """A Segmentation of the label map; ``with_bones`` as in :func:`structures`.

    Some viewers misread BINARY frames that do not end on a whole byte.  ``AUTO`` is therefore
    FRACTIONAL with values 0 and 1 if rows times columns is not a multiple of 8, otherwise BINARY.
    """
    import highdicom as hd

    label_map = source.result.label_map
    found = structures(source, with_bones)
    # arrays are (i, j, k) with slices last; highdicom needs slices first
    labels = np.ascontiguousarray(label_map.array.transpose(2, 1, 0))
    if kind is SegKind.AUTO:
        aligned = labels.shape[1] * labels.shape[2] % 8 == 0
        kind = SegKind.BINARY if aligned else SegKind.FRACTIONAL
    numbers = np.zeros(256, dtype=np.uint8)
    for number, one in enumerate(found, 1):
        numbers[one.label_id] = number
    pixels = numbers[labels]
    volume = hd.Volume(
        pixels,
        lps_affine(label_map.grid),
        coordinate_system="PATIENT",
        frame_of_reference_uid=source.first.FrameOfReferenceUID,
    )
    made = hd.seg.Segmentation(
        list(source.headers),
        volume,
        kind.value.upper(),
        [_description(number, one, source) for number, one in enumerate(found, 1)],
        **made_by(source, "seg"),
        content_label="DISCS",
        content_description="Lumbar discs",
        omit_empty_frames=True,
        fractional_type="OCCUPANCY",
        max_fractional_value=1,
    )
    if kind is not SegKind.BINARY:
        # gdcm crashes on such frames; the encoder of pydicom takes a second
        made.compress(RLELossless, encoding_plugin="pylibjpeg", generate_instance_uid=False)
    settle(made, source, "seg")
    return made


def _description(
    number: int, one: StructureSegment, source: DicomSource
) -> hd.seg.SegmentDescription:
    import highdicom as hd

    algorithm = source.result.provenance.segmenter or "discmri"
    name, _, version = algorithm.partition(":")
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=one.name,
        segmented_property_category=hd.sr.CodedConcept(*ANATOMY),
        segmented_property_type=hd.sr.CodedConcept(*one.code),
        algorithm_type="AUTOMATIC",
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=f"discmri {name}"[:64],
            family=hd.sr.CodedConcept("123110", "DCM", "Artificial Intelligence"),
            version=version or source.result.provenance.versions.get("discmri", "unknown"),
        ),
        tracking_uid=one.tracking_uid,
        tracking_id=one.name,
    )


def _uid(source: DicomSource, name: str) -> str:
    return str(generate_uid(entropy_srcs=["discmri", source.result.subject_id, name]))
