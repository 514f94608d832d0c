"""Pictures of the viewer: ``python -m benchmarks.viewer_pictures FOLDER [STUDY RESULTS]``.

Draws a phantom, or takes a study with its results, and writes how the window looks in an open, a
locked and a blinded session; needs a screen, such as ``xvfb-run`` gives.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.viewer_session import Reader
from benchmarks.visits import make_visits
from discmri import reading
from discmri.phantoms import Protocol

PROTOCOL = Protocol(spacing_mm=0.7, slices=11, fov_mm=(200.0, 270.0))
SIZE_PX = (1500, 900)


def main(folder: Path, studies: dict[Path, Path | None]) -> None:
    """Write one picture per mode."""
    import napari

    from discmri.napari.qt.window import shell_of

    viewer = napari.Viewer(show=False, show_welcome_screen=False)
    reader = Reader(shell_of(viewer))
    window = viewer.window._qt_window
    for mode in reading.Mode:
        session_path = folder / f"{mode.value}.session"
        session_path.unlink(missing_ok=True)
        order = reading.Order.COMMON if mode is reading.Mode.BLINDED else reading.Order.AS_GIVEN
        options = reading.SessionOptions(("ann",), mode, order)
        reading.create_session(session_path, reading.plan_session(studies, options, folder))
        with reading.open_session(session_path, "ann") as session:
            reader.shell.read(session)
            viewer.window.show()
            window.resize(*SIZE_PX)  # napari sets a size of its own when it shows a window
            if mode is reading.Mode.OPEN:
                reader.shell.press("layers")  # as in a window of its own
            reader.wait_until_measured()
            window.resize(*SIZE_PX)
            _read_some(reader, mode)
            viewer.window.screenshot(path=str(folder / f"reading_{mode.value}.png"), flash=False)
            reader.shell.look_away()


def _read_some(reader: Reader, mode: reading.Mode) -> None:
    """Some grades, L4-L5 as the current disc; in the blinded session the criteria beside it."""
    window = reader.shell.window
    window.activateWindow()
    reader.settle(window.isActiveWindow)
    for key in ("2", "Down", "3", "Down", "3", "Down", "4", "Down"):
        reader.press(key)
        reader.settle()
    if mode is reading.Mode.BLINDED:
        reader.press("K")
    if mode is reading.Mode.LOCKED:
        reader.press("0")
    reader.shell._large.take_away()
    reader.settle()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.viewer_pictures", description=__doc__
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("study", type=Path, nargs="?")
    parser.add_argument("results", type=Path, nargs="?")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    if asked.study is not None:
        found: dict[Path, Path | None] = {asked.results: asked.study}
    else:
        found = make_visits(asked.folder / "phantom", PROTOCOL, 2, 2)
    main(asked.folder, found)
