"""Roles of series: acquisition parameters first, then descriptions, with reasons."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from discmri.core.facts import Plane, Role
from discmri.study.frame import ContrastParameters

# Words of ImageType (value 1 and 2 left out) that name an image computed from others.
_ADC = {"ADC", "ADC_MAP"}
_DIFFUSION_MAPS = {"EADC", "EXP", "EXPONENTIAL", "FA", "COLFA", "TENSOR", "RD", "AD"}
_REFORMATTED = {
    "MPR", "CSA MPR", "MPR THICK RANGE", "REFORMATTED", "RESAMPLED", "PROJECTION IMAGE", "MIP",
    "MINIP", "MNIP", "CPR", "CSA 3D EDITOR", "VOLUME_RENDERED", "STACKED", "COLLAPSED",
}  # fmt: skip
_COMPUTED_WEIGHTING = {
    "CALC_BVALUE", "CALC_BVAL", "CALC_B", "CALCULATED", "COMPUTED", "SYNTHETIC", "CDWI", "SYNTHETIC_B",
}  # fmt: skip
COMPUTED_B = "computed, not acquired"
COMPUTED_B_WORDS = re.compile(
    r"\b(calc|calc ?b\w*|calculated|computed|synth\w*|extrapol\w*|berechnet\w*|calculad\w*"
    r"|calcule\w*|calcolat\w*|sintet\w*|c ?dwi|sy ?dwi|cb ?\d{3,5})\b"
)
_EXPONENTIAL = re.compile(r"\b(e ?adc|exp\.? ?(adc|app)|expon\w*)|\badc ?exp")
_SUBTRACTED = {"SUB", "SUBTRACTION", "SUBTRACT", "S_SUB"}
_NO_MAGNITUDE = {"P", "PHASE", "PHASE MAP", "R", "REAL", "I", "IMAGINARY", "B0 MAP", "B1 MAP"}
_RELAXATION_MAPS = {
    "T2 MAP", "T2MAP", "T2_MAP", "T1 MAP", "T1_MAP", "T2_STAR MAP", "R2_MAP", "FAT_FRACTION",
    "FF", "FATFRAC", "RHO",
}  # fmt: skip
_WATER = {"W", "WATER", "DIXON_WATER"}
_FAT = {"F", "FAT", "DIXON_FAT"}
_OPPOSED = {"OP", "OPP_PHASE", "OUT_PHASE", "OUT PHASE", "OPPOSED"}

_LOCALIZER_HINT = re.compile(r"\b(loc|localizer|localiser|scout|survey|3 ?pl|3 ?plane)\b")
_DIFFUSION_HINT = re.compile(r"\b(dwi|diff|diffusion|dti|resolve|ep2d)\b")
_GE_DIXON = re.compile(r"^(water|fat|inphase|outphase)\s*:")
_LOCALIZER_SLICES = 15  # no localizer has more slices in one plane
_STIR_TI_MS = (80, 300)  # inversion times that null fat, at low and high field
_FLAIR_FROM_TI_MS = 1400  # inversion times that null fluid
_T1_BELOW_TE_MS = 40
_T1_BELOW_TE_MS_INVERTED = 50
_T1_BELOW_TR_MS = 1300  # a longer one is proton-density-weighted
_T2_FROM_TE_MS = 60
_T2_FROM_TR_MS = 800


@dataclass(frozen=True)
class RoleEvidence:
    """Facts from which a role is decided."""

    plane: Plane
    contrast: ContrastParameters
    words: tuple[str, ...] = ()  # of ImageType, upper case
    b_values_s_per_mm2: tuple[float, ...] = ()  # distinct b-values
    b_from_text: bool = False  # whether all of them come from free text
    slices: int = 1  # of this part
    planes: int = 1  # in the whole DICOM series
    text: str = ""  # description and protocol, lower case, underscores as blanks
    screenshot: str = ""  # why the values are not MR signals; empty if they are
    tiles: int = 1  # slices in one mosaic, otherwise 1
    unplaced: str = ""  # why the mosaic cannot be split


@dataclass(frozen=True)
class RoleDecision:
    """A role and its consequences for measuring."""

    role: Role
    reasons: tuple[str, ...]  # for the role, as sentences
    t2_weighted: bool = False  # whether disc signal is T2-weighted
    fat_suppressed: str = ""  # method of fat suppression; empty for none
    problem: str = ""  # why the series cannot be used in any role; empty if it can


def decide(facts: RoleEvidence) -> RoleDecision:
    """The role of one kind of image within a series.

    >>> t2 = RoleEvidence(Plane.SAGITTAL, ContrastParameters(te_ms=100, tr_ms=3500, techniques=frozenset({"SE"})))
    >>> decide(t2)
    RoleDecision(role=<Role.SAG_T2: 'sagittal T2'>, reasons=('slices are sagittal',
    'spin echo with TE 100 ms and TR 3500 ms is T2-weighted'), t2_weighted=True, ...)
    """
    for rule in (_not_placed, _diffusion_map, _computed, _localizer, _diffusion, _other_plane):
        decision = rule(facts)
        if decision is not None:
            return decision
    return _sagittal(facts)


def computed_kind(words: tuple[str, ...]) -> str:
    """Name of the kind of a computed image; empty for a plain image.

    Images of different kinds are never in one stack.

    >>> computed_kind(("DERIVED", "PRIMARY", "DIFFUSION", "ADC"))
    'ADC'
    """
    named = set(words[2:])
    kinds = (
        ("computed b-value", _COMPUTED_WEIGHTING),
        ("ADC", _ADC),
        ("diffusion map", _DIFFUSION_MAPS),
        ("reformatted", _REFORMATTED),
        ("subtraction", _SUBTRACTED),
        ("relaxation map", _RELAXATION_MAPS),
        ("phase or complex part", _NO_MAGNITUDE),
        ("fat image", _FAT),
        ("water image", _WATER),
        ("opposed-phase", _OPPOSED),
    )
    return next((kind for kind, vocabulary in kinds if named & vocabulary), "")


def _not_placed(facts: RoleEvidence) -> RoleDecision | None:
    if facts.screenshot:
        return RoleDecision(Role.SCREENSHOT, (facts.screenshot,), problem=facts.screenshot)
    if facts.tiles > 1:
        text = f"each image is a mosaic of {facts.tiles} slices"
        return RoleDecision(
            Role.OTHER,
            (text, f"slices lie in {facts.plane.value} planes"),
            problem=f"{text} and {facts.unplaced or 'lacks their positions'}; export the series as single slices or as enhanced DICOM",
        )
    if facts.plane is Plane.UNKNOWN:
        text = "its headers lack a usable position, orientation or pixel spacing"
        return RoleDecision(Role.OTHER, (text,), problem=text)
    return None


def _diffusion_map(facts: RoleEvidence) -> RoleDecision | None:
    """Images and maps that were computed from the acquired diffusion images."""
    kind = computed_kind(facts.words)
    derived = "DERIVED" in facts.words[:1]
    unweighted = derived or not facts.b_values_s_per_mm2
    if kind == "computed b-value":
        listed = ", ".join(f"{b:g}" for b in facts.b_values_s_per_mm2) or "of unknown b-value"
        return RoleDecision(Role.DERIVED, (f"{COMPUTED_B}: diffusion images b {listed}",))
    if kind in ("", "ADC") and _EXPONENTIAL.search(facts.text):
        return RoleDecision(Role.DERIVED, ("its description calls it exponential ADC",))
    if kind == "ADC":
        words = "\\".join(facts.words)
        return RoleDecision(Role.ADC_MAP, (f"ImageType {words} names an ADC map",))
    if not kind and unweighted and re.search(r"\b(d?adc|apparent diffusion)\b", facts.text):
        return RoleDecision(
            Role.ADC_MAP, ("an image without b-value that its description calls ADC",)
        )
    return None


def _computed(facts: RoleEvidence) -> RoleDecision | None:
    kind = computed_kind(facts.words)
    words = "\\".join(facts.words)
    if kind in (
        "diffusion map",
        "reformatted",
        "subtraction",
        "relaxation map",
        "phase or complex part",
    ):
        return RoleDecision(Role.DERIVED, (f"ImageType {words} names a {kind}",))
    ge_part = _GE_DIXON.match(facts.text)
    if facts.plane is Plane.SAGITTAL and (
        kind in ("fat image", "opposed-phase") or (ge_part and ge_part[1] in ("fat", "outphase"))
    ):
        part = kind or (ge_part[1] if ge_part else "")
        return RoleDecision(Role.DERIVED, (f"part of a Dixon acquisition: {part}",))
    return None


def _localizer(facts: RoleEvidence) -> RoleDecision | None:
    if "LOCALIZER" in facts.words:
        return RoleDecision(Role.LOCALIZER, ("ImageType names a localizer",))
    if facts.planes > 1 and facts.slices <= _LOCALIZER_SLICES and not facts.b_values_s_per_mm2:
        text = f"a series in {facts.planes} planes with {facts.slices} slices in this one"
        return RoleDecision(Role.LOCALIZER, (text,))
    if facts.slices <= _LOCALIZER_SLICES and _LOCALIZER_HINT.search(facts.text):
        return RoleDecision(
            Role.LOCALIZER, (f"{facts.slices} slices and the description of a localizer",)
        )
    return None


def _diffusion(facts: RoleEvidence) -> RoleDecision | None:
    echo_planar = "EP" in facts.contrast.techniques
    values = facts.b_values_s_per_mm2
    listed = ", ".join(f"{b:g}" for b in values)
    hinted = bool(_DIFFUSION_HINT.search(facts.text))
    if facts.b_from_text and not (echo_planar or hinted):
        return None
    if values and values[-1] > 0:
        reasons = [f"b-values {listed} s/mm2"]
    elif values and (echo_planar or hinted):
        reasons = ["b = 0 of a diffusion sequence"]
    elif echo_planar:
        text = "echo-planar images without b-values in their headers"
        return RoleDecision(Role.OTHER, (text,), problem=text)
    else:
        return None
    reasons += ["echo-planar readout"] if echo_planar else []
    reasons += [f"slices lie in {facts.plane.value} planes"]
    return RoleDecision(Role.DWI, tuple(reasons))


def _other_plane(facts: RoleEvidence) -> RoleDecision | None:
    reasons = (f"slices lie in {facts.plane.value} planes",)
    roles = {Plane.AXIAL: Role.AXIAL, Plane.CORONAL: Role.CORONAL, Plane.OBLIQUE: Role.OTHER}
    role = roles.get(facts.plane)
    return None if role is None else RoleDecision(role, reasons)


def _sagittal(facts: RoleEvidence) -> RoleDecision:
    place = "slices are sagittal"
    role, why, t2 = next(_contrasts(facts))
    suppressed = facts.contrast.fat_suppressed
    if computed_kind(facts.words) == "water image" or facts.text.startswith("water"):
        suppressed = "Dixon water image"
    if role is Role.SAG_FS:
        suppressed = suppressed or "inversion recovery"
    elif suppressed and role in (Role.SAG_T2, Role.SAG_OTHER):
        role = Role.SAG_FS
    reasons = (place, why, *((f"fat is suppressed ({suppressed})",) if suppressed else ()))
    return RoleDecision(role, reasons, t2, suppressed)


def _contrasts(facts: RoleEvidence) -> Iterator[tuple[Role, str, bool]]:
    """Role, reason and whether T2-weighted; the first one is used."""
    yield from _by_inversion(facts.contrast)
    yield from _by_echo(facts.contrast)
    yield from _by_words(facts.text)
    yield Role.SAG_OTHER, "contrast unknown from timing and description", False


def _by_inversion(contrast: ContrastParameters) -> Iterator[tuple[Role, str, bool]]:
    te, ti = contrast.te_ms, contrast.ti_ms
    if ti is None or (contrast.techniques and "IR" not in contrast.techniques):
        return  # some scanners store the delay of a spectral fat suppression here
    if _STIR_TI_MS[0] <= ti <= _STIR_TI_MS[1]:
        yield Role.SAG_FS, f"inversion at TI {ti:g} ms nulls fat (STIR)", False
    elif te is not None and te < _T1_BELOW_TE_MS_INVERTED:
        yield Role.SAG_T1, f"inversion at TI {ti:g} ms with TE {te:g} ms is T1-weighted", False
    elif ti >= _FLAIR_FROM_TI_MS:
        yield Role.SAG_OTHER, f"inversion at TI {ti:g} ms darkens fluid (FLAIR)", False


def _by_echo(contrast: ContrastParameters) -> Iterator[tuple[Role, str, bool]]:
    te, tr = contrast.te_ms, contrast.tr_ms
    if te is None:
        return
    timing = f"TE {te:g} ms" + ("" if tr is None else f" and TR {tr:g} ms")
    if "GR" in contrast.techniques and "SE" not in contrast.techniques:
        yield Role.SAG_OTHER, f"gradient echo with {timing}", False
    elif te >= _T2_FROM_TE_MS and (tr is None or tr >= _T2_FROM_TR_MS):
        yield Role.SAG_T2, f"spin echo with {timing} is T2-weighted", True
    elif tr is not None and te < _T1_BELOW_TE_MS and tr < _T1_BELOW_TR_MS:
        yield Role.SAG_T1, f"spin echo with {timing} is T1-weighted", False
    elif tr is not None:
        long = tr >= _T1_BELOW_TR_MS
        kind = "proton-density-weighted" if long else "neither T1- nor T2-weighted"
        yield Role.SAG_OTHER, f"spin echo with {timing} is {kind}", False


def _by_words(text: str) -> Iterator[tuple[Role, str, bool]]:
    hints = (
        (r"\b(stir|tirm)\b", Role.SAG_FS, False),
        (r"t2w?.*\b(fs|fat ?sat|spair|spir)\b|\b(fs|fat ?sat)\b.*t2", Role.SAG_FS, True),
        (r"t2(?!\*|star)", Role.SAG_T2, True),
        (r"t1", Role.SAG_T1, False),
    )
    for pattern, role, t2 in hints:
        if re.search(pattern, text):
            yield role, "contrast known from its description only", t2
