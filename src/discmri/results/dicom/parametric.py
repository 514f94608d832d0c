"""``adc_pm.dcm``: the fitted ADC as a Parametric Map on the grid of the diffusion images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom import Dataset
from pydicom import Sequence as Items

from discmri.results.dicom.codes import (
    B_VALUE,
    FIT_METHOD,
    LEAST_SQUARES,
    MEAN_ADC_FIT,
    METHOD,
    MODEL,
    PER_B,
    Concept,
)
from discmri.results.dicom.conform import conforming
from discmri.results.dicom.instance import made_by, settle
from discmri.results.dicom.source import DicomSource, lps_affine
from discmri.results.dicom.tree import coded

_UM2_PER_MS_IN_MM2_PER_S = 1e-3
_UNIT = Concept("mm2/s", "UCUM", "mm2/s")
_QUANTITY = Concept("246205007", "SCT", "Quantity")
_WINDOW_MM2_PER_S = 0.0015, 0.003
"""Centre and width: 0 to 3e-3 mm2/s; free water at 37 °C has 3.04e-3."""


def adc_map(source: DicomSource) -> Dataset | None:
    """A Parametric Map in mm2/s, float32; ``None`` if no ADC was fitted.

    Raises ``ResultsError`` if the result was read back; results folders do not store the fit.
    """
    import highdicom as hd

    adc = source.result.fitted_adc
    if adc is None:
        return None
    headers = conforming(source.diffusion)
    values = np.ascontiguousarray(adc.array.transpose(2, 1, 0), dtype=np.float32)
    values *= np.float32(_UM2_PER_MS_IN_MM2_PER_S)
    volume = hd.Volume(
        values,
        lps_affine(adc.grid),
        coordinate_system="PATIENT",
        frame_of_reference_uid=headers[0].FrameOfReferenceUID,
    )
    mapping = hd.pm.RealWorldValueMapping(
        lut_label="ADC",
        lut_explanation="Apparent diffusion coefficient",
        unit=hd.sr.CodedConcept(*_UNIT),
        value_range=(float(values.min()), float(values.max())),
        slope=1,
        intercept=0,
        quantity_definition=hd.sr.CodedConcept(*MEAN_ADC_FIT),
    )
    center, width = _WINDOW_MM2_PER_S
    made = hd.pm.ParametricMap(
        _one_each(headers),
        volume,
        **made_by(source, "adc_pm"),
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[
            hd.VOILUTTransformation(
                window_center=center, window_width=width, voi_lut_function="LINEAR_EXACT"
            )
        ],
        content_label="ADC",
        content_description="Fitted ADC",
    )
    settle(made, source, "adc_pm")
    facts = source.result.provenance.diffusion
    _define(made, () if facts is None else facts.b_s_per_mm2 or ())
    return made


def _one_each(headers: Sequence[Dataset]) -> list[Dataset]:
    """One multi-frame file, or all single-frame files, as highdicom requires."""
    if headers[0].get("NumberOfFrames"):
        return [headers[0]]
    return list(headers)


def _define(made: Dataset, b_values: Sequence[float]) -> None:
    """Add model, fit and b-values to the definition of the quantity."""
    items = [_quantity_code(METHOD, MODEL), _quantity_code(FIT_METHOD, LEAST_SQUARES)]
    for value in b_values:
        item = Dataset()
        item.ValueType = "NUMERIC"
        item.ConceptNameCodeSequence = Items([coded(B_VALUE)])
        item.NumericValue = f"{value:g}"
        item.MeasurementUnitsCodeSequence = Items([coded(PER_B)])
        items.append(item)
    shared = made.SharedFunctionalGroupsSequence[0]
    for mapping in shared.RealWorldValueMappingSequence:
        mapping.QuantityDefinitionSequence = Items(
            [_quantity_code(_QUANTITY, MEAN_ADC_FIT), *items]
        )


def _quantity_code(name: Concept, value: Concept) -> Dataset:
    item = Dataset()
    item.ValueType = "CODE"
    item.ConceptNameCodeSequence = Items([coded(name)])
    item.ConceptCodeSequence = Items([coded(value)])
    return item
