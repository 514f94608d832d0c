"""Label maps of every scheme, in any orientation and resolution."""

from __future__ import annotations

import gzip
import itertools

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import apply_orientation, inv_ornt_aff
from tests.spines import GRID, box_spine

from discmri.core.errors import GeometryError, NothingToMeasureError, UsageError
from discmri.core.labels import NumberingMethod
from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.settings import Settings
from discmri.core.volume import Volume
from discmri.measurement.numbering import name_levels
from discmri.measurement.segment.masks import masks
from discmri.measurement.segment.schemes import SCHEMES

IMAGE = Volume(np.zeros(GRID.shape, dtype=np.float32), GRID.affine)


def draw(discs, bodies, sacrum, canal, posterior=False) -> np.ndarray:
    """The box spine as numbers; lists run from below."""
    spine = box_spine(tuple(range(len(discs))), bodies=tuple(range(len(bodies))))
    labels = np.zeros(GRID.shape, dtype=np.int16)
    labels[spine.canal.on(GRID) > 0.5] = canal
    if sacrum:
        labels[spine.sacrum.on(GRID) > 0.5] = sacrum
    for number, mask in zip(reversed(bodies), spine.bodies, strict=True):
        labels[mask.on(GRID) > 0.5] = number
    for number, disc in zip(reversed(discs), spine.discs, strict=True):
        labels[disc.mask.on(GRID) > 0.5] = number
    if posterior:  # a spinous process behind the canal belongs to the lowest body
        labels[3, 0:2, 60:70] = bodies[0]
    return labels


def read(tmp_path, labels, scheme, affine=GRID.affine):
    path = tmp_path / "labels.nii.gz"
    nib.save(nib.Nifti1Image(labels, affine), path)
    return masks(IMAGE, Settings(segmenter="masks", masks=path, mask_scheme=scheme))


CASES = {
    "discmri": ((100, 95, 94), (45, 44, 43), 50, 2),
    "totalspineseg": ((100, 95, 94), (45, 44, 43), 50, 2),
    "spineps": ((124, 123, 122), (24, 23, 22), 26, 61),
    "spider": ((201, 202, 203), (1, 2, 3), 0, 100),
}


@pytest.mark.parametrize("scheme", CASES)
def test_a_scheme_names_its_discs(tmp_path, scheme):
    found = read(tmp_path, draw(*CASES[scheme]), scheme)
    labels, _ = name_levels(found)
    assert labels.numbering is NumberingMethod.MASKS
    assert [d.value for d in labels.discs] == ["L3-L4", "L4-L5", "L5-S1"]
    assert Vertebra.L4 in labels.vertebrae
    expected = box_spine((0, 1, 2)).discs[2].mask
    np.testing.assert_allclose(
        labels.discs[DiscLevel.L5_S1].centroid_mm, expected.centroid_mm, atol=1e-5
    )


def test_one_class_for_all_discs_is_split_and_counted_from_the_sacrum(tmp_path):
    found = read(tmp_path, draw((20,) * 4, (19,) * 4, 18, 21), "totalsegmentator")
    labels, _ = name_levels(found)
    assert [d.value for d in labels.discs] == ["L2-L3", "L3-L4", "L4-L5", "L5-S1"]
    assert labels.numbering is NumberingMethod.SACRUM
    assert len(found.bodies) == 4


def test_posterior_elements_are_cut_off_whole_vertebrae(tmp_path):
    case = CASES["totalspineseg"]
    with_process = read(tmp_path, draw(*case, posterior=True), "totalspineseg")
    without = read(tmp_path, draw(*case), "totalspineseg")
    assert with_process.bodies[-1].volume_mm3 == pytest.approx(without.bodies[-1].volume_mm3)


@pytest.mark.parametrize(
    ("scheme", "discs", "bodies"),
    [("discmri", (100, 96, 95), (46, 45, 44)), ("spineps", (125, 124, 123), (25, 24, 23))],
)
def test_a_sixth_lumbar_body_renames_the_lowest_discs(tmp_path, scheme, discs, bodies):
    labels, _ = name_levels(read(tmp_path, draw(discs, bodies, 0, 2), scheme))
    assert [d.value for d in labels.discs] == ["L4-L5", "L5-L6", "L6-S1"]


@pytest.mark.parametrize(
    ("scheme", "discs", "bodies", "sacrum"),
    [
        ("discmri", (101, 100, 95, 94), (50, 45, 44, 43), 50),
        ("totalspineseg", (101, 100, 95, 94), (50, 45, 44, 43), 50),
        ("spineps", (126, 124, 123, 122), (26, 24, 23, 22), 26),
    ],
)
def test_a_residual_disc_of_a_label_map_is_kept_and_not_measured(
    tmp_path, scheme, discs, bodies, sacrum
):
    found = read(tmp_path, draw(discs, bodies, sacrum, 2), scheme)
    labels, _ = name_levels(found)
    assert [d.value for d in labels.discs] == ["L3-L4", "L4-L5", "L5-S1"]
    assert list(labels.residual_discs) == [DiscLevel.S1_S2]
    assert labels.numbering is NumberingMethod.MASKS
    assert Vertebra.L5 in labels.vertebrae


@pytest.mark.parametrize(
    "order", list(itertools.permutations(range(3))), ids=lambda o: "".join(map(str, o))
)
@pytest.mark.parametrize("flip", [(1, 1, 1), (-1, 1, -1), (-1, -1, -1)])
def test_any_orientation_gives_the_same_discs(tmp_path, order, flip):
    labels = draw(*CASES["discmri"])
    orientation = np.array(list(zip(order, flip, strict=True)))
    turned = apply_orientation(labels, orientation)
    affine = GRID.affine @ inv_ornt_aff(orientation, labels.shape)
    found = read(tmp_path, turned, "discmri", affine)
    expected = read(tmp_path, labels, "discmri")
    for disc, other in zip(found.discs, expected.discs, strict=True):
        assert disc.level is other.level
        np.testing.assert_allclose(disc.mask.centroid_mm, other.mask.centroid_mm, atol=1e-4)
        assert disc.mask.volume_mm3 == pytest.approx(other.mask.volume_mm3)


def test_a_stray_island_is_no_part_of_a_disc(tmp_path):
    labels = draw(*CASES["discmri"])
    labels[0, 55, 300] = 100
    found = read(tmp_path, labels, "discmri")
    assert found.discs[-1].mask.shape[2] < 20


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_map_without_discs_is_refused_with_its_numbers(tmp_path, scheme):
    labels = np.full(GRID.shape, 7, dtype=np.int16)
    with pytest.raises(NothingToMeasureError, match=r"\[7\]|no disc"):
        read(tmp_path, labels, scheme)


def test_a_map_of_another_place_is_refused(tmp_path):
    away = GRID.affine.copy()
    away[:3, 3] += 900
    with pytest.raises(NothingToMeasureError, match="outside"):
        read(tmp_path, draw(*CASES["discmri"]), "discmri", away)


def test_wrong_calls_are_told(tmp_path):
    with pytest.raises(UsageError, match="--masks"):
        masks(IMAGE, Settings(segmenter="masks"))
    with pytest.raises(UsageError, match="scheme"):
        masks(IMAGE, Settings(masks=tmp_path / "x.nii.gz", mask_scheme="nonsense"))
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"not a nifti")
    with pytest.raises(UsageError, match=r"broken\.nii\.gz"):
        masks(IMAGE, Settings(masks=broken))
    fractions = tmp_path / "fractions.nii.gz"
    nib.save(nib.Nifti1Image(np.full((3, 3, 3), 0.4, np.float32), np.eye(4)), fractions)
    with pytest.raises(UsageError, match="whole numbers"):
        masks(IMAGE, Settings(masks=fractions))


def without_place(image: nib.Nifti1Image) -> nib.Nifti1Image:
    image.set_sform(None, 0)
    image.set_qform(None, 0)
    return image


def one_disc(dtype=np.int16) -> np.ndarray:
    labels = np.zeros(GRID.shape, dtype=dtype)
    labels[2:5, 20:60, 60:70] = 95
    return labels


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (without_place(nib.Nifti1Image(one_disc(), GRID.affine)), "has no orientation"),
        (nib.Nifti1Image(np.zeros((4, 4, 4), [(c, "u1") for c in "RGB"]), np.eye(4)), "numbers"),
        (nib.Nifti1Image(np.zeros((4, 4, 4), np.complex64), np.eye(4)), "whole numbers"),
        (nib.Nifti1Image(one_disc(np.float64) * 1e12, GRID.affine), "too large"),
        (nib.Nifti1Image(np.zeros((4, 4)), np.eye(4)), "three axes"),
        (nib.Nifti1Image(np.zeros((4, 4, 4, 2)), np.eye(4)), "three axes"),
    ],
    ids=["no place", "colours", "complex", "large", "flat", "two"],
)
def test_maps_that_cannot_be_label_maps(tmp_path, image, expected):
    path = tmp_path / "m.nii.gz"
    nib.save(image, path)
    with pytest.raises(UsageError, match=expected) as error:
        masks(IMAGE, Settings(masks=path))
    assert str(path) in str(error.value)


def test_a_header_that_claims_terabytes_is_not_believed(tmp_path):
    header = nib.Nifti1Header()
    header["magic"], header["vox_offset"], header["sform_code"] = b"n+1", 352, 1
    header.set_data_dtype(np.uint8)
    header["dim"] = [3, 32767, 32767, 32767, 1, 1, 1, 1]
    path = tmp_path / "m.nii.gz"
    path.write_bytes(gzip.compress(header.binaryblock + b"\0" * 4))
    with pytest.raises(UsageError, match="its header describes"):
        masks(IMAGE, Settings(masks=path))


def test_a_damaged_stream_gives_no_labels(tmp_path):
    path = tmp_path / "m.nii.gz"
    noise = np.random.default_rng(0).integers(0, 96, (20, 20, 20)).astype(np.uint8)
    nib.save(nib.Nifti1Image(noise, GRID.affine), path)
    whole = path.read_bytes()
    for place in range(200, len(whole) - 8, len(whole) // 12):
        damaged = bytearray(whole)
        damaged[place] ^= 0x5A
        path.write_bytes(bytes(damaged))
        with pytest.raises(UsageError, match="not a readable"):
            masks(IMAGE, Settings(masks=path))


def test_a_sheared_map_is_named(tmp_path):
    path = tmp_path / "m.nii.gz"
    nib.save(nib.Nifti1Image(one_disc(), GRID.affine + np.eye(4, k=1) * 0.3), path)
    with pytest.raises(GeometryError, match=r"m\.nii\.gz: the axes"):
        masks(IMAGE, Settings(masks=path))


def test_a_disc_partly_in_the_image_is_taken(tmp_path):
    """Half of the slices are gone: the middles of the discs lie outside, the discs do not."""
    half = GRID.cropped((0, 0, 0), (2, *GRID.shape[1:]))
    path = tmp_path / "m.nii.gz"
    labels = one_disc()
    labels[1] = labels[2]
    nib.save(nib.Nifti1Image(labels, GRID.affine), path)
    image = Volume(np.zeros(half.shape, np.float32), half.affine)
    assert len(masks(image, Settings(masks=path)).discs) == 1


def test_discs_and_vertebrae_of_one_class_that_touch_are_told_apart(tmp_path):
    apart = draw((20,) * 4, (19,) * 4, 18, 21)
    touching = apart.copy()
    low, high = (np.flatnonzero((apart == 20).any(axis=(0, 1)))[n] for n in (0, -1))
    touching[3, 44:47, low:high] = 20  # one voxel wide between discs, in front of the bodies
    touching[:, 46:48, low:high] = 19  # a bridging osteophyte in front of everything
    touching[2:5, 2:6, low:high] = 19  # facet joints behind
    touching[apart == 20] = 20
    found = read(tmp_path, touching, "totalsegmentator")
    expected = read(tmp_path, apart, "totalsegmentator")
    assert len(found.discs) == len(expected.discs) == 4
    assert len(found.bodies) == len(expected.bodies) == 4
    for pair in (*zip(found.discs, expected.discs, strict=True),):
        distance = pair[0].mask.centroid_mm - pair[1].mask.centroid_mm
        assert np.abs(distance).max() < 1.0
    for body, other in zip(found.bodies, expected.bodies, strict=True):
        assert np.abs(body.centroid_mm - other.centroid_mm).max() < 2.0
        assert body.volume_mm3 == pytest.approx(other.volume_mm3, rel=0.2)


def test_a_map_of_another_scheme_is_refused_with_the_one_that_fits(tmp_path):
    with pytest.raises(
        NothingToMeasureError, match=r"labels 1, 3, 201.*it fits --mask-scheme spider"
    ):
        read(tmp_path, draw(*CASES["spider"]), "discmri")


@pytest.mark.parametrize(
    ("drawn", "tried"),
    [
        (drawn, tried)
        for drawn, tried in itertools.product(("discmri", "spineps", "spider"), SCHEMES)
        if drawn != tried != "totalspineseg"  # whose numbers are those of discmri
    ],
)
def test_no_scheme_reads_the_numbers_of_another(tmp_path, drawn, tried):
    with pytest.raises(NothingToMeasureError, match=drawn):
        read(tmp_path, draw(*CASES[drawn]), tried)


def test_numbers_without_meaning_are_told(tmp_path):
    labels = draw(*CASES["discmri"])
    labels[3, 3, 100:200] = 1  # the cord in TotalSpineSeg's canal
    (found,) = read(tmp_path, labels, "discmri").findings
    assert (found.code.value, found.severity.value) == ("labels_unknown", "warning")
    assert "no label 1;" in found.text
    assert read(tmp_path, labels, "totalspineseg").findings == ()


def test_other_parts_of_the_body_are_no_reason_to_refuse(tmp_path):
    labels = draw((20,) * 4, (19,) * 4, 18, 21)
    labels[:, 48:58, 60:300:10] = np.arange(22, 46)  # most of the map
    assert read(tmp_path, labels, "totalsegmentator").findings == ()


@pytest.mark.parametrize(("voxels", "refused"), [(7 * 60 * 10, False), (7 * 60 * 150, True)])
def test_a_map_that_is_mostly_without_meaning_is_refused(tmp_path, voxels, refused):
    labels = draw(*CASES["discmri"]).reshape(-1)
    free = np.flatnonzero(labels == 0)[:voxels]
    labels[free] = 7
    labels = labels.reshape(GRID.shape)
    if refused:
        with pytest.raises(NothingToMeasureError, match="most of it is not defined in the scheme"):
            read(tmp_path, labels, "discmri")
    else:
        assert read(tmp_path, labels, "discmri").findings


FLIPS = {
    "front": (np.s_[:, ::-1], "canal lies .* in front of the discs: front and back"),
    "feet": (np.s_[:, :, ::-1], "head and feet"),
    "both": (np.s_[:, ::-1, ::-1], "head and feet"),
}


@pytest.mark.parametrize("flip", FLIPS)
def test_a_flipped_map_is_refused(tmp_path, flip):
    part, expected = FLIPS[flip]
    for scheme in ("discmri", "spineps"):
        with pytest.raises(NothingToMeasureError, match=expected):
            read(tmp_path, draw(*CASES[scheme])[part], scheme)


def test_a_flipped_map_of_one_class_is_refused_by_its_sacrum(tmp_path):
    with pytest.raises(NothingToMeasureError, match=r"sacrum lies .* above.*head and feet"):
        read(tmp_path, draw((20,) * 4, (19,) * 4, 18, 21)[:, :, ::-1], "totalsegmentator")


def test_two_names_exchanged_are_refused(tmp_path):
    with pytest.raises(NothingToMeasureError, match="L4-L5 lies below the disc L5-S1"):
        read(tmp_path, draw((95, 100, 94), (45, 44, 43), 50, 2), "discmri")


def test_vertebrae_named_against_the_discs_are_refused(tmp_path):
    with pytest.raises(NothingToMeasureError, match=r"named differently \(2 of 3"):
        read(tmp_path, draw((100, 95, 94), (44, 43, 42), 50, 2), "discmri")
    assert read(tmp_path, draw((100, 95, 94), (45, 44, 42), 50, 2), "discmri").discs


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [((4, 2.5, 2.5), "mm long"), ((4, 1.9, 1.9), "65 mm deep"), ((4, 0.45, 0.45), "15 mm deep"),
     ((4, 1, 2.2), "22 mm high")],
)  # fmt: skip
def test_discs_of_another_size_are_refused(tmp_path, sizes, expected):
    affine = GRID.affine @ np.diag([*np.array(sizes) / GRID.spacing_mm, 1.0])
    with pytest.raises(NothingToMeasureError, match=expected):
        read(tmp_path, draw(*CASES["discmri"]), "discmri", affine)


@pytest.mark.parametrize("sizes", [(4, 1.6, 1.6), (4, 0.6, 0.6), (4, 1, 1.8)])
def test_unusual_sizes_are_left_to_the_checks_of_the_values(tmp_path, sizes):
    affine = GRID.affine @ np.diag([*np.array(sizes) / GRID.spacing_mm, 1.0])
    assert len(read(tmp_path, draw(*CASES["discmri"]), "discmri", affine).discs) == 3


def test_voxel_sizes_that_contradict_each_other_are_refused(tmp_path):
    labels = nib.Nifti1Image(draw(*CASES["discmri"]), GRID.affine)
    labels.set_qform(GRID.affine, 1)
    labels.set_sform(GRID.affine @ np.diag([1, 0.8, 1, 1]), 1)
    path = tmp_path / "m.nii.gz"
    nib.save(labels, path)
    with pytest.raises(GeometryError, match=r"4 x 0\.8 x 1 mm by the sform and 4 x 1 x 1 mm"):
        masks(IMAGE, Settings(segmenter="masks", masks=path))
    shifted = GRID.affine.copy()
    shifted[2, 3] += 5
    labels.set_sform(shifted, 1)
    nib.save(labels, path)
    (found,) = masks(IMAGE, Settings(segmenter="masks", masks=path)).findings
    assert found.code.value == "header_contradicts_geometry"
    assert "5.0 mm" in found.text
