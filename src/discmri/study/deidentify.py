"""De-identification: names removed, UIDs replaced, dates shifted, reproducible with the same key.

All output of a study passes :func:`without_names` (facts from its headers) or
:func:`header_without_names` (a whole header, for DICOM objects).  Whole headers keep only what is
listed here: numbers and coded words of the image, and texts about the scanner.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from pydicom import DataElement, Dataset
from pydicom import Sequence as Items

from discmri.core.errors import UsageError
from discmri.study.frame import Frame

PATIENT_AND_STUDY = (
    "SpecificCharacterSet", "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate",
    "PatientSex", "PatientAge", "PatientSize", "PatientWeight", "EthnicGroup", "PatientComments",
    "PatientIdentityRemoved", "DeidentificationMethod",
    "DeidentificationMethodCodeSequence", "LongitudinalTemporalInformationModified",
    "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "StudyDescription", "ReferringPhysicianName",
    "ClinicalTrialSponsorName", "ClinicalTrialProtocolID", "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID", "ClinicalTrialSiteName", "ClinicalTrialSubjectID",
    "ClinicalTrialTimePointID", "ClinicalTrialTimePointDescription",
)  # fmt: skip
"""Attributes that DICOM objects copy from the headers of their images."""

_METHOD = "names and texts removed; UIDs replaced; dates shifted"
_SHORTEST_SECRET = 32
_SHORTEST_NAME = 3
_SHIFT_DAYS = (366, 3653)  # one to ten years back
_GROUPS = frozenset({0x0008, 0x0018, 0x0020, 0x0028, 0x5200})
_TEXTS = frozenset({"Manufacturer", "ManufacturerModelName", "SoftwareVersions", "SequenceName"})
_TITLES = frozenset({"SeriesDescription", "ProtocolName"})
_KEPT_AS_IT_IS = frozenset({"CS", "DS", "IS", "TM", "US", "SS", "UL", "SL", "FD", "FL", "AT"})
_PEOPLE = (
    "PatientName", "PatientID", "OtherPatientIDs", "PatientBirthName", "PatientMotherBirthName",
    "PatientBirthDate", "AccessionNumber", "ReferringPhysicianName", "OperatorsName",
    "PerformingPhysicianName", "InstitutionName",
)  # fmt: skip
_EMPTY = (
    "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "ReferringPhysicianName",
)  # fmt: skip
_DIGITS_OF_A_DATE = 8


@dataclass(frozen=True)
class Pseudonyms:
    """A site's key, which determines pseudonyms, date shifts and UIDs."""

    # at least 32 characters; anyone who has it can repeat the replacement
    secret: str = field(repr=False)
    # subject names of a trial by PatientID; other patients get a name made from the secret
    subjects: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, path: Path) -> Pseudonyms:
        """Read a key file (TOML: ``secret``, and optionally a table ``[subjects]``).

        Raises ``UsageError`` if the file is missing or not TOML, its secret is missing or shorter
        than 32 characters, or its subjects are not unique names.
        """
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UsageError(
                f"the key file {path} does not exist; make one with: python -c "
                f'"import secrets; print(f\'secret = \\"{{secrets.token_hex(32)}}\\"\')" > {path}'
            ) from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"the key file {path} cannot be read: {error}") from error
        secret, subjects = content.get("secret"), content.get("subjects", {})
        if not isinstance(secret, str) or len(secret) < _SHORTEST_SECRET:
            raise UsageError(
                f'the key file {path} needs a line secret = "…" of at least {_SHORTEST_SECRET} '
                "characters"
            )
        if not isinstance(subjects, dict) or not all(isinstance(v, str) for v in subjects.values()):
            raise UsageError(
                f'[subjects] of the key file {path} needs lines such as "4711" = "S01"'
            )
        if len(set(subjects.values())) < len(subjects):
            raise UsageError(f"[subjects] of the key file {path} gives one name to two patients")
        return cls(secret, subjects)

    def subject(self, patient_id: str) -> str:
        """Pseudonym of a patient."""
        made = base64.b32encode(self._bytes("subject", patient_id)).decode()[:10]
        return self.subjects.get(patient_id, f"P{made}")

    def shift(self, patient_id: str) -> timedelta:
        """Shift of all dates of a patient; intervals between visits are unchanged."""
        shortest, longest = _SHIFT_DAYS
        number = int.from_bytes(self._bytes("days", patient_id)[:8], "big")
        return timedelta(days=-(shortest + number % (longest - shortest)))

    def uid(self, uid: str) -> str:
        """Replacement of a UID; UIDs of the DICOM standard are unchanged."""
        if not uid or uid.startswith("1.2.840.10008."):
            return uid
        return f"2.25.{int.from_bytes(self._bytes('uid', uid)[:16], 'big')}"

    def token(self, text: str) -> str:
        """Replacement of a text, such as the serial number of a scanner."""
        return self._bytes("token", text).hex()[:12] if text else ""

    def _bytes(self, kind: str, text: str) -> bytes:
        return hmac.digest(self.secret.encode(), f"{kind}:{text}".encode(), hashlib.sha256)


@dataclass(frozen=True)
class Disguise:
    """De-identification of one patient's headers."""

    pseudonyms: Pseudonyms
    patient_id: str  # as in the images
    # names of persons, which are removed from descriptions
    people: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, pseudonyms: Pseudonyms, patient_id: str, headers: Sequence[Dataset]) -> Disguise:
        """The disguise for the persons that the headers name."""
        words = {patient_id}
        for header in headers:
            for keyword in _PEOPLE:
                value = str(header.get(keyword) or "")
                words |= {value, *re.split(r"[\s^=,;\\]+", value)}
        long_enough = {word.strip() for word in words if len(word.strip()) >= _SHORTEST_NAME}
        return cls(pseudonyms, patient_id, tuple(sorted(long_enough, key=len, reverse=True)))

    @property
    def subject(self) -> str:
        """Pseudonym of the patient."""
        return self.pseudonyms.subject(self.patient_id)

    def text(self, text: str) -> str:
        """A description without names of persons."""
        for word in self.people:
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "***", text, flags=re.IGNORECASE)
        return text

    def date(self, stamp: str) -> str:
        """A shifted date, or date and time; empty if the text is not a date."""
        digits, rest = stamp[:_DIGITS_OF_A_DATE], stamp[_DIGITS_OF_A_DATE:]
        try:
            moved = datetime.strptime(digits, "%Y%m%d") + self.pseudonyms.shift(self.patient_id)
        except (ValueError, OverflowError):
            return ""
        return f"{moved:%Y%m%d}{rest}"


def without_names(frame: Frame, disguise: Disguise) -> Frame:
    """A frame without identifiers of patient and examination."""
    keys, origin = disguise.pseudonyms, frame.origin
    return replace(
        frame,
        pixels=replace(frame.pixels, file=replace(frame.pixels.file, name="an image")),
        sop_instance_uid=keys.uid(frame.sop_instance_uid),
        owner=replace(
            frame.owner,
            patient_id=disguise.subject,
            study_uid=keys.uid(frame.owner.study_uid),
            study_date=disguise.date(frame.owner.study_date),
        ),
        origin=replace(
            origin,
            series_uid=keys.uid(origin.series_uid),
            frame_of_reference_uid=keys.uid(origin.frame_of_reference_uid),
            description=disguise.text(origin.description),
            protocol=disguise.text(origin.protocol),
            station=keys.token(origin.station),
        ),
        acquired=disguise.date(frame.acquired),
    )


def header_without_names(header: Dataset, disguise: Disguise) -> Dataset:
    """A header that DICOM objects may copy; private elements and free texts are dropped."""
    made = _kept(header, disguise)
    made.PatientName, made.PatientID = f"{disguise.subject}^", disguise.subject
    for keyword in _EMPTY:
        setattr(made, keyword, "")
    made.PatientIdentityRemoved, made.DeidentificationMethod = "YES", _METHOD
    made.LongitudinalTemporalInformationModified = "MODIFIED"
    if hasattr(header, "file_meta"):
        made.file_meta = header.file_meta
    return made


def _kept(header: Dataset, disguise: Disguise) -> Dataset:
    made = Dataset()
    for element in header:
        if element.tag.group in _GROUPS and (value := _value(element, disguise)) is not None:
            made.add_new(element.tag, element.VR, value)
    return made


def _value(element: DataElement, disguise: Disguise) -> object:
    """The new value of one element; ``None`` if it is dropped."""
    if element.VR == "SQ":
        return Items([_kept(item, disguise) for item in element.value])
    if element.VR == "UI":
        several = element.value if element.VM > 1 else [element.value]
        uids = [disguise.pseudonyms.uid(str(uid or "")) for uid in several]
        return uids if element.VM > 1 else uids[0]
    if element.VR in ("DA", "DT"):
        return disguise.date(str(element.value or ""))
    if element.keyword in _TITLES:
        return disguise.text(str(element.value or ""))
    return element.value if element.VR in _KEPT_AS_IT_IS or element.keyword in _TEXTS else None
