"""What napari finds in the package, and what a script gets without a viewer."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest

from discmri.core.errors import UsageError
from discmri.reading import Mode

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::PendingDeprecationWarning"
)


def test_npe2_finds_the_manifest_valid_and_its_commands_callable():
    program = """
import json, warnings
warnings.simplefilter("ignore")
from npe2 import PluginManifest
found = PluginManifest.from_distribution("discmri")
found.validate_imports()
given = found.contributions
print(json.dumps({
    "readers": [r.accepts_directories for r in given.readers],
    "widgets": [w.display_name for w in given.widgets],
    "samples": [s.display_name for s in given.sample_data],
    "commands": [c.python_name for c in given.commands],
}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["readers"] == [True]
    assert found["widgets"] == ["Grading"]
    assert found["samples"] == ["Synthetic lumbar spine"]
    assert len(found["commands"]) == 3


def test_the_manifest_ships_with_the_package():
    assert files("discmri.napari").joinpath("napari.yaml").is_file()


def test_a_study_or_its_results_can_be_read_without_a_viewer(visits, monkeypatch):
    from discmri.napari import contributions

    monkeypatch.setattr(contributions, "_current_viewer", lambda: None)
    monkeypatch.chdir(visits[0].study.parent)
    reader = contributions.get_reader(str(visits[0].results))
    layers = reader(str(visits[0].results))
    assert [(kind, options["name"]) for _, options, kind in layers] == [
        ("image", "T2"), ("image", "T1"), ("labels", "discs"),
    ]  # fmt: skip
    shapes = {data.shape for data, _, _ in layers}
    assert len(shapes) == 1
    assert set(np.unique(layers[-1][0])) == {0, 91, 92, 93, 94, 95, 100}
    for _, options, _ in layers:
        np.testing.assert_allclose(options["scale"], [4.4, 1.1, 1.1], atol=1e-6)


def test_other_paths_are_left_to_other_readers(tmp_path, session_on):
    from discmri.napari import contributions

    (tmp_path / "a.txt").write_text("x")
    assert contributions.get_reader(str(tmp_path / "a.txt")) is None
    assert contributions.get_reader([str(tmp_path / "a.txt")]) is None
    session = session_on(Mode.OPEN)
    assert contributions.get_reader(str(session)) is contributions.read


def test_a_session_needs_a_viewer(session_on, monkeypatch):
    from discmri.napari import contributions

    monkeypatch.setattr(contributions, "_current_viewer", lambda: None)
    with pytest.raises(UsageError, match="open it in a viewer"):
        contributions.read(str(session_on(Mode.OPEN)))
