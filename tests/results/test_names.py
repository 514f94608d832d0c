"""What people call parameters: one dictionary, complete, each name once."""

from __future__ import annotations

from discmri.core.findings import Code, warning
from discmri.results.names import human, in_words, kinds, titled, touched
from discmri.results.records import PARAMETERS


def test_every_parameter_has_a_name_of_its_own_without_underscores():
    names = [human(one.name) for one in PARAMETERS]
    assert len(set(names)) == len(names)
    assert not any("_" in name for name in names)
    assert titled("height_posterior_mm") == "height, posterior (mm)"


def test_findings_tell_which_values_they_are_about():
    assert touched(warning(Code.HEIGHT_IMPLAUSIBLE, "")) == "heights, height indices, grade"
    assert touched(warning(Code.FEW_SLICES, "", values=("volume_mm3",))) == "disc volume"
    assert kinds(("signal_", "signal_ratio")) == "signal, T2 signal / CSF"
    text = "height_posterior_mm: 1.2 mm, dhi_vb and unknown_mm"
    assert (
        in_words(text) == "height, posterior: 1.2 mm, height index (disc / vertebra) and unknown_mm"
    )
