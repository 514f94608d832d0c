"""Results folders made by hand, and sessions planned from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.reading.builder import make_results

from discmri import reading
from discmri.reading import Mode, SessionOptions


@pytest.fixture
def results(tmp_path) -> list[Path]:
    """Six visits: three subjects, twice each."""
    return [
        make_results(tmp_path / "data" / f"{subject}-{date}", subject, date)
        for subject in ("SUBJ-A", "SUBJ-B", "SUBJ-C")
        for date in ("20240131", "20240731")
    ]


@pytest.fixture
def plan(results, tmp_path):
    """A function: a session planned with some wishes; gives what opens it."""

    def make(mode=Mode.OPEN, readers=("ann", "ben"), at=None, **options):
        where = at or tmp_path / f"{mode.value}.session"
        wished = SessionOptions(readers, mode, **options)
        planned = reading.plan_session(dict.fromkeys(results), wished, beside=tmp_path)
        reading.create_session(where, planned)
        return where

    return make
