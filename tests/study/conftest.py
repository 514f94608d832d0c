from pathlib import Path

import pytest
from tests.study.builder import SeriesSpec, write


@pytest.fixture
def t2(tmp_path: Path) -> Path:
    """A study of one sagittal T2 series."""
    return write(tmp_path / "study", SeriesSpec())
