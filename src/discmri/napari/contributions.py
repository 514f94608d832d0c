"""What napari finds in the manifest: a reader and sample data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from discmri.core.errors import UsageError
from discmri.napari.opening import (
    DRAWING,
    PathKind,
    complete,
    open_results,
    open_sample,
    open_study,
    path_kind,
)

if TYPE_CHECKING:
    from napari import Viewer

    from discmri.napari.opening import OpenedStudy

LayerData = tuple[Any, ...]
Reader = Callable[[str | list[str]], list[LayerData]]
_NOTHING: list[LayerData] = [(None,)]  # napari's way of saying: read, but there is no layer


def get_reader(path: str | list[str]) -> Reader | None:
    """A reader for study folders, results folders and session files; ``None`` for others."""
    first = Path(path[0] if isinstance(path, list) else path)
    if path_kind(first) is None:
        return None
    return read


def read(path: str | list[str]) -> list[LayerData]:
    """Open a path in the current viewer, where workers load it.

    Without a viewer, pictures and discs are returned as layer data.
    """
    first = Path(path[0] if isinstance(path, list) else path)
    viewer = _current_viewer()
    if viewer is not None:
        from discmri.napari.qt.window import shell_of

        shell_of(viewer).open_path(first)
        return _NOTHING
    kind = path_kind(first)
    if kind is PathKind.SESSION:
        raise UsageError(f"{first} is a reading session; open it in a viewer")
    folder = first.parent if first.is_file() and kind is PathKind.RESULTS else first
    look = (
        open_results(folder, _silent) if kind is PathKind.RESULTS else open_study(folder, _silent)
    )
    return _layers(complete(look, _silent)[0])


def sample() -> list[LayerData]:
    """A synthetic spine: drawn in a worker where there is a viewer, else at once."""
    viewer = _current_viewer()
    if viewer is None:
        return _layers(complete(open_sample(_silent), _silent)[0])
    from discmri.napari.qt.window import shell_of

    shell_of(viewer).open_sample()
    return [(np.empty((0, 2)), {"name": DRAWING, "units": "mm"}, "points")]


def _current_viewer() -> Viewer | None:
    import napari

    return napari.current_viewer()


def _silent(_text: str, _share: float) -> None:
    """Nobody is told."""


def _layers(look: OpenedStudy) -> list[LayerData]:
    images = look.loaded.images
    space: dict[str, Any] = {"scale": images.view.spacing_mm, "units": "mm"}
    layers: list[LayerData] = [
        (one.array, {"name": one.name, "contrast_limits": one.limits, **space}, "image")
        for one in images.pictures
    ]
    shown = images.view.shown(images.labels)
    discs = np.where(np.isin(shown, list(look.discs.values())), shown, 0)
    return [*layers, (discs, {"name": "discs", **space}, "labels")]
