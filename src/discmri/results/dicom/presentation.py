"""``heights_pr.dcm``: height lines and their values as a presentation state over the images."""

from __future__ import annotations

from pydicom import Dataset

from discmri.results.dicom.instance import made_by, settle
from discmri.results.dicom.lines import HeightLine, height_lines
from discmri.results.dicom.source import DicomSource
from discmri.results.height.stations import STATIONS


def presentation_of(source: DicomSource) -> Dataset:
    """A Grayscale Softcopy Presentation State with the anterior, middle and posterior heights.

    Images whose frames have different scaling are not supported; highdicom raises ``ValueError``.
    """
    import highdicom as hd
    import numpy as np

    by_slice: dict[tuple[str, int | None], list[HeightLine]] = {}
    for line in height_lines(source, tuple(STATIONS)):
        key = str(line.slice.header.SOPInstanceUID), line.slice.frame
        by_slice.setdefault(key, []).append(line)
    layer = hd.pr.GraphicLayer("HEIGHTS", order=1, description="Disc heights")
    annotations = [
        hd.pr.GraphicAnnotation(
            referenced_images=[lines[0].slice.header],
            referenced_frame_number=frame,
            graphic_layer=layer,
            graphic_objects=[
                hd.pr.GraphicObject(
                    "POLYLINE", np.array(line.pixels).reshape(2, 2), units="PIXEL"
                )
                for line in lines
            ],
            text_objects=[
                hd.pr.TextObject(
                    f"{line.value} mm", units="PIXEL",
                    anchor_point=(line.pixels[2], line.pixels[3] - 1.0),
                )
                for line in lines
            ],
        )
        for (_, frame), lines in sorted(by_slice.items(), key=lambda one: str(one[0]))
    ]  # fmt: skip
    used = {str(line.slice.header.SOPInstanceUID): line.slice.header
            for lines in by_slice.values() for line in lines}  # fmt: skip
    made = hd.pr.GrayscaleSoftcopyPresentationState(
        referenced_images=list(used.values()),
        **made_by(source, "heights_pr"),
        content_label="HEIGHTS",
        content_description="Disc heights",
        graphic_annotations=annotations,
        graphic_layers=[layer],
        concept_name=hd.sr.CodedConcept("121207", "DCM", "Height"),
    )
    settle(made, source, "heights_pr")
    made.PresentationCreationDate = made.pop("ContentDate").value
    made.PresentationCreationTime = made.pop("ContentTime").value
    made.pop("PositionReferenceIndicator", None)
    return made
