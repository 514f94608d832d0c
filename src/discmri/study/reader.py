"""Reading of a path into a :class:`~discmri.study.study.Study`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from discmri.core.errors import NothingToMeasureError, UsageError
from discmri.core.findings import MEANINGS, Code, Finding, info, warning
from discmri.study.assemble import assemble
from discmri.study.choose import choose
from discmri.study.deidentify import Disguise, Pseudonyms, without_names
from discmri.study.dicomdir import missing_images
from discmri.study.frame import Frame
from discmri.study.identity import with_torn_series_joined, without_duplicates
from discmri.study.nifti import is_nifti, nifti_series, subject_and_session
from discmri.study.scan import HeaderIndex, Unreadable, scan, whole_header
from discmri.study.series import Series
from discmri.study.source import InputFile, StudyFiles, clean_text, open_source
from discmri.study.strays import strays
from discmri.study.study import Study

_OTHER_IMAGES = (".hdr", ".img", ".img.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".mgz", ".mgh", ".v")


def read_study(
    path: str | Path,
    study_uid: str | None = None,
    threads: int = 2,
    pseudonyms: Pseudonyms | None = None,
) -> Study:
    """Find the series of one examination, their roles and geometry.

    Only headers are read, except for files with the same UID, whose pixel values are compared.

    Parameters
    ----------
    path
        Folder (searched recursively), zip, folder with a DICOMDIR, or NIfTI file.
    study_uid
        Study Instance UID if the path has several studies; for NIfTI subject and session, such as
        ``sub-01_ses-2``.
    threads
        Threads for decoding pixel values.
    pseudonyms
        Key with which names, UIDs and dates are replaced; ``None`` to keep them.

    Returns
    -------
    Study
        With all series.

    Raises
    ------
    UsageError
        If the path does not exist or cannot be read, or if NIfTI is to be de-identified.
    NothingToMeasureError
        If there is no MR image, or if there are several studies and ``study_uid`` is not given;
        the message lists them.

    Examples
    --------
    >>> study = read_study("sample_phantoms/ge_residual_disc/study")
    >>> [series.role.value for series in study.series]
    ['sagittal T2', 'sagittal T1']
    """
    source = open_source(Path(path))
    found = scan(source.files)
    if found.frames:
        return _from_dicom(source, found, study_uid, threads, pseudonyms)
    volumes = [file for file in source.files if is_nifti(file)]
    if volumes and pseudonyms is not None:
        raise UsageError(
            "NIfTI headers do not name a patient; rename the file and leave out --deidentified"
        )
    if volumes:
        return _from_nifti(source, volumes, study_uid, threads)
    raise NothingToMeasureError(_nothing(source, found))


def _from_dicom(
    source: StudyFiles,
    found: HeaderIndex,
    study_uid: str | None,
    threads: int,
    pseudonyms: Pseudonyms | None,
) -> Study:
    frames = _one_study(source, found.frames, study_uid)
    disguise = None if pseudonyms is None else _disguise(frames, pseudonyms)
    if disguise is not None:
        frames = [without_names(frame, disguise) for frame in frames]
        found = replace(found, unreadable=tuple(_nameless(found.unreadable, disguise)))
    frames, joined = with_torn_series_joined(frames)
    frames, findings = without_duplicates(frames)
    findings += joined
    series = assemble(frames)
    chosen = choose(series)
    used = [one for one in (chosen.target, *chosen.diffusion, chosen.adc_map) if one is not None]
    findings += _unreadable(found, {one.uid for one in used}, {one.uid for one in series})
    findings += tuple(strays(series, used))
    findings += tuple(_missing(source, used, disguise))
    owner = frames[0].owner
    subject = next((f.owner.patient_id for f in frames if f.owner.patient_id), "")
    if disguise is not None:
        findings += (info(Code.DEIDENTIFIED, MEANINGS[Code.DEIDENTIFIED]),)
    return Study(
        path=source.root,
        subject_id=subject or _folder_name(source.root),
        study_uid=owner.study_uid,
        study_date=owner.study_date,
        series=series,
        choice=chosen,
        disguise=disguise,
        findings=(*findings, *chosen.findings),
        other_files=found.other_objects | ({"no DICOM": found.foreign} if found.foreign else {}),
        threads=threads,
        source=source,
    )


def _missing(
    source: StudyFiles, used: Sequence[Series], disguise: Disguise | None
) -> Iterator[Finding]:
    """Findings on missing images of used series that a DICOMDIR lists."""
    for uid, count in missing_images(source.files).items():
        known = uid if disguise is None else disguise.pseudonyms.uid(uid)
        for one in used:
            if one.uid == known:
                text = (
                    f"{one.name}: the DICOMDIR lists {count} more of its images; copy the whole CD"
                )
                yield warning(Code.SLICE_MISSING, text, None, one.uid)


def _one_study(source: StudyFiles, frames: Sequence[Frame], study_uid: str | None) -> list[Frame]:
    chosen = [f for f in frames if study_uid is None or f.owner.study_uid == study_uid]
    owners: dict[tuple[str, str], str] = {}
    for frame in chosen or frames:
        owners[(frame.owner.patient_id, frame.owner.study_uid)] = frame.owner.study_date
    listed = "; ".join(
        f"patient {patient or '(none)'}, study {uid or '(none)'}" + (f" of {date}" if date else "")
        for (patient, uid), date in sorted(owners.items())[:20]
    )
    more = f" and {len(owners) - 20} more" if len(owners) > 20 else ""
    if not chosen:
        raise NothingToMeasureError(
            f"{clean_text(source.root)} holds no study {clean_text(study_uid)}; it holds {listed}{more}"
        )
    patients = {patient for patient, _ in owners if patient}
    studies = {uid for _, uid in owners}
    if len(patients) > 1 and len(studies) == 1:
        raise NothingToMeasureError(
            f"{clean_text(source.root)} holds {len(patients)} patients under one study UID: "
            f"{listed}{more}; put each into its own folder"
        )
    if len(studies) > 1:
        raise NothingToMeasureError(
            f"{clean_text(source.root)} holds {len(owners)} studies: {listed}{more}; choose one with --study UID"
        )
    return chosen


def _disguise(frames: Sequence[Frame], pseudonyms: Pseudonyms) -> Disguise:
    """The disguise of the patient of these frames, from the headers of all series.

    Raises
    ------
    NothingToMeasureError
        If a header states that text is burned into the image.
    """
    files = {frame.origin.series_uid: frame.pixels.file for frame in reversed(frames)}
    headers = [whole_header(file) for file in files.values()]
    if any(str(one.get("BurnedInAnnotation", "")).upper() == "YES" for one in headers):
        raise NothingToMeasureError(
            "a series has text burned into its images (Burned In Annotation is YES), which "
            "cannot be removed; remove that series"
        )
    patient = next((f.owner.patient_id for f in frames if f.owner.patient_id), "")
    return Disguise.of(pseudonyms, patient, headers)


def _nameless(files: Sequence[Unreadable], disguise: Disguise) -> Iterator[Unreadable]:
    for one in files:
        file = replace(one.file, name="a file")
        yield replace(one, file=file, series_uid=disguise.pseudonyms.uid(one.series_uid))


def _from_nifti(
    source: StudyFiles, volumes: Sequence[InputFile], study_uid: str | None, threads: int
) -> Study:
    owners = {file: subject_and_session(file) for file in volumes}
    studies = sorted({study for _, study in owners.values()})
    listed = ", ".join(study or "(no subject in the name)" for study in studies[:20])
    if study_uid is not None and study_uid not in studies:
        raise NothingToMeasureError(
            f"{clean_text(source.root)} holds no study {clean_text(study_uid)}; it holds {listed}"
        )
    if study_uid is None and len(studies) > 1:
        raise NothingToMeasureError(
            f"{clean_text(source.root)} holds {len(studies)} studies: {listed}; choose one with --study"
        )
    picked = [f for f in volumes if study_uid is None or owners[f][1] == study_uid]
    series = tuple(nifti_series(file, source.files, n) for n, file in enumerate(picked, 1))
    if not any(one.images for one in series):
        listed = "; ".join(f"{one.uid}: {one.problem}" for one in series[:5])
        raise NothingToMeasureError(
            f"{clean_text(source.root)} holds no usable NIfTI image ({listed})"
        )
    chosen = choose(series)
    subject, study = owners[picked[0]]
    return Study(
        path=source.root,
        subject_id=subject or _folder_name(source.root),
        study_uid=study,
        study_date="",
        series=series,
        choice=chosen,
        findings=chosen.findings,
        threads=threads,
        source=source,
    )


def _unreadable(found: HeaderIndex, used: set[str], known: set[str]) -> tuple[Finding, ...]:
    """Findings on files that were left out: warnings if they may belong to a used series."""
    findings = []
    for one in found.unreadable:
        # Names of folders may contain the patient's name, so only the file name is kept.
        text = f"{one.file.name.rsplit('/', 1)[-1]}: {one.reason}"
        elsewhere = one.series_uid in known - used
        make = info if elsewhere else warning
        findings.append(make(Code.FILE_UNREADABLE, text, None, one.series_uid or None))
    return tuple(findings)


def _nothing(source: StudyFiles, found: HeaderIndex) -> str:
    if not source.files:
        return f"{clean_text(source.root)} holds no files; give the folder that holds the images"
    if found.unreadable:
        first = found.unreadable[0]
        return (
            f"{clean_text(source.root)} holds no readable MR image: {len(found.unreadable)} are "
            f"damaged, such as {first.file.name}: {first.reason}; copy them again"
        )
    if set(found.other_objects) == {"DICOMDIR"}:
        return f"{clean_text(source.root)} holds a DICOMDIR but none of the files it lists; copy the whole CD"
    if found.other_objects:
        listed = ", ".join(f"{n} {kind}" for kind, n in sorted(found.other_objects.items()))
        return f"{clean_text(source.root)} holds no MR images, only other DICOM objects ({listed}); give an MR study"
    zips = [file.name for file in source.files if file.name.lower().endswith(".zip")]
    others = [file.name for file in source.files if file.name.lower().endswith(_OTHER_IMAGES)]
    hint = "; give a folder with MR DICOM or NIfTI files"
    if zips:
        hint = f"; give {zips[0]} itself"
    elif others:
        hint = f"; convert {others[0]} to NIfTI (.nii.gz)"
    return f"{clean_text(source.root)} holds {len(source.files)} files but no DICOM or NIfTI image{hint}"


def _folder_name(path: Path) -> str:
    name = path.resolve().name
    for suffix in (".zip", ".nii.gz", ".nii", ".dcm"):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return clean_text(name)
