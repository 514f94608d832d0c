"""Attributes common to all objects: patient and study of the source, own series, equipment."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pydicom import Dataset
from pydicom import Sequence as Items
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from discmri.core.errors import ResultsError
from discmri.core.text import one_line
from discmri.results.dicom.codes import SCHEME, SCHEME_NAME
from discmri.results.dicom.source import MANUFACTURER, MODEL_NAME, DicomSource
from discmri.study.deidentify import PATIENT_AND_STUDY

IMPLEMENTATION_UID = generate_uid(entropy_srcs=["discmri", "implementation"])


def new_instance(source: DicomSource, kind: str, sop_class: str, modality: str) -> Dataset:
    """A data set with the modules common to all objects.

    ``kind`` is the file name without ``.dcm``; it determines UIDs and series number.
    """
    made = Dataset()
    made.SOPClassUID = sop_class
    complete(made, source, kind)
    made.Modality = modality
    made.InstanceNumber = 1
    return made


def complete(made: Dataset, source: DicomSource, kind: str) -> None:
    """Set patient, study, series, equipment, dates and file header, independent of the clock."""
    first = source.first
    for keyword in PATIENT_AND_STUDY:
        if keyword in first:
            made[keyword] = first[keyword]
    made.SpecificCharacterSet = first.get("SpecificCharacterSet") or "ISO_IR 192"
    made.SOPInstanceUID = source.uid(kind, "instance")
    made.SeriesInstanceUID = source.uid(kind, "series")
    made.SeriesNumber = source.series_number(kind)
    made.SeriesDescription = f"discmri {kind.replace('_', ' ')}"
    made.Manufacturer, made.ManufacturerModelName = MANUFACTURER, MODEL_NAME
    made.DeviceSerialNumber = "none"
    made.SoftwareVersions = source.result.provenance.versions.get("discmri", "")
    date, time = acquired(first)
    made.InstanceCreationDate, made.InstanceCreationTime = date, time
    made.ContentDate, made.ContentTime = date, time
    made.SeriesDate, made.SeriesTime = date, time
    scheme = Dataset()
    scheme.CodingSchemeDesignator, scheme.CodingSchemeName = SCHEME, SCHEME_NAME
    scheme.CodingSchemeResponsibleOrganization = "discmri"
    made.CodingSchemeIdentificationSequence = Items([scheme])
    meta = FileMetaDataset()
    old = getattr(made, "file_meta", None)
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = made.SOPClassUID
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if old is None else old.TransferSyntaxUID
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    meta.ImplementationVersionName = "DISCMRI"
    made.file_meta = meta


@contextmanager
def from_headers(what: str, instead: str = "") -> Iterator[None]:
    """Convert errors about attributes of the source headers to a ``ResultsError`` of one line."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ResultsError(
            f"{what} cannot be made from the headers of these images ({one_line(error)}){instead}"
        ) from error


def made_by(source: DicomSource, kind: str) -> dict[str, Any]:
    """Arguments common to all objects that highdicom makes: UIDs and equipment."""
    return {
        "series_instance_uid": source.uid(kind, "series"),
        "series_number": source.series_number(kind),
        "sop_instance_uid": source.uid(kind, "instance"),
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MODEL_NAME,
        "software_versions": source.result.provenance.versions.get("discmri", ""),
        "device_serial_number": "none",
    }


def settle(made: Dataset, source: DicomSource, kind: str) -> None:
    """Replace times and random UIDs set by highdicom with values derived from the content."""
    complete(made, source, kind)
    for keyword in ("BodyPartExamined", "PositionReferenceIndicator"):
        if keyword in source.first:
            made[keyword] = source.first[keyword]
    organization = source.uid(kind, "dimensions")
    for item in made.get("DimensionOrganizationSequence", ()):
        item.DimensionOrganizationUID = organization
    for item in made.get("DimensionIndexSequence", ()):
        item.DimensionOrganizationUID = organization
    for item in made.get("ContributingEquipmentSequence", ()):
        item.pop("ContributionDateTime", None)


def acquired(header: Dataset) -> tuple[str, str]:
    """Date and time of the images, which are also those of the objects."""
    for name in ("Acquisition", "Series", "Study"):
        date = str(header.get(f"{name}Date") or "")
        if date:
            return date, str(header.get(f"{name}Time") or "") or "000000"
    return "19000101", "000000"


def evidence(source: DicomSource, others: Iterable[Dataset] = ()) -> Items:
    """Evidence sequence: every instance that a report refers to, by study and series."""
    series: dict[str, list[Dataset]] = {}
    for one in (*source.headers, *others):
        item = Dataset()
        item.ReferencedSOPClassUID = one.SOPClassUID
        item.ReferencedSOPInstanceUID = one.SOPInstanceUID
        series.setdefault(str(one.SeriesInstanceUID), []).append(item)
    listed = []
    for uid, items in series.items():
        entry = Dataset()
        entry.SeriesInstanceUID, entry.ReferencedSOPSequence = uid, Items(items)
        listed.append(entry)
    study = Dataset()
    study.StudyInstanceUID = source.first.StudyInstanceUID
    study.ReferencedSeriesSequence = Items(listed)
    return Items([study])


def to_bytes(made: Dataset) -> bytes:
    """Content of the DICOM file."""
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
