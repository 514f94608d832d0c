"""NIfTI files with BIDS sidecars -> series.

Sidecars are found by name: ``x.json``, ``x.bval`` and ``x.bvec`` beside ``x.nii.gz``.
BIDS keeps times in seconds; they become milliseconds here.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from discmri.core.diffusion import B0_BELOW_S_PER_MM2, BValue, DirectionKind
from discmri.core.errors import DicomError, GeometryError
from discmri.core.facts import Plane, Role
from discmri.core.findings import Code, Finding, warning
from discmri.core.text import pseudonym
from discmri.core.volume import Grid
from discmri.study.bvalues import LARGEST_B_S_PER_MM2
from discmri.study.extent import refuse_absurd_extent
from discmri.study.frame import ContrastParameters, Scaling
from discmri.study.nifti_header import MAX_BYTES, Placement, check_gzip, placement_of
from discmri.study.roles import RoleEvidence, decide
from discmri.study.series import Image, Series, plane_of
from discmri.study.source import InputFile, clean_text

MAX_SIDECAR_BYTES = 16 * 2**20
_SUFFIXES = (".nii.gz", ".nii")
_LABELS = re.compile(r"(^|[_-])(d?seg|mask|labels?|probseg)$", re.IGNORECASE)
_DIFFUSION = re.compile(r"(^|[/_-])dwi$", re.IGNORECASE)
_ISOTROPIC_WITHIN = 1.3
_NO_DIRECTION = 0.03  # shorter gradient vectors are zero
_KINDS = {"V": "colours", "c": "complex"}
_LONGEST_S = {"EchoTime": 2.0, "RepetitionTime": 60.0, "InversionTime": 20.0}
_WORDS = {"adc": "ADC", "expadc": "EADC", "fa": "FA", "colfa": "COLFA", "trace": "TRACEW"}


@dataclass(frozen=True, eq=False)
class NiftiVolume:
    """One volume of a NIfTI file."""

    file: InputFile
    index: int | None  # along the fourth axis; None for a file of one volume
    grid: Grid  # as in discmri.study.series.Image, like b_value
    b_value: BValue | None = None

    @property
    def scalings(self) -> tuple[Scaling, ...]:
        """Neutral: :meth:`read` applies the slope of the file."""
        return (Scaling(),) * self.grid.shape[2]

    @property
    def averages(self) -> None:
        """``None``: unknown in NIfTI."""

    @property
    def instance_uids(self) -> tuple[str, ...]:
        """The file's name: NIfTI has no UIDs."""
        return (self.file.name,)

    @property
    def dicom_files(self) -> tuple[InputFile, ...]:
        """Empty."""
        return ()

    def read(self, threads: int = 2) -> NDArray[np.float32]:
        """(i, j, k) scaled values, zero where not finite; ``DicomError`` if the file is damaged."""
        import nibabel as nib

        del threads  # one stream cannot be shared
        try:
            check_gzip(self.file.path)
            data = cast(Any, nib.load(self.file.path)).dataobj
            values = data[..., self.index] if self.index is not None else data
            array = np.asarray(values, dtype=np.float32).reshape(self.grid.shape)
        except (OSError, EOFError, OverflowError, ValueError, zlib.error,
                nib.spatialimages.ImageDataError) as error:  # fmt: skip
            raise DicomError(
                f"{self.file.name} is truncated or damaged: {clean_text(error)}"
            ) from error
        return np.where(np.isfinite(array), array, np.float32(0.0))


def is_nifti(file: InputFile) -> bool:
    """Whether a file name ends in ``.nii`` or ``.nii.gz``."""
    return file.name.lower().endswith(_SUFFIXES)


def subject_and_session(file: InputFile) -> tuple[str, str]:
    """BIDS subject, and subject with session, from the file name.

    >>> from pathlib import Path
    >>> subject_and_session(InputFile(Path("x"), "a/sub-01_ses-2_T2w.nii.gz"))
    ('sub-01', 'sub-01_ses-2')
    """
    name = file.name.rsplit("/", 1)[-1]
    subject = re.search(r"(?:^|_)(sub-[A-Za-z0-9]+)", name)
    session = re.search(r"(?:^|_)(ses-[A-Za-z0-9]+)", name)
    words = [found.group(1) for found in (subject, session) if found]
    return (subject.group(1) if subject else "", "_".join(words))


def nifti_series(file: InputFile, files: Sequence[InputFile], number: int) -> Series:
    """The series in one NIfTI file; ``problem`` states why it cannot be used.

    ``files`` are all files of the input, among them the sidecars.
    """
    stem = _stem(file.name)
    beside = {other.name: other for other in files}
    sidecar, broken = _json(beside.get(stem + ".json"))
    grid, volumes, problem, doubt = _header(file)
    b_values = _b_values(beside.get(stem + ".bval"), beside.get(stem + ".bvec"), stem, grid)
    if not problem and _LABELS.search(stem):
        problem = "it is a label map by its name"
    if not problem and len(b_values) != volumes and (b_values or volumes > 1):
        problem = f"it holds {volumes} volumes but {len(b_values)} b-values"
    plane = Plane.UNKNOWN if grid is None else _plane(grid)
    text = f"{stem.rsplit('/', 1)[-1]} {sidecar.get('SeriesDescription', '')} {sidecar.get('ProtocolName', '')}"
    facts = RoleEvidence(
        plane=plane,
        contrast=_contrast(sidecar, stem + ".bval" in beside or bool(_DIFFUSION.search(stem))),
        words=_image_type(sidecar, stem),
        b_values_s_per_mm2=tuple(sorted({b.value_s_per_mm2 for b in b_values})),
        slices=0 if grid is None else grid.shape[_through(grid)],
        text=clean_text(text).lower().replace("_", " ").replace("-", " "),
    )
    decision = decide(facts)
    diffusion = decision.role is Role.DWI
    uid = clean_text(sidecar.get("SeriesInstanceUID")) or file.name
    return Series(
        uid=uid,
        part="",
        number=number,
        description=clean_text(sidecar.get("SeriesDescription")) or stem.rsplit("/", 1)[-1],
        protocol=clean_text(sidecar.get("ProtocolName")),
        body_part=clean_text(sidecar.get("BodyPartExamined") or sidecar.get("BodyPart")).upper(),
        role=decision.role,
        reasons=decision.reasons,
        plane=plane,
        contrast=replace(facts.contrast, fat_suppressed=decision.fat_suppressed),
        t2_weighted=decision.t2_weighted,
        images=()
        if problem or grid is None
        else _images(file, grid, b_values if diffusion else (), volumes),
        slices=facts.slices,
        manufacturer=clean_text(sidecar.get("Manufacturer")),
        model=clean_text(sidecar.get("ManufacturersModelName")),
        field_t=_number(sidecar, "MagneticFieldStrength"),
        station=pseudonym(clean_text(sidecar.get("DeviceSerialNumber"))),
        software=clean_text(sidecar.get("SoftwareVersions")),
        coil=clean_text(sidecar.get("ReceiveCoilName")),
        thickness_mm=_number(sidecar, "SliceThickness"),
        phase_axis=None if grid is None else _phase_axis(sidecar, grid),
        acquired=clean_text(sidecar.get("AcquisitionDateTime") or sidecar.get("AcquisitionTime")),
        original=facts.words[:1] != ("DERIVED",),
        problem=problem or decision.problem,
        findings=_doubts(doubt, "" if problem else _scale_doubt(file), broken, uid),
    )


def _doubts(placement: str, scale: str, sidecar: str, uid: str) -> tuple[Finding, ...]:
    doubts = (
        (Code.HEADER_CONTRADICTS_GEOMETRY, placement),
        (Code.RESCALE_UNUSABLE, scale),
        (Code.FILE_UNREADABLE, sidecar),
    )
    return tuple(warning(code, text, None, uid) for code, text in doubts if text)


def _scale_doubt(file: InputFile) -> str:
    """What is wrong with slope and intercept; nibabel ignores values that are not finite."""
    import nibabel as nib

    image: Any = nib.load(file.path)
    with image.file_map["image"].get_prepare_fileobj("rb") as stream:
        header = type(image.header).from_fileobj(stream)
    stated = [float(header[name]) for name in ("scl_slope", "scl_inter")]
    if np.isfinite(stated).all():
        return ""
    return f"slope and intercept are {stated[0]:g} and {stated[1]:g}; stored values were used"


def _images(
    file: InputFile, grid: Grid, b_values: Sequence[BValue], volumes: int
) -> tuple[Image, ...]:
    if volumes == 1:
        return (NiftiVolume(file, None, grid, b_values[0] if b_values else None),)
    return tuple(NiftiVolume(file, n, grid, b) for n, b in enumerate(b_values))


def _stem(name: str) -> str:
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def _json(file: InputFile | None) -> tuple[dict[str, Any], str]:
    """Content of a sidecar, and what in it cannot be used."""
    if file is None:
        return {}, ""
    name = file.name.rsplit("/", 1)[-1]
    problem = f"{name}: it is not a JSON object, so it was ignored"
    if file.path.stat().st_size > MAX_SIDECAR_BYTES:
        return {}, problem
    try:
        content = json.loads(file.path.read_text(encoding="utf-8-sig", errors="replace"))
    except (OSError, ValueError, RecursionError):
        return {}, problem
    if not isinstance(content, dict):
        return {}, problem
    return content, _impossible_times(content, name)


def _header(file: InputFile) -> tuple[Grid | None, int, str, str]:
    """Grid, number of volumes, problem and doubt; no voxel is read."""
    import nibabel as nib

    try:
        image: Any = nib.load(file.path)
        header = image.header
        shape = tuple(int(n) for n in image.shape)
        dtype = header.get_data_dtype()
        size = int(np.prod(shape, dtype=object)) * dtype.itemsize
        placement = placement_of(image)
    except (OSError, EOFError, OverflowError, ValueError, KeyError, zlib.error,
            nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError) as error:  # fmt: skip
        return None, 0, f"it cannot be read as NIfTI ({clean_text(error)[:120]})", ""
    if dtype.kind not in "iuf":
        kind = _KINDS.get(dtype.kind, dtype.name)
        return None, 0, f"its voxels are not plain numbers but {kind}", ""
    if size > MAX_BYTES:
        problem = f"its header describes {size >> 20} MiB of voxels, more than discmri reads"
        return None, 0, problem, ""
    return (*_placed(shape, placement), placement.doubt)


def _placed(shape: tuple[int, ...], placement: Placement) -> tuple[Grid | None, int, str]:
    """Grid, number of volumes, and problem."""
    volumes = int(np.prod(shape[3:], dtype=int)) if len(shape) > 3 else 1
    if len(shape) < 3 or len(shape) > 4 or volumes < 1:
        return None, volumes, f"its shape {shape} is not that of a volume"
    if placement.affine is None:
        return None, volumes, placement.problem
    try:
        grid = Grid((shape[0], shape[1], shape[2]), placement.affine)
        refuse_absurd_extent(grid)
    except GeometryError as error:
        return None, volumes, str(error)
    return grid, volumes, placement.problem


def _b_values(
    bval: InputFile | None, bvec: InputFile | None, stem: str, grid: Grid | None
) -> tuple[BValue, ...]:
    """One b-value per volume.

    Directions of FSL are relative to image axes with x mirrored.  They are only compared with each
    other, so the mirroring does not matter.
    """
    values = _table(bval)
    vectors = _table(bvec)
    if values is None or values.min() < 0 or values.max() > LARGEST_B_S_PER_MM2:
        return ()
    flat = values.ravel()
    directed = vectors is not None and vectors.shape == (3, flat.size)
    trace = stem.lower().endswith("trace")
    found = []
    for n, value in enumerate(flat):
        b = float(value) if value >= B0_BELOW_S_PER_MM2 else 0.0
        kind, direction = (DirectionKind.UNKNOWN if b else DirectionKind.NONE), None
        if b and trace:
            kind = DirectionKind.TRACE
        elif b and directed and vectors is not None and grid is not None:
            length = float(np.linalg.norm(vectors[:, n]))
            kind = DirectionKind.DIRECTIONAL if length > _NO_DIRECTION else DirectionKind.TRACE
            if length > _NO_DIRECTION:
                x, y, z = (float(c) for c in grid.directions @ (vectors[:, n] / length))
                direction = (x, y, z)
        found.append(BValue(b, "bval file", kind, direction))
    return tuple(found)


def _table(file: InputFile | None) -> NDArray[np.float64] | None:
    if file is None or file.path.stat().st_size > MAX_SIDECAR_BYTES:
        return None
    rows = [
        line.split() for line in file.path.read_text(errors="replace").splitlines() if line.split()
    ]
    try:
        table = np.array(rows, dtype=float)
    except ValueError:
        return None
    good = table.size and np.isfinite(table).all()
    return table if good else None


def _impossible_times(sidecar: dict[str, Any], name: str) -> str:
    """What is wrong with impossible times, such as times in milliseconds."""
    wrong = [
        f"{key} {seconds:g}"
        for key, longest in _LONGEST_S.items()
        if (seconds := _number(sidecar, key)) is not None and not 0 <= seconds <= longest
    ]
    return (
        f"{name}: {', '.join(wrong)} s is impossible and was ignored; write seconds"
        if wrong
        else ""
    )


def _contrast(sidecar: dict[str, Any], weighted: bool) -> ContrastParameters:
    def ms(key: str) -> float | None:
        seconds = _number(sidecar, key)
        possible = seconds is not None and 0 < seconds <= _LONGEST_S[key]
        return round(seconds * 1e3, 6) if possible and seconds is not None else None

    words = set(re.split(r"[\\_\s,]+", clean_text(sidecar.get("ScanningSequence")).upper()))
    options = set(re.split(r"[\\_\s,]+", clean_text(sidecar.get("ScanOptions")).upper()))
    train = _number(sidecar, "EchoTrainLength")
    techniques = words & {"SE", "GR", "EP", "IR"}
    return ContrastParameters(
        te_ms=ms("EchoTime"),
        tr_ms=ms("RepetitionTime"),
        ti_ms=ms("InversionTime"),
        echo_train=None if train is None else int(train),
        techniques=frozenset(techniques | ({"EP"} if weighted else set())),
        fat_suppressed="ScanOptions FS" if "FS" in options else "",
    )


def _number(sidecar: dict[str, Any], key: str) -> float | None:
    value = sidecar.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if np.isfinite(value) else None


def _image_type(sidecar: dict[str, Any], stem: str) -> tuple[str, ...]:
    stated = sidecar.get("ImageType")
    words = [clean_text(word).upper() for word in stated] if isinstance(stated, list) else []
    suffix = _WORDS.get(re.split(r"[_/]", stem)[-1].lower())
    if suffix:
        words = [*(words or ["DERIVED", "PRIMARY"]), suffix]
    return tuple(words)


def _through(grid: Grid) -> int:
    return int(np.argmax(grid.spacing_mm))


def _plane(grid: Grid) -> Plane:
    """Plane across the longest voxel side; nearly cubic voxels count as sagittal."""
    if grid.spacing_mm.max() <= _ISOTROPIC_WITHIN * grid.spacing_mm.min():
        return Plane.SAGITTAL
    return plane_of(grid.directions[:, _through(grid)])


def _phase_axis(sidecar: dict[str, Any], grid: Grid) -> tuple[float, float, float] | None:
    letter = clean_text(sidecar.get("PhaseEncodingDirection"))[:1]
    if letter not in ("i", "j", "k"):
        return None
    x, y, z = (float(c) for c in grid.directions[:, "ijk".index(letter)])
    return (x, y, z)
