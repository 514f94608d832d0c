"""The document that encloses the measurement groups of structured reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydicom import Dataset
from pydicom import Sequence as Items

from discmri.core.levels import DiscLevel
from discmri.results.dicom import tree
from discmri.results.dicom.codes import DISC, Concept
from discmri.results.dicom.instance import evidence, new_instance
from discmri.results.dicom.source import MANUFACTURER, MODEL_NAME, DicomSource

COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"
GROUP = Concept("125007", "DCM", "Measurement Group")
TRACKING_ID = Concept("112039", "DCM", "Tracking Identifier")
TRACKING_UID = Concept("112040", "DCM", "Tracking Unique Identifier")
FINDING = Concept("121071", "DCM", "Finding")
FINDING_SITE = Concept("363698007", "SCT", "Finding Site")
_ALGORITHM = (
    Concept("111001", "DCM", "Algorithm Name"),
    Concept("111003", "DCM", "Algorithm Version"),
)
_TITLE = Concept("126000", "DCM", "Imaging Measurement Report")
_MEASUREMENTS = Concept("126010", "DCM", "Imaging Measurements")
_LANGUAGE = Concept("121049", "DCM", "Language of Content Item and Descendants")
_PROCEDURE = (
    Concept("121058", "DCM", "Procedure reported"),
    Concept("113091000", "SCT", "Magnetic resonance imaging"),
)


def report(
    source: DicomSource,
    kind: str,
    groups: Sequence[Dataset],
    others: Iterable[Dataset] = (),
    context: Sequence[Dataset] | None = None,
) -> Dataset:
    """A TID 1500 report.

    ``kind`` is the file name without ``.dcm``, ``others`` are referenced instances besides the
    source images; without ``context`` the observer is the program.
    """
    made = new_instance(source, kind, COMPREHENSIVE_3D_SR, "SR")
    made.ReferencedPerformedProcedureStepSequence = Items([])
    made.PerformedProcedureCodeSequence = Items([])
    made.CompletionFlag, made.VerificationFlag = "COMPLETE", "UNVERIFIED"
    made.PreliminaryFlag = "FINAL"
    made.CurrentRequestedProcedureEvidenceSequence = evidence(source, others)
    head = [
        tree.code(_LANGUAGE, Concept("en", "RFC5646", "English"), "HAS CONCEPT MOD"),
        *(_program(source) if context is None else context),
        tree.code(*_PROCEDURE, relation="HAS CONCEPT MOD"),
    ]
    root = tree.container(_TITLE, [*head, tree.container(_MEASUREMENTS, groups)], template="1500")
    del root.RelationshipType
    made.update(root)
    return made


def subject(source: DicomSource, level: DiscLevel, name: str, *uid_words: str) -> list[Dataset]:
    """Subject of a group: tracking identifier, tracking UID, and disc."""
    uid = source.uid(*uid_words) if uid_words else source.tracking_uid(level)
    disc = DISC[level]
    return [
        tree.text(TRACKING_ID, name, "HAS OBS CONTEXT"),
        tree.uid(TRACKING_UID, uid),
        tree.code(FINDING, disc),
    ]


def site(level: DiscLevel) -> Dataset:
    """Finding site of a group."""
    return tree.code(FINDING_SITE, DISC[level], "HAS CONCEPT MOD")


def algorithm(source: DicomSource) -> list[Dataset]:
    """Name and version of the algorithm (TID 4019)."""
    version = source.result.provenance.versions.get("discmri", "")
    weights = source.result.provenance.segmenter
    values = ("discmri", f"{version} ({weights})" if weights else version)
    return [
        tree.text(name, value, "HAS CONCEPT MOD")
        for name, value in zip(_ALGORITHM, values, strict=True)
    ]


def _program(source: DicomSource) -> list[Dataset]:
    """Observer context of the program (TID 1004)."""
    return [
        tree.code(
            Concept("121005", "DCM", "Observer Type"), Concept("121007", "DCM", "Device"),
            "HAS OBS CONTEXT",
        ),
        tree.uid(Concept("121012", "DCM", "Device Observer UID"), source.uid("observer")),
        *(
            tree.text(Concept(value, "DCM", meaning), words, "HAS OBS CONTEXT")
            for value, meaning, words in (
                ("121013", "Device Observer Name", "discmri"),
                ("121014", "Device Observer Manufacturer", MANUFACTURER),
                ("121015", "Device Observer Model Name", MODEL_NAME),
            )
        ),
    ]  # fmt: skip
