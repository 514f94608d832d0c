"""Types of the functions that are told how far a long call is."""

from __future__ import annotations

from collections.abc import Callable

ProgressCallback = Callable[[str, float], None]
"""Called with the name of the current step and the share that is done, 0 to 1."""
CountCallback = Callable[[int, int], None]
"""Called with the number of items that are done and the number of all."""
