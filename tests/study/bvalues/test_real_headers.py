"""Real Siemens headers that nibabel ships, read from the installed package."""

import gzip
import warnings
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from discmri.core.diffusion import DirectionKind
from discmri.study.bvalues import read_b_value, siemens

DATA = Path(nibabel.__file__).parent / "nicom" / "tests" / "data"

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # nibabel calls its readers of DICOM experimental
    from nibabel.nicom import csareader


def dataset(name: str) -> pydicom.Dataset:
    with gzip.open(DATA / name) as file:
        return pydicom.dcmread(file)


@pytest.mark.parametrize("value", [0.0, 1000.0])
def test_b_value_of_a_siemens_scanner(value: float) -> None:
    found = read_b_value(dataset(f"siemens_dwi_{value:.0f}.dcm.gz"))
    assert found is not None
    assert found.value_s_per_mm2 == value
    if value == 0:
        assert (found.kind, found.direction) == (DirectionKind.NONE, None)
    else:
        assert found.kind is DirectionKind.DIRECTIONAL
        assert found.direction is not None
        assert np.linalg.norm(found.direction) == pytest.approx(1.0)


def test_direction_is_that_of_the_b_matrix() -> None:
    """The longest axis of the header's own b-matrix (LPS); its sign is arbitrary."""
    ds = dataset("siemens_dwi_1000.dcm.gz")
    found = read_b_value(ds)
    values, axes = np.linalg.eigh(csareader.get_b_matrix(csareader.get_csa_header(ds)))
    assert values[-1] == pytest.approx(1000.0, rel=0.01)
    in_lps = np.array(found.direction) * (-1, -1, 1)
    assert abs(in_lps @ axes[:, -1]) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(("name", "value"), [("csa2_b0.bin", 0.0), ("csa2_b1000.bin", 1000.0)])
def test_csa_headers_read_as_nibabel_reads_them(name: str, value: float) -> None:
    raw = (DATA / name).read_bytes()
    ours, theirs = siemens.parse_csa(raw), csareader.read(raw)["tags"]
    assert [float(one) for one in ours["B_value"]] == [value]
    filled = {key: tag["items"] for key, tag in theirs.items() if tag["items"]}
    assert set(ours) == set(filled)
    for key, items in filled.items():
        if all(isinstance(one, (int, float)) for one in items):
            assert [float(one) for one in ours[key]] == pytest.approx(items), key
        else:
            assert ours[key] == [str(one) for one in items], key


def test_a_csa_header_alone_is_enough() -> None:
    ds = pydicom.Dataset()
    block = ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", (DATA / "csa2_b1000.bin").read_bytes())
    found = read_b_value(ds)
    assert found is not None
    assert (found.value_s_per_mm2, found.source) == (1000.0, "Siemens CSA B_value")
    assert found.kind is DirectionKind.DIRECTIONAL


def test_a_scan_without_diffusion_weighting_has_no_b_value() -> None:
    assert read_b_value(pydicom.dcmread(DATA / "decimal_rescale.dcm")) is None
