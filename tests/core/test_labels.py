from __future__ import annotations

import numpy as np
from tests.spines import GRID, box_spine

from discmri.core.levels import DiscLevel, Vertebra
from discmri.measurement.numbering import name_levels


def test_a_label_map_holds_every_structure_under_its_number():
    labels, _ = name_levels(box_spine((0, 1), bodies=(0, 1)))
    drawn = labels.label_map()
    assert drawn.shape == GRID.shape
    assert drawn.dtype == np.uint8
    assert set(np.unique(drawn)) == {0, 2, 50, 100, 95, 45, 44}
    for level, mask in labels.discs.items():
        np.testing.assert_array_equal(drawn == level.label_id, mask.on(GRID) > 0.5)
    sacrum = labels.vertebrae[Vertebra.SACRUM].on(GRID) > 0.5
    assert (drawn[sacrum] == 50).all()
    assert DiscLevel.L5_S1 in labels.discs
