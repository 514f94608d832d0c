"""Our peaks against those of scipy.signal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from discmri.measurement.segment.peaks import find_peaks


@given(
    st.lists(st.integers(-4, 4), max_size=50),  # few values, so that there are plateaus and ties
    st.floats(1, 9),
    st.floats(0.1, 5),
)
def test_they_are_those_of_scipy(values: list[int], distance: float, prominence: float) -> None:
    curve = np.array(values, dtype=float)
    expected, _ = signal.find_peaks(curve, distance=distance, prominence=prominence)
    assert find_peaks(curve, distance, prominence).tolist() == expected.tolist()


@pytest.mark.parametrize(("distance", "count"), [(4.0, 2), (4.1, 1)])
def test_of_near_peaks_the_higher_one_is_kept(distance: float, count: int) -> None:
    curve = np.array([0, 0, 2, 0, 0, 0, 3, 0, 0], dtype=float)
    found = find_peaks(curve, distance, 1.0)
    assert len(found) == count
    assert found[-1] == 6
