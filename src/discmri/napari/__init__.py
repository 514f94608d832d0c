"""The reader's viewer: modified Pfirrmann grading in napari beside the automatic metrics.

A data model (``view``, ``images``, ``panel``), an annotator that knows neither napari nor Qt
(``annotator``), jobs for a worker (``loading``, ``opening``), and a thin shell around them:
``canvas`` draws layers, ``dock`` is the widget, ``shell`` joins all with napari's workers.
What a reader may see is decided by :class:`discmri.reading.Session` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from discmri.reading import Session

__all__ = ["launch"]


def launch(session: Session) -> None:
    """Open a reading session in napari and return when its window is closed.

    Parameters
    ----------
    session
        From :func:`discmri.reading.open_session`; the caller closes it.

    Raises
    ------
    UsageError
        Where there is no display, or napari finds no Qt.

    Examples
    --------
    >>> from discmri.reading import open_session
    >>> with open_session("lumbar.session", "ann") as session:  # doctest: +SKIP
    ...     launch(session)
    """
    from importlib.util import find_spec

    from discmri.core.errors import UsageError

    if not any(map(find_spec, ("PySide6", "PyQt6"))):
        raise UsageError("napari finds no Qt; install one with: pip install PySide6-Essentials")
    from discmri.napari.qt.window import check_display, read_in_a_window

    check_display()
    read_in_a_window(session)
