"""Letting Qt work, and workers come back."""

from __future__ import annotations

import time

import pytest

PATIENCE_S = 600.0  # only ends a test that would hang


def settle(until=None, patience_s: float = PATIENCE_S) -> None:
    """Let Qt work until something is so, or until nothing is left to do."""
    from qtpy.QtWidgets import QApplication

    app = QApplication.instance()
    if until is None:
        for _ in range(5):
            app.processEvents()
        return
    end = time.monotonic() + patience_s
    while not until():
        if time.monotonic() > end:
            pytest.fail(f"waited {patience_s:g} s in vain")
        app.processEvents()
        time.sleep(0.005)
    app.processEvents()
