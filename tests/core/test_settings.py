"""Settings as callers of Python write them."""

from pathlib import Path

import pytest

from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings


def test_texts_become_what_they_mean() -> None:
    settings = Settings(masks="labels.nii.gz", lowest_disc="l5/s1", formats="csv")
    assert settings.masks == Path("labels.nii.gz")
    assert settings.lowest_disc is DiscLevel.L5_S1
    assert settings.formats == ("csv",)


def test_a_level_that_is_none() -> None:
    with pytest.raises(UsageError, match="L9"):
        Settings(lowest_disc="L9")


def test_defaults_that_decide_a_value() -> None:
    """A change of one changes measured values: heights, grades, ADC, which discs have one."""
    usual = Settings()
    assert (usual.central_slices, usual.normal_height_loss) == (7, 0.10)
    assert (usual.adc_ceiling_um2_ms, usual.adc_min_voxels) == (3.2, 10)
    assert usual.max_alignment_mm == 10.0
