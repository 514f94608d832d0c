"""The scheme of discmri's own ``labels.nii.gz``."""

from __future__ import annotations

from discmri.core.levels import CANAL_LABEL, DiscLevel, Vertebra
from discmri.measurement.segment.schemes.scheme import MaskScheme

# 101 is a residual S1-S2 disc.  100 is L5-S1 unless a sixth lumbar body is present; see ``masks``.
DISCMRI = MaskScheme(
    discs={level.label_id: level for level in DiscLevel if level is not DiscLevel.L6_S1},
    vertebrae={v.label_id: v for v in Vertebra if v is not Vertebra.SACRUM},
    canal=(CANAL_LABEL,),
    sacrum=(Vertebra.SACRUM.label_id,),
    whole_vertebrae=False,
)
