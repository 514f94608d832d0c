"""``discmri grade practice`` from the command to its table, graded by real keys in its own window."""

from __future__ import annotations

import re

import pytest
from tests.napari.person import Reader
from tests.napari.waiting import settle

from discmri.cli import main

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::PendingDeprecationWarning",
    "ignore::ResourceWarning",
)  # fmt: skip


def test_a_reader_practises_is_told_after_each_grade_and_gets_the_table(
    screen, nothing_goes_wrong, tmp_path, monkeypatch, capsys
):
    import napari

    told = []

    def grade_all():
        """What somebody does while napari runs: six grades, then the window is closed."""
        viewer = napari.current_viewer()
        reader = Reader(viewer)
        reader.shell.window.activateWindow()
        reader.wait_for_case()
        assert reader.desk.blinded
        for disc in range(6):
            assert reader.panel.rows[disc].grade == ""
            reader.press("3")
            told.append(re.sub("<.*?>", "", reader.shell.dock.notice.text()))
            reader.press("Return")
        settle(lambda: not reader.shell.loader.busy)
        viewer.close()
        settle()

    monkeypatch.setattr(napari, "run", grade_all)
    assert main(["grade", "practice", str(tmp_path / "mine"), "--spines", "1", "--quiet"]) == 0
    right = [text for text in told if text.endswith("3 is correct.")]
    wrong = [text for text in told if re.search(r"your grade 3, true grade [1-8]", text)]
    assert len(right) + len(wrong) == len(told) == 6
    out = capsys.readouterr().out
    assert f"First grades of 6 discs: {len(right)} correct" in out
    rows = [line.split() for line in out.splitlines() if re.match(r"[1-8]\s", line)]
    assert sum(int(count) for row in rows for count in row[1:]) == 6, "each disc stands in it once"
