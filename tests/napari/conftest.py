"""A screen without a monitor, two small synthetic visits, and sessions planned on them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import generate_uid
from tests.napari.waiting import settle
from tests.reading.builder import make_results

from discmri import reading
from discmri.core.settings import Settings
from discmri.measurement.whole_study import measure
from discmri.phantoms import Protocol, PulseSequence, lumbar_spine, make_phantom
from discmri.phantoms import SpineOptions as Spine
from discmri.phantoms.vendors import write_study
from discmri.reading import Mode, Order, SessionOptions
from discmri.study import read_study

SUBJECT, PATIENT = "MEYER-4711", "Meyer^Anna"
TINY = Protocol(
    sequences=(PulseSequence.T2, PulseSequence.T1, PulseSequence.ADC),
    spacing_mm=1.1, slices=7, fov_mm=(170.0, 230.0), dwi_spacing_mm=2.2,
)  # fmt: skip


# ------------------------------------------------------------------ sessions without images
@pytest.fixture
def plan(tmp_path):
    """A function: a session on results made by hand, two visits of one subject and a third."""
    visits = [("SUBJ-A", "20240131"), ("SUBJ-A", "20240731"), ("SUBJ-B", "20240202")]
    results = [make_results(tmp_path / "data" / f"{s}-{d}", s, d) for s, d in visits]

    def make(mode=Mode.OPEN, readers=("ann", "ben")):
        where = tmp_path / f"{mode.value}.session"
        order = Order.COMMON if mode is Mode.BLINDED else Order.AS_GIVEN
        wished = SessionOptions(readers, mode, order)
        planned = reading.plan_session(dict.fromkeys(results), wished, tmp_path)
        reading.create_session(where, planned)
        return where

    return make


# ------------------------------------------------------------------ studies with images
@dataclass(frozen=True)
class Visit:
    """A study on disk with its results, and what nobody may read of it in a blinded session."""

    study: Path
    results: Path
    subject: str
    date: str
    uids: tuple[str, ...]


@pytest.fixture(scope="session")
def visits(tmp_path_factory) -> tuple[Visit, Visit]:
    """Two visits of one synthetic spine, measured with its true labels."""
    import nibabel as nib

    root = tmp_path_factory.mktemp("visits")
    phantom = make_phantom(lumbar_spine(Spine(grades=[2, 3, 4, 7, 8]), seed=11))
    grid = phantom.grid(TINY)
    labels = root / "truth.nii.gz"
    drawn = phantom.label_map(grid, TINY.slice_thickness_mm)
    nib.save(nib.Nifti1Image(drawn, grid.affine), labels)
    write_study(phantom, root / "scans" / "MEYER-first", "siemens", TINY)
    shutil.copytree(root / "scans" / "MEYER-first", root / "scans" / "MEYER-second")
    called = {"MEYER-first": "20230517", "MEYER-second": "20241123"}
    uids = {name: _call(root / "scans" / name, SUBJECT, date) for name, date in called.items()}
    first, second = (root / "scans" / name for name in called)
    results = root / "results"
    settings = Settings(segmenter="masks", masks=labels)
    measure(read_study(first), settings).write(results / first.name)
    # The second visit has the same pixels, so its results are those of the first by other names.
    shutil.copytree(results / first.name, results / second.name)
    record = results / second.name / "study.json"
    text = record.read_text(encoding="utf-8")
    for old, new in zip(uids[first.name].values(), uids[second.name].values(), strict=True):
        text = text.replace(old, new)
    text = text.replace(called[first.name], called[second.name])
    record.write_text(text, encoding="utf-8")
    one, two = (
        Visit(root / "scans" / name, results / name, SUBJECT, date, tuple(uids[name].values()))
        for name, date in called.items()
    )
    return one, two


def _call(study: Path, subject: str, date: str) -> dict[str, str]:
    """Give the files of a study another patient, date and UIDs; these by the earlier ones."""
    new: dict[str, str] = {}
    for path in sorted(study.rglob("*.dcm")):
        file = pydicom.dcmread(path)
        file.PatientID = subject
        file.PatientName = PATIENT
        file.StudyDate = file.SeriesDate = file.AcquisitionDate = date
        for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            old = getattr(file, name)
            setattr(file, name, new.setdefault(old, generate_uid(entropy_srcs=[old, date])))
        file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID
        file.save_as(path)
    return new


@pytest.fixture
def session_on(visits, tmp_path):
    """A function: the path of a session of some mode on both visits."""

    def make(mode: Mode, readers=("ann",), **options) -> Path:
        where = tmp_path / f"{mode.value}.session"
        studies = {visit.results: visit.study for visit in visits}
        order = Order.COMMON if mode is Mode.BLINDED else Order.AS_GIVEN
        planned = reading.plan_session(
            studies, SessionOptions(readers, mode, order, **options), tmp_path
        )
        reading.create_session(where, planned)
        return where

    return make


# ------------------------------------------------------------------ a real viewer
_SERVER = """
Xvfb -displayfd 1 -screen 0 1600x1000x24 -nolisten tcp <&- &
cat
kill $!
"""
"""An X server that ends with this process, however that ends; Qt dies with the screen it lost."""
_SERVERS: list[subprocess.Popen[str]] = []


@pytest.fixture(scope="session")
def screen(tmp_path_factory):
    """An X server without a monitor, and napari's settings in a folder of their own."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed; make screen installs it where that is possible")
    server = subprocess.Popen(
        ["sh", "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    _SERVERS.append(server)
    display = server.stdout.readline().strip()
    settings = tmp_path_factory.mktemp("napari") / "settings.yaml"
    changed = {
        "DISPLAY": f":{display}", "QT_QPA_PLATFORM": "xcb", "LIBGL_ALWAYS_SOFTWARE": "1",
        "NAPARI_CONFIG": str(settings), "NAPARI_ASYNC": "0",
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in changed.items():
            patch.setenv(name, value)
        patch.delenv("WAYLAND_DISPLAY", raising=False)
        _try_qt()
        yield changed


def _try_qt() -> None:
    """Skip where Qt cannot open a window; it would end the whole process."""
    program = "from qtpy.QtWidgets import QApplication; QApplication([])"
    tried = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True, text=True, env=os.environ.copy(), timeout=600, check=False,
    )  # fmt: skip
    if tried.returncode != 0:
        last = (tried.stderr.strip().splitlines() or ["no reason given"])[0]
        pytest.skip(f"Qt cannot open a window here: {last}")


@pytest.fixture(scope="module")
def open_window(screen):
    """A function: a napari viewer with a window on that screen, and the grading dock in it."""
    import napari

    from discmri.napari.qt.window import shell_of

    def make():
        viewer = napari.Viewer(show=False)
        viewer.window.show()
        viewer.window._qt_window.resize(1200, 700)
        opened.append((viewer, shell_of(viewer)))
        settle()
        return viewer

    opened = []
    yield make
    for viewer, shell in opened:
        shell.leave()
        with suppress(RuntimeError):  # closed by a test
            viewer.close()
    settle()


@pytest.fixture(scope="module")
def shared_window(open_window):
    """One viewer for many tests: making one takes seconds."""
    return open_window()


@pytest.fixture
def nothing_goes_wrong(monkeypatch):
    """What Qt calls raises into the void; here it fails the test."""
    wrong = []
    monkeypatch.setattr(sys, "excepthook", lambda *what: wrong.append(_first_cause(what[1])))
    yield
    assert "\n".join(wrong) == ""


def _first_cause(error):
    """Where it went wrong, below what napari's signals wrap around it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return "".join(traceback.format_exception(error)[-4:])


@pytest.fixture(scope="module")
def measured_once():
    """The same study is measured once for all tests of a module."""
    from discmri.napari import loader

    known = {}
    measure_it = loader.measure_loaded

    def measure_loaded(loaded, result, progress):
        key = loaded.labels_file
        if key not in known:
            known[key] = measure_it(loaded, result, progress)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loader, "measure_loaded", measure_loaded)
        yield


@pytest.fixture
def viewer(shared_window, nothing_goes_wrong, measured_once):
    """The shared viewer, active, with nothing open before and after."""
    from discmri.napari.qt.window import shell_of

    shell = shell_of(shared_window)
    shell.window.activateWindow()
    settle(shell.window.isActiveWindow)
    yield shared_window
    shell.leave()
    shell.look_away()
    settle()


@pytest.fixture
def own_viewer(open_window, nothing_goes_wrong, measured_once):
    """A viewer for one test alone, which may leave it changed or closed."""
    from discmri.napari.qt.window import shell_of

    made = open_window()
    shell = shell_of(made)
    shell.window.activateWindow()
    settle(shell.window.isActiveWindow)
    return made
