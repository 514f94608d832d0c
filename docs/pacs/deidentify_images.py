"""Images without names, which go with the results of ``discmri measure --deidentified``.

    python deidentify_images.py site.toml STUDY OUT

dicom-anonymizer (BSD) removes what the standard lists.  The key of ``--deidentified`` adds what
it leaves to chance: the same UIDs as in the results, pseudonyms, and dates whose intervals stay.
Private elements are dropped but those of the b-values that PS3.15 calls safe.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pydicom
from dicomanonymizer.simpledicomanonymizer import anonymize_dataset, initialize_actions

from discmri.study.deidentify import Disguise, Pseudonyms, header_without_names

SAFE = {
    "SIEMENS MR HEADER": (0x0019, (0x0C, 0x0D, 0x0E, 0x27)),
    "GEMS_PARM_01": (0x0043, (0x39,)),
    "Philips Imaging DD 001": (0x2001, (0x03,)),
}


def keep(_dataset: pydicom.Dataset, _tag: object) -> None:
    """Leave an element to what :func:`header_without_names` makes of it."""


def deidentified(image: pydicom.Dataset, keys: Pseudonyms) -> pydicom.Dataset:
    """One image; what is kept of its header is what the results' objects keep."""
    disguise = Disguise.of(keys, str(image.get("PatientID", "")), [image])
    safe = [
        (group, creator, offset, image.private_block(group, creator)[offset])
        for creator, (group, offsets) in SAFE.items()
        for offset in offsets
        if creator in image.private_creators(group)
        and offset in image.private_block(group, creator)
    ]
    kept = header_without_names(image, disguise)
    ours = dict.fromkeys(
        (tag for tag in initialize_actions() if len(tag) == 2 and tag in kept), keep
    )
    anonymize_dataset(image, ours)
    for element in kept:
        image[element.tag] = element
    for group, creator, offset, element in safe:
        image.private_block(group, creator, create=True).add_new(offset, element.VR, element.value)
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    return image


def main(key: str, study: str, out: str) -> None:
    """Every DICOM file below a folder."""
    keys = Pseudonyms.read(Path(key))
    Path(out).mkdir(parents=True)
    for number, path in enumerate(sorted(p for p in Path(study).rglob("*") if p.is_file())):
        if pydicom.misc.is_dicom(path) and path.name != "DICOMDIR":
            deidentified(pydicom.dcmread(path), keys).save_as(Path(out) / f"{number:05d}.dcm")


if __name__ == "__main__":
    main(*sys.argv[1:])
