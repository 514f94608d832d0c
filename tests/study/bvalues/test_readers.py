"""Every dialect on headers of our own, and the CSA header on one built here."""

import json
import struct
from pathlib import Path

import pytest
from pydicom import Dataset

from discmri.core.diffusion import BValue, DirectionKind
from discmri.study.bvalues import READERS, absent_means_zero, ge, read_b_value, siemens, text
from discmri.study.bvalues.private import direction_from_lps

HEADERS = sorted((Path(__file__).parents[1] / "headers").glob("*.json"))


@pytest.mark.parametrize("path", HEADERS, ids=lambda path: path.stem)
def test_header(path: Path) -> None:
    case = json.loads(path.read_text())
    found = read_b_value(Dataset.from_json(case["header"]))
    expected = case["expected"]
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert found.value_s_per_mm2 == expected["b_s_per_mm2"]
    assert found.source == expected["source"]
    assert found.kind is DirectionKind(expected["kind"])
    assert found.measured_s_per_mm2 == expected["measured_s_per_mm2"]
    if expected["direction_ras"] == "any":
        assert sum(x * x for x in found.direction) == pytest.approx(1, abs=1e-3)
    elif expected["direction_ras"] is None:
        assert found.direction is None
    else:
        assert found.direction == pytest.approx(expected["direction_ras"])


def test_headers_are_there() -> None:
    vendors = {path.stem.split("_")[0] for path in HEADERS}
    assert vendors == {"standard", "siemens", "ge", "philips", "canon", "uih", "text"}


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__module__.split(".")[-1])
def test_a_header_without_anything_gives_nothing(reader) -> None:
    assert reader(Dataset()) is None


def csa(tags: dict[str, list[str]], newer: bool) -> bytes:
    """A CSA header: 'SV10' or the older layout, in which item lengths are offset."""
    n_first = len(next(iter(tags.values())))
    parts = [b"SV10\4\3\2\1"] if newer else []
    parts.append(struct.pack("<2I", len(tags), 77))
    for name, values in tags.items():
        parts.append(struct.pack("<64si4s3i", name.encode(), 1, b"FD", 4, len(values), 77))
        for value in values:
            raw = value.encode() + b"\0" if value else b""
            length = len(raw)
            first = length if newer else length + n_first
            parts.append(struct.pack("<4i", first, length, 77, first))
            parts.append(raw + bytes(-length % 4))
    return b"".join(parts)


TAGS = {
    "EchoLinePosition": ["", "1", ""],
    "B_value": ["650"],
    "DiffusionDirectionality": ["DIRECTIONAL"],
    "DiffusionGradientDirection": ["0.0", "0.6", "-0.8"],
}


@pytest.mark.parametrize("newer", [True, False])
def test_csa_header(newer: bool) -> None:
    ds = Dataset()
    ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(
        0x10, "OB", csa(TAGS, newer)
    )
    found = read_b_value(ds)
    assert found == BValue(
        650.0,
        "Siemens CSA B_value",
        DirectionKind.DIRECTIONAL,
        pytest.approx((0.0, -0.6, -0.8)),
    )


@pytest.mark.parametrize("newer", [True, False])
def test_csa_header_that_breaks_off(newer: bool) -> None:
    whole = csa(TAGS, newer)
    for kept in range(len(whole)):
        tags = siemens.parse_csa(whole[:kept])
        assert set(tags) <= set(TAGS)
    assert siemens.parse_csa(whole)["B_value"] == ["650"]
    assert siemens.parse_csa(b"\xff" * 400) == {}


@pytest.mark.parametrize(
    ("manufacturer", "software", "expected"),
    [
        ("TOSHIBA", ("V5.0",), True),
        ("CANON_MEC", ("V6.0",), True),
        ("GE MEDICAL SYSTEMS", ("28", "LX", "MR28.0_R01"), True),
        ("GE MEDICAL SYSTEMS", ("25", "LX", "MR Software release:DV25.1_R01"), False),
        ("GE MEDICAL SYSTEMS", (), False),
        ("Philips", ("5.7.1",), False),
        ("", (), False),
    ],
)
def test_who_leaves_zero_out(manufacturer: str, software: tuple[str, ...], expected: bool) -> None:
    assert absent_means_zero(manufacturer, software) is expected


@pytest.mark.parametrize(
    ("field", "words", "value"),
    [
        ("SequenceName", "*ep_b1000#3", 1000),
        ("SequenceName", "ep_b0", 0),
        ("SeriesDescription", "DWI_b=600", 600),
        ("SeriesDescription", "dwi b 50 sag", 50),
        ("ProtocolName", "b800", 800),
        ("SeriesDescription", "sub100", None),
        ("SeriesDescription", "b100000000", None),
        ("SeriesDescription", "t2_tse_sag", None),
    ],
)
def test_text(field: str, words: str, value: float | None) -> None:
    ds = Dataset()
    setattr(ds, field, words)
    found = text.read(ds)
    assert (found.value_s_per_mm2 if found else None) == value
    assert found is None or text.is_from_text(found)


@pytest.mark.parametrize(
    ("value", "expected"), [(4.9, 0.0), (5.1, 5.1), (20_000.0, 20_000.0), (20_001.0, None)]
)
def test_either_side_of_the_values_that_a_weighting_can_have(value, expected) -> None:
    ds = Dataset()
    ds.DiffusionBValue = value
    found = read_b_value(ds)
    assert (found and found.value_s_per_mm2) == expected


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("DWI_b400_800", {400, 800}),
        ("b=0,500", {0, 500}),
        ("dwi b0-b1000", {0, 1000}),
        ("b 50/400/800 tra", {50, 400, 800}),
        ("dwi b0 and 600", {0, 600}),
        ("*ep_b800t", {800}),
        ("b1000_64dir", {1000}),
        ("DWI b800 2mm", {800}),
    ],
)
def test_values_that_a_text_names(words: str, values: set[float]) -> None:
    assert text.named_values(words) == values
    found = text.read(Dataset.from_json({"0008103E": {"vr": "LO", "Value": [words]}}))
    assert (found is not None) is (len(values) == 1)


def test_a_comment_with_two_values_is_no_source_for_canon() -> None:
    ds = Dataset()
    ds.Manufacturer, ds.ImageComments = "CANON_MEC", "b=0 and b=1500(0,0,1)"
    assert read_b_value(ds) is None


@pytest.mark.parametrize(
    ("stated", "declared"), [(0.05, None), (0.15, 0.15), (2.0, 2.0), (4.9, 4.9), (5.0, None)]
)
def test_a_value_near_zero_counts_as_zero_and_stays_declared(
    stated: float, declared: float | None
) -> None:
    ds = Dataset()
    ds.DiffusionBValue = stated
    found = read_b_value(ds)
    assert found.declared_s_per_mm2 == declared
    assert found.value_s_per_mm2 == (5.0 if stated == 5.0 else 0.0)


@pytest.mark.parametrize(
    ("number", "name", "kind", "b"),
    [
        (14, None, DirectionKind.UNKNOWN, 0.0),
        (15, None, DirectionKind.TRACE, 700.0),
        *((n, None, DirectionKind.DIRECTIONAL, 700.0) for n in (3, 4, 5, 16, 43, 44, 45, 46)),
        *((n, None, DirectionKind.UNKNOWN, 700.0) for n in (2, 6, 13, 19, 21, 30, 32, 42, 47)),
        (17, "EADC", DirectionKind.UNKNOWN, 700.0),
        (18, "FA", DirectionKind.UNKNOWN, 700.0),
        (20, "ADC", DirectionKind.UNKNOWN, 700.0),
        (31, "FA", DirectionKind.UNKNOWN, 700.0),
    ],
)
def test_what_ge_calls_an_image(number, name, kind, b):
    """(0043,xx30) as GE's conformance statements and dcm2niix number it."""
    ds = Dataset()
    block = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x39, "IS", [1_000_000_700, 8, 0, 0])
    block.add_new(0x30, "SS", number)
    found = ge.read(ds)
    assert ge.map_name(ds) == name
    assert (found.kind, found.value_s_per_mm2) == (kind, b)


@pytest.mark.parametrize(
    ("other", "kind"), [(801.0, "trace"), (801.2, "unknown"), (798.8, "unknown")]
)
def test_a_kind_comes_only_from_a_reader_of_the_same_value(other: float, kind: str) -> None:
    ds = Dataset()
    ds.DiffusionBValue = 800.0
    block = ds.private_block(0x2001, "Philips Imaging DD 001", create=True)
    block.add_new(0x03, "FL", other)
    block.add_new(0x04, "CS", "I")
    found = read_b_value(ds)
    assert found is not None
    assert (found.value_s_per_mm2, found.kind.value) == (800.0, kind)


@pytest.mark.parametrize(("phase", "expected"), [("COL", (-1, 0, 0)), ("ROW", (0, -1, 0))])
def test_ges_first_direction_is_that_of_frequency(phase: str, expected: tuple[int, ...]) -> None:
    """An axial image, whose rows run to the left and whose columns run to the back."""
    ds = Dataset()
    ds.ImageOrientationPatient, ds.InPlanePhaseEncodingDirection = [1, 0, 0, 0, 1, 0], phase
    ds.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [800, 8, 0, 0])
    block = ds.private_block(0x0019, "GEMS_ACQU_01", create=True)
    for offset, component in zip((0xBB, 0xBC, 0xBD), (1.0, 0.0, 0.0), strict=True):
        block.add_new(offset, "DS", component)
    found = read_b_value(ds)
    assert found is not None
    assert found.direction == pytest.approx(expected)


@pytest.mark.parametrize(("release", "absent"), [("DV26.0", False), ("MR27.0_R02", True)])
def test_ge_leaves_out_a_b_value_of_zero_from_release_27_on(release: str, absent: bool) -> None:
    assert absent_means_zero("GE MEDICAL SYSTEMS", ["27", "LX", release]) is absent


@pytest.mark.parametrize(
    ("length", "b", "kind"),
    [(0.02, 1000, "trace"), (0.04, 0, "directional"), (0.5, 250, "directional"),
     (0.96, 920, "directional"), (0.98, 1000, "directional")],
)  # fmt: skip
def test_the_length_of_ges_vectors_scales_the_nominal_value(length, b, kind) -> None:
    """By its square, in steps of 5; one of 0.98 is rounded, one of 0.02 is none."""
    ds = Dataset()
    ds.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [1000, 8, 0, 0])
    block = ds.private_block(0x0019, "GEMS_ACQU_01", create=True)
    for offset, component in zip((0xBB, 0xBC, 0xBD), (0.0, length, 0.0), strict=True):
        block.add_new(offset, "DS", component)
    found = ge.read(ds)
    assert (found.value_s_per_mm2, found.kind.value) == (b, kind)


@pytest.mark.parametrize(
    ("length", "known"), [(0.9e-3, False), (1.1e-3, True), (999.0, True), (1001.0, False)]
)
def test_vectors_of_an_impossible_length_have_no_direction(length, known) -> None:
    found = direction_from_lps([0.0, 0.0, length])
    assert found == (pytest.approx((0.0, 0.0, 1.0)) if known else None)
