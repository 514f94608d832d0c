"""Pictures drawn by another process: the same as drawn here, whatever happens to it."""

from __future__ import annotations

import sys

import pytest

from discmri.results.pictures import draw
from discmri.results.pictures.process import picture_process


@pytest.fixture(scope="module")
def drawn(result):
    return draw(result)


def test_they_are_the_same(result, drawn):
    with picture_process() as pictures:
        assert pictures is not None
        pictures.begin("anatomy", result)
        pictures.begin("adc", result)
        found = result.with_pictures(pictures.collect).pictures
    assert list(found) == list(drawn)
    assert found == drawn
    assert any(name.endswith("-adc") for name in found)


def test_they_are_drawn_here_where_the_process_dies(result, drawn):
    with picture_process() as pictures:
        assert pictures is not None
        pictures._process.kill()
        pictures.begin("anatomy", result)
        assert pictures.collect(result) == drawn


def test_no_process_can_be_started(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with picture_process() as pictures:
        assert pictures is None


def test_it_ends_with_the_one_who_asked(result):
    with picture_process() as pictures:
        assert pictures is not None
        pictures.begin("anatomy", result)
    assert pictures._process.returncode is not None
