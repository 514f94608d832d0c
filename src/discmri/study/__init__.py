"""Reading of a study: a folder from a CD or an archive -> series with roles."""

from __future__ import annotations

from discmri.core.facts import Plane, Role
from discmri.study.reader import read_study
from discmri.study.series import Series
from discmri.study.study import Study

__all__ = ["Plane", "Role", "Series", "Study", "read_study"]
