"""Standard DICOM objects of phantom series, to which vendors add their tags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage

from discmri.core.diffusion import DirectionKind
from discmri.core.volume import Array
from discmri.phantoms.protocol import TIMING, PulseSequence, Timing
from discmri.phantoms.series import PhantomSeries, PhantomStudy, SeriesVolume, slice_thickness_mm

_TO_LPS = np.array([-1.0, -1.0, 1.0])

DESCRIPTIONS = {
    PulseSequence.T2: "t2_tse_sag",
    PulseSequence.T1: "t1_tse_sag",
    PulseSequence.STIR: "t2_stir_sag",
    PulseSequence.DWI: "dwi_sag",
    PulseSequence.ADC: "dwi_sag_ADC",
    PulseSequence.LOCALIZER: "localizer",
    PulseSequence.AXIAL_T2: "t2_tse_tra",
}
DIRECTIONALITY = {
    DirectionKind.NONE: "NONE",
    DirectionKind.DIRECTIONAL: "DIRECTIONAL",
    DirectionKind.TRACE: "ISOTROPIC",
}


@dataclass(frozen=True, eq=False)
class Instance:
    """One slice of one volume as a classic MR object."""

    dataset: Dataset  # complete except for vendor tags
    picture: SeriesVolume


def lps(vector: Array) -> list[float]:
    """A RAS+ vector in the LPS of DICOM, rounded to six decimals."""
    return [round(float(v), 6) + 0.0 for v in np.asarray(vector) * _TO_LPS]


def timing_of(sequence: PulseSequence) -> Timing:
    """Timing of a sequence; an ADC map has that of its diffusion images."""
    return TIMING[PulseSequence.DWI if sequence is PulseSequence.ADC else sequence]


def stored_pixels(series: PhantomSeries, picture: SeriesVolume) -> Array:
    """(i, j, k) uint16 pixels; ADC in 10⁻⁶ mm²/s."""
    if series.is_map:
        return np.clip(np.round(picture.volume.array * 1000), 0, 4095).astype(np.uint16)
    return series.stored(picture)


def classic(series: PhantomSeries, study: PhantomStudy) -> Iterator[Instance]:
    """One MR Image Storage object per slice, volume by volume."""
    number = 0
    for picture in series.pictures:
        pixels = stored_pixels(series, picture)
        for k in range(picture.volume.shape[2]):
            number += 1
            dataset = _general(series, study)
            dataset.SOPClassUID = MRImageStorage
            dataset.SOPInstanceUID = study.uid(series.number, "image", number)
            _finish_meta(dataset)
            dataset.InstanceNumber = number
            dataset.AcquisitionNumber = 1
            _classic_acquisition(dataset, series, study)
            _classic_plane(dataset, picture, k)
            dataset.SliceThickness = slice_thickness_mm(series.sequence, study.protocol)
            _pixels(dataset, pixels[:, :, k].T)
            yield Instance(dataset, picture)


def _general(series: PhantomSeries, study: PhantomStudy) -> Dataset:
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.SpecificCharacterSet = "ISO_IR 100"
    d.PatientName = f"Phantom^Seed {study.seed}"
    occasion = study.protocol.occasion
    d.PatientID = occasion.patient_id or f"PHANTOM-{study.seed:04d}"
    d.PatientBirthDate = ""
    d.PatientSex = "O"
    d.StudyInstanceUID = study.uid("study")
    d.StudyDate = d.SeriesDate = d.AcquisitionDate = d.ContentDate = occasion.date
    d.StudyTime = f"{occasion.time}00.000000"
    d.SeriesTime = d.AcquisitionTime = d.ContentTime = f"{occasion.time}{series.number:02d}.000000"
    d.StudyID = "1"
    d.AccessionNumber = ""
    d.ReferringPhysicianName = ""
    d.StudyDescription = "Synthetic lumbar spine"
    d.Modality = "MR"
    d.SeriesInstanceUID = study.uid(series.number, "series")
    d.SeriesNumber = series.number
    d.SeriesDescription = DESCRIPTIONS[series.sequence]
    d.ProtocolName = DESCRIPTIONS[series.sequence]
    d.BodyPartExamined = "LSPINE"
    d.PatientPosition = "HFS"
    d.FrameOfReferenceUID = study.uid("frame")
    d.PositionReferenceIndicator = ""
    d.MagneticFieldStrength = study.protocol.field_strength_t
    d.DeviceSerialNumber = occasion.station
    d.SoftwareVersions = occasion.software
    return d


def _finish_meta(dataset: Dataset) -> None:
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


def _classic_acquisition(d: Dataset, series: PhantomSeries, study: PhantomStudy) -> None:
    timing = timing_of(series.sequence)
    diffusion = series.sequence in (PulseSequence.DWI, PulseSequence.ADC)
    d.ScanningSequence = ["EP", "SE"] if diffusion else "SE"
    d.SequenceVariant = "SK" if diffusion else ["SK", "SP"]
    d.ScanOptions = "FS" if diffusion else ""
    if timing.inversion_ms is not None:
        d.ScanningSequence = ["SE", "IR"]
        d.InversionTime = timing.inversion_ms
    d.MRAcquisitionType = "2D"
    d.RepetitionTime = timing.repetition_ms
    d.EchoTime = timing.echo_ms
    d.EchoTrainLength = timing.echo_train
    d.EchoNumbers = 1
    d.FlipAngle = 90 if diffusion else 150
    d.NumberOfAverages = 2
    d.ImagingFrequency = round(42.577 * study.protocol.field_strength_t, 4)
    d.ImagedNucleus = "1H"
    d.PixelBandwidth = 1500 if diffusion else 190
    d.InPlanePhaseEncodingDirection = "ROW" if diffusion else "COL"
    d.ReceiveCoilName = study.protocol.occasion.coil


def _classic_plane(d: Dataset, picture: SeriesVolume, k: int) -> None:
    grid = picture.volume.grid
    d.ImageOrientationPatient = lps(grid.directions[:, 0]) + lps(grid.directions[:, 1])
    d.ImagePositionPatient = lps(grid.to_world((0, 0, k)))
    d.PixelSpacing = [round(float(grid.spacing_mm[1]), 6), round(float(grid.spacing_mm[0]), 6)]
    d.SpacingBetweenSlices = round(float(grid.spacing_mm[2]), 6)
    normal = np.cross(grid.directions[:, 0], grid.directions[:, 1])
    d.SliceLocation = round(float(normal @ grid.to_world((0, 0, k))), 6)


def _pixels(d: Dataset, rows: Array) -> None:
    d.SamplesPerPixel = 1
    d.PhotometricInterpretation = "MONOCHROME2"
    d.Rows, d.Columns = (int(n) for n in rows.shape[-2:])
    d.BitsAllocated, d.BitsStored, d.HighBit = 16, 12, 11
    d.PixelRepresentation = 0
    if rows.ndim == 2:
        d.SmallestImagePixelValue = int(rows.min())
        d.LargestImagePixelValue = int(rows.max())
    d.WindowCenter, d.WindowWidth = 500, 1000
    d.PixelData = np.ascontiguousarray(rows, dtype="<u2").tobytes()


def _item(**values: object) -> DicomSequence:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return DicomSequence([dataset])


def enhanced(series: PhantomSeries, study: PhantomStudy) -> tuple[Dataset, list[SeriesVolume]]:
    """One Enhanced MR object of all slices and volumes, and the volume of each frame."""
    d = _general(series, study)
    d.SOPClassUID = EnhancedMRImageStorage
    d.SOPInstanceUID = study.uid(series.number, "enhanced")
    _finish_meta(d)
    d.InstanceNumber = 1
    d.AcquisitionDateTime = _moment(study)
    d.AcquisitionDuration = 180.0
    d.ContentQualification = "PRODUCT"
    d.ResonantNucleus = "1H"
    d.KSpaceFiltering = "NONE"
    d.AcquisitionNumber = 1
    d.ApplicableSafetyStandardAgency = "IEC"
    _enhanced_description(d, series)
    slices = series.pictures[0].volume.shape[2]
    frames = [(p, k, n) for n, p in enumerate(series.pictures) for k in range(slices)]
    stacked = [stored_pixels(series, p)[:, :, k].T for p, k, _ in frames]
    _pixels(d, np.stack(stacked))
    del d.WindowCenter, d.WindowWidth
    d.NumberOfFrames = len(frames)
    d.BurnedInAnnotation = "NO"
    d.LossyImageCompression = "00"
    d.PresentationLUTShape = "IDENTITY"
    _dimensions(d, study, series)
    d.SharedFunctionalGroupsSequence = DicomSequence([_shared_groups(series, study)])
    d.PerFrameFunctionalGroupsSequence = DicomSequence(
        [_frame_groups(series, picture, (k, n), _moment(study)) for picture, k, n in frames]
    )
    return d, [picture for picture, _, _ in frames]


def _enhanced_description(d: Dataset, series: PhantomSeries) -> None:
    kind = "DIFFUSION" if series.sequence is PulseSequence.DWI else "T2"
    d.ImageType = ["ORIGINAL", "PRIMARY", "M", "NONE"]
    if series.is_map:
        d.ImageType = ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]
        kind = "DIFFUSION"
    elif series.sequence is PulseSequence.T1:
        kind = "T1"
    elif series.sequence is PulseSequence.STIR:
        kind = "STIR"
    d.PixelPresentation = "MONOCHROME"
    d.VolumetricProperties = "VOLUME"
    d.VolumeBasedCalculationTechnique = "NONE"
    d.ComplexImageComponent = "MAGNITUDE"
    d.AcquisitionContrast = kind
    diffusion = kind == "DIFFUSION"
    d.PulseSequenceName = "DwiSE" if diffusion else "TSE"
    d.MRAcquisitionType = "2D"
    d.EchoPulseSequence = "SPIN"
    d.MultipleSpinEcho = "NO" if diffusion else "YES"
    d.MultiPlanarExcitation = "NO"
    d.PhaseContrast = "NO"
    d.TimeOfFlightContrast = "NO"
    d.SteadyStatePulseSequence = "NONE"
    d.EchoPlanarPulseSequence = "YES" if diffusion else "NO"
    d.SaturationRecovery = "NO"
    d.SpectrallySelectedSuppression = "FAT" if diffusion else "NONE"
    d.OversamplingPhase = "NONE"
    d.GeometryOfKSpaceTraversal = "RECTILINEAR"
    d.SegmentedKSpaceTraversal = "SINGLE" if diffusion else "PARTIAL"
    d.RectilinearPhaseEncodeReordering = "LINEAR"
    d.NumberOfKSpaceTrajectories = 1


def _dimensions(d: Dataset, study: PhantomStudy, series: PhantomSeries) -> None:
    organization = study.uid(series.number, "dimensions")
    d.DimensionOrganizationSequence = _item(DimensionOrganizationUID=organization)
    pointers = [(0x00209056, 0x00209111), (0x00209057, 0x00209111)]
    if series.sequence is PulseSequence.DWI:
        pointers.append((0x00189087, 0x00189117))
    items = [
        _item(
            DimensionOrganizationUID=organization,
            DimensionIndexPointer=pointer,
            FunctionalGroupPointer=group,
        )[0]
        for pointer, group in pointers
    ]
    d.DimensionIndexSequence = DicomSequence(items)


def _shared_groups(series: PhantomSeries, study: PhantomStudy) -> Dataset:
    grid = series.pictures[0].volume.grid
    timing = timing_of(series.sequence)
    g = Dataset()
    spacing = [round(float(grid.spacing_mm[1]), 6), round(float(grid.spacing_mm[0]), 6)]
    g.PixelMeasuresSequence = _item(
        PixelSpacing=spacing,
        SliceThickness=study.protocol.slice_thickness_mm,
        SpacingBetweenSlices=round(float(grid.spacing_mm[2]), 6),
    )
    orientation = lps(grid.directions[:, 0]) + lps(grid.directions[:, 1])
    g.PlaneOrientationSequence = _item(ImageOrientationPatient=orientation)
    g.MRTimingAndRelatedParametersSequence = _item(
        RepetitionTime=timing.repetition_ms,
        FlipAngle=90.0,
        EchoTrainLength=timing.echo_train,
        RFEchoTrainLength=timing.echo_train,
        GradientEchoTrainLength=0,
    )
    g.MREchoSequence = _item(EffectiveEchoTime=timing.echo_ms)
    phase = "ROW" if series.sequence in (PulseSequence.DWI, PulseSequence.ADC) else "COLUMN"
    g.MRFOVGeometrySequence = _item(
        InPlanePhaseEncodingDirection=phase,
        MRAcquisitionFrequencyEncodingSteps=int(grid.shape[0]),
        MRAcquisitionPhaseEncodingStepsInPlane=int(grid.shape[1]),
        PercentSampling=100.0,
        PercentPhaseFieldOfView=100.0,
    )
    if timing.inversion_ms is not None:
        g.MRModifierSequence = _item(
            InversionRecovery="YES",
            InversionTimes=[timing.inversion_ms],
            SpatialPresaturation="NONE",
        )
    g.MRAveragesSequence = _item(NumberOfAverages=2.0)
    return g


def _moment(study: PhantomStudy) -> str:
    return f"{study.protocol.occasion.date}{study.protocol.occasion.time}00.000000"


def _frame_groups(
    series: PhantomSeries, picture: SeriesVolume, place: tuple[int, int], moment: str
) -> Dataset:
    g = Dataset()
    k, weighting = place
    index = [1, k + 1]
    if series.sequence is PulseSequence.DWI:
        index.append(weighting + 1)
    g.FrameContentSequence = _item(
        StackID="1",
        InStackPositionNumber=k + 1,
        DimensionIndexValues=index,
        FrameAcquisitionNumber=1,
        FrameReferenceDateTime=moment,
        FrameAcquisitionDateTime=moment,
        FrameAcquisitionDuration=1000.0,
    )
    position = lps(picture.volume.grid.to_world((0, 0, k)))
    g.PlanePositionSequence = _item(ImagePositionPatient=position)
    frame_type = ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"] if series.is_map else [
        "ORIGINAL", "PRIMARY", "M", "NONE",
    ]  # fmt: skip
    g.MRImageFrameTypeSequence = _item(
        FrameType=frame_type,
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
        ComplexImageComponent="MAGNITUDE",
        AcquisitionContrast="DIFFUSION" if picture.b_s_per_mm2 is not None else "UNKNOWN",
    )
    g.FrameVOILUTSequence = _item(WindowCenter=500, WindowWidth=1000)
    if picture.b_s_per_mm2 is not None:
        g.MRDiffusionSequence = diffusion_item(picture)
    return g


def diffusion_item(picture: SeriesVolume) -> DicomSequence:
    """An MR Diffusion Sequence."""
    item = Dataset()
    item.DiffusionBValue = float(picture.b_s_per_mm2 or 0.0)
    item.DiffusionDirectionality = DIRECTIONALITY[picture.kind]
    if picture.direction is not None:
        gradient = _item(DiffusionGradientOrientation=lps(np.array(picture.direction)))
        item.DiffusionGradientDirectionSequence = gradient
    return DicomSequence([item])


def code_item(value: str, scheme: str, meaning: str) -> DicomSequence:
    """A coded concept."""
    return _item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def real_world_item(slope: float, unit: str, meaning: str) -> DicomSequence:
    """A Real World Value Mapping of stored values to a UCUM unit."""
    return _item(
        RealWorldValueFirstValueMapped=0,
        RealWorldValueLastValueMapped=4095,
        RealWorldValueSlope=slope,
        RealWorldValueIntercept=0.0,
        LUTExplanation=meaning,
        LUTLabel="ADC",
        MeasurementUnitsCodeSequence=code_item(unit, "UCUM", unit),
    )


def rescale_item(slope: float, intercept: float, kind: str) -> DicomSequence:
    """A Pixel Value Transformation of one frame."""
    return _item(RescaleIntercept=intercept, RescaleSlope=slope, RescaleType=kind)
