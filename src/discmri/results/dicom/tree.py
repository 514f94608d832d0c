"""Content items of structured reports, as plain data sets.

highdicom checks and copies every item, which takes seconds for the hundreds of numbers of a study;
these functions only set attributes.  Rows and value types follow DICOM PS3.16 (TID 1500, 1410, 1411,
300).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from pydicom import Dataset
from pydicom import Sequence as Items

from discmri.results.dicom.codes import Concept


@cache
def coded(code: Concept) -> Dataset:
    """A code sequence item, shared by equal codes."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code
    return item


def container(name: Concept, children: Sequence[Dataset], template: str = "") -> Dataset:
    """A container with its children."""
    item = _item("CONTAINER", name, "CONTAINS")
    item.ContinuityOfContent = "SEPARATE"
    if template:
        used = Dataset()
        used.MappingResource, used.TemplateIdentifier = "DCMR", template
        item.ContentTemplateSequence = Items([used])
    item.ContentSequence = Items(children)
    return item


def text(name: Concept, value: str, relation: str = "CONTAINS") -> Dataset:
    """A text item."""
    item = _item("TEXT", name, relation)
    item.TextValue = value
    return item


def person(name: Concept, value: str) -> Dataset:
    """A person name item."""
    item = _item("PNAME", name, "HAS OBS CONTEXT")
    item.PersonName = value
    return item


def code(
    name: Concept, value: Concept, relation: str = "CONTAINS", children: Sequence[Dataset] = ()
) -> Dataset:
    """A coded item."""
    item = _item("CODE", name, relation, children)
    item.ConceptCodeSequence = Items([coded(value)])
    return item


def number(
    name: Concept,
    value: str,
    unit: Concept,
    relation: str = "CONTAINS",
    children: Sequence[Dataset] = (),
) -> Dataset:
    """A numeric item; the value as printed in the tables."""
    item = _item("NUM", name, relation, children)
    measured = Dataset()
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = Items([coded(unit)])
    item.MeasuredValueSequence = Items([measured])
    return item


def uid(name: Concept, value: str, relation: str = "HAS OBS CONTEXT") -> Dataset:
    """A UID item."""
    item = _item("UIDREF", name, relation)
    item.UID = value
    return item


def image(name: Concept | None, reference: Dataset, relation: str = "CONTAINS") -> Dataset:
    """An image item that refers to an instance."""
    item = _item("IMAGE", name, relation)
    item.ReferencedSOPSequence = Items([reference])
    return item


def polyline(name: Concept, points: Sequence[float], reference: Dataset) -> Dataset:
    """A line on an image; points are column, row, column, row."""
    item = _item("SCOORD", name, "CONTAINS", [image(None, reference, "SELECTED FROM")])
    item.GraphicType = "POLYLINE"
    item.GraphicData = list(points)
    return item


def reference(
    sop_class: str, sop_instance: str, frame: int | None = None, segment: int | None = None
) -> Dataset:
    """A reference to an instance, or to one frame or segment of it."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
    if frame is not None:
        item.ReferencedFrameNumber = frame
    if segment is not None:
        item.ReferencedSegmentNumber = segment
    return item


def _item(
    kind: str, name: Concept | None, relation: str, children: Sequence[Dataset] = ()
) -> Dataset:
    item = Dataset()
    item.RelationshipType = relation
    item.ValueType = kind
    if name is not None:
        item.ConceptNameCodeSequence = Items([coded(name)])
    if children:
        item.ContentSequence = Items(children)
    return item
