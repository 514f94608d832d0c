"""A path from the user -> its files, with protection against zip bombs and link loops."""

from __future__ import annotations

import lzma
import os
import re
import shutil
import stat
import struct
import weakref
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from discmri.core.errors import DicomError, NothingToMeasureError, UsageError
from discmri.core.leftovers import temporary_folder

MAX_FILES = 200_000
MAX_UNZIPPED_BYTES = 8 * 2**30
# Zeroed margins compress by a factor of 1000, whole studies do not.
MAX_RATIO = 200
RATIO_MATTERS_FROM_BYTES = 256 * 2**20
_CHUNK = 2**20
_ENCRYPTED = 0x1
# Errors that the standard library raises for damaged archives; they are not documented.
_DAMAGE = (
    zipfile.BadZipFile,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zlib.error,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True)
class InputFile:
    """One input file."""

    path: Path  # the file; a temporary copy for a member of a zip
    name: str  # name relative to the user's path, for messages and for finding sidecars


class TemporaryFolder:
    """A folder that is removed with the last reference to it, or by a later process."""

    def __init__(self) -> None:
        self.path = temporary_folder()
        self._remove = weakref.finalize(self, shutil.rmtree, self.path, True)

    def remove(self) -> None:
        """Remove the folder now."""
        self._remove()


@dataclass(frozen=True)
class StudyFiles:
    """All files of one input."""

    root: Path  # the user's path
    files: tuple[InputFile, ...]  # regular files in order of their names
    # owner of the temporary folder of an unpacked zip; the files exist as long as it does
    keeper: TemporaryFolder | None = field(default=None, repr=False)


def clean_text(value: object) -> str:
    r"""Text of a header without control characters and outer blanks.

    >>> clean_text("A\x1b[31m\r\nB ")
    'A[31mB'
    """
    return _CONTROL.sub("", str(value if value is not None else "")).strip()


def open_source(path: Path) -> StudyFiles:
    """List the files of a folder (recursively), of a zip, or of one file.

    Directory links are followed once, so loops end; pipes, sockets and devices are ignored.  Raises
    ``UsageError`` if the path does not exist or cannot be read, ``NothingToMeasureError`` if there
    are more than 200,000 files, or if a zip is damaged, encrypted or unpacks to more than 8 GiB or
    an impossible multiple of its size.
    """
    if not path.exists():
        raise UsageError(
            f"{clean_text(path)} does not exist; give a study folder, a .zip or a NIfTI file"
        )
    if not os.access(path, os.R_OK):
        raise UsageError(f"{clean_text(path)} cannot be read; check its permissions")
    if path.is_dir():
        return StudyFiles(path, tuple(_walk(path)))
    if not path.is_file():
        raise UsageError(f"{clean_text(path)} is neither a folder nor a regular file")
    if path.name.upper() == "DICOMDIR":
        return StudyFiles(path.parent, tuple(_walk(path.parent)))
    if zipfile.is_zipfile(path):
        return _unzipped(path)
    if path.suffix.lower() == ".zip":
        raise DicomError(
            f"{clean_text(path)} is not a readable zip archive; copy or download it again"
        )
    if _nifti(path):
        stem = _stem(path.name)
        beside = [p for p in sorted(path.parent.iterdir()) if _stem(p.name) == stem and p.is_file()]
        return StudyFiles(
            path, tuple(InputFile(p, p.name) for p in beside if p == path or not _nifti(p))
        )
    return StudyFiles(path, (InputFile(path, path.name),))


def _walk(root: Path) -> list[InputFile]:
    found: list[InputFile] = []
    seen: set[tuple[int, int]] = set()
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            status = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if folder == root:
                raise UsageError(f"{clean_text(root)} cannot be read: {error.strerror}") from error
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        below = []
        for entry in entries:
            try:
                mode = entry.stat().st_mode
            except OSError:  # a broken or circular link
                continue
            if stat.S_ISDIR(mode) and entry.name != "__MACOSX":
                below.append(Path(entry.path))
            elif stat.S_ISREG(mode) and not entry.name.startswith("._"):
                name = Path(entry.path).relative_to(root).as_posix()
                found.append(InputFile(Path(entry.path), clean_text(name)))
        folders.extend(reversed(below))
        if len(found) > MAX_FILES:
            raise NothingToMeasureError(
                f"{clean_text(root)} holds more than {MAX_FILES} files; give the folder of one study"
            )
    return sorted(found, key=lambda file: file.name)


def _unzipped(path: Path) -> StudyFiles:
    keeper = TemporaryFolder()
    try:
        with zipfile.ZipFile(path) as archive:
            files = _extract(archive, path, keeper.path)
    except _DAMAGE as error:
        keeper.remove()
        reason = clean_text(error) or type(error).__name__
        raise DicomError(
            f"{clean_text(path)} cannot be unpacked ({reason}); unpack it and give the folder"
        ) from error
    except NothingToMeasureError:
        keeper.remove()
        raise
    return StudyFiles(path, tuple(sorted(files, key=lambda file: file.name)), keeper)


def _extract(archive: zipfile.ZipFile, path: Path, folder: Path) -> list[InputFile]:
    """Copy regular members to numbered files, so that no member is written outside the folder."""
    members = [m for m in archive.infolist() if not m.is_dir() and not _is_link(m)]
    members = [m for m in members if "__MACOSX" not in m.filename and not _base(m).startswith("._")]
    if len(members) > MAX_FILES:
        raise NothingToMeasureError(
            f"{clean_text(path)} holds more than {MAX_FILES} files; give one study"
        )
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise DicomError(
            f"{clean_text(path)} is encrypted; unpack it with its password and give the folder"
        )
    packed = max(path.stat().st_size, 1)
    written = 0
    files = []
    for number, member in enumerate(members):
        kind = re.search(r"(\.nii)?(\.gz)?$", member.filename, re.IGNORECASE)
        target = folder / f"{number:06d}{kind.group().lower() if kind else ''}"
        with archive.open(member) as source, target.open("wb") as copy:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                swollen = written > RATIO_MATTERS_FROM_BYTES and written > MAX_RATIO * packed
                if written > MAX_UNZIPPED_BYTES or swollen:
                    raise DicomError(
                        f"{clean_text(path)} unpacks to more than {written >> 20} MiB from {packed >> 20} MiB, "
                        "which is impossible for a study; unpack and check it yourself"
                    )
                copy.write(chunk)
        files.append(InputFile(target, clean_text(member.filename)))
    return files


def _is_link(member: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)


def _base(member: zipfile.ZipInfo) -> str:
    return member.filename.rsplit("/", 1)[-1]


def _nifti(path: Path) -> bool:
    return path.name.lower().endswith((".nii", ".nii.gz"))


def _stem(name: str) -> str:
    for suffix in (".nii.gz", ".nii", ".json", ".bval", ".bvec"):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name
