"""The wheel that ``pip install .`` makes, and the two locks."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "discmri"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this tree, built without a network."""
    folder = str(tmp_path_factory.mktemp("dist"))
    (built,) = WheelBuilder(str(ROOT)).build(directory=folder, versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        yield archive


def test_the_wheel_holds_every_file_of_the_package(wheel):
    own = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    found = {name for name in wheel.namelist() if not name.startswith("discmri-")}
    assert found == own
    for ending in ("weights/spine.onnx", "study.schema.json", "grade_model.json", "page.html.j2"):
        assert any(name.endswith(ending) for name in found), ending
    assert any("migrations/versions/" in name for name in found)


def test_the_wheel_names_command_and_licence(wheel):
    (info,) = {name.partition("/")[0] for name in wheel.namelist() if name.startswith("discmri-")}
    assert "discmri = discmri.cli:program" in wheel.read(f"{info}/entry_points.txt").decode()
    assert wheel.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()


def _version(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "version"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_the_version_is_the_tag_and_without_one_a_development_version(tmp_path):
    source = tmp_path / "source"
    (source / "src" / "discmri").mkdir(parents=True)
    (source / "src" / "discmri" / "__init__.py").touch()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    coming = f"{_coming()}.dev"
    assert _version(source) == f"{coming}0", "an archive without git"

    def git(*arguments):
        identity = ("-c", "user.name=n", "-c", "user.email=n@example.org")
        subprocess.run(
            ["git", "-C", source, *identity, *arguments], check=True, capture_output=True
        )

    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    assert _version(source).startswith(coming), "a clone without tags"
    git("tag", "v7.8.9")
    assert _version(source) == "7.8.9"
    (built,) = SdistBuilder(str(source)).build(directory=str(tmp_path / "dist"))
    git("commit", "--allow-empty", "-m", "two")
    assert _version(source).startswith("7.8.10.dev1+g")
    with tarfile.open(built) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    assert _version(tmp_path / "unpacked" / "discmri-7.8.9") == "7.8.9"


def _coming() -> str:
    """The version that is worked on: the newest one of the changes."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.findall(r"^## ([\d.]+)", text, re.MULTILINE)[0]


def _pins(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "--index" not in text
    assert "http" not in text
    return set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE)), text


def test_the_runtime_lock_pins_what_the_program_needs_and_no_tool_of_development():
    import tomllib

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"[>=<]", one)[0] for one in declared["dependencies"]}
    runtime, text = _pins("requirements-runtime.lock")
    assert needed <= runtime
    assert runtime <= _pins("requirements.lock")[0]
    assert not runtime & {"pytest", "mypy", "ruff", "napari", "dask", "ipykernel", "highdicom"}
    assert all("--hash=sha256:" in entry for entry in re.split(r"^(?=\w)", text, flags=re.M)[1:])


def test_the_citation_names_the_version_of_the_changes():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {_coming()}\n" in text


def test_containers_copy_what_is_there_and_install_the_lock():
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    apptainer = (ROOT / "apptainer.def").read_text(encoding="utf-8")
    own = [line.split()[1:-1] for line in docker.splitlines() if line.startswith("COPY ")]
    copied = {name for names in own if not names[0].startswith("--") for name in names}
    files = apptainer.partition("%files\n")[2].partition("\n\n")[0]
    assert copied == {line.split()[0] for line in files.splitlines()}
    shown = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in shown
    for text in (docker, apptainer):
        assert "--require-hashes" in text


def test_the_workflow_runs_what_continuous_integration_runs():
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert re.search(r"- run: .*\.ci/run", text)
    assert (ROOT / ".ci" / "run").is_file()
