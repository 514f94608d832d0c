"""The viewer: modified Pfirrmann grading in napari.

It has a data model (``view``, ``images``, ``panel``), an annotator that is independent of napari and Qt
(``annotator``), jobs for workers (``loading``, ``opening``), and a thin shell: ``canvas`` draws layers,
``dock`` is the widget, ``shell`` connects them with the workers of napari.  Only
:class:`discmri.reading.Session` decides what a reader may see.
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
        If there is no display or no Qt.

    Examples
    --------
    >>> from discmri.reading import open_session
    >>> with open_session("lumbar.session", "ann") as session:  # doctest: +SKIP
    ...     launch(session)
    """
    from importlib.util import find_spec

    from discmri.core.errors import UsageError

    if not any(map(find_spec, ("PySide6", "PyQt6"))):
        raise UsageError("Qt is missing; install it with: pip install PySide6-Essentials")
    from discmri.napari.qt.window import check_display, read_in_a_window

    check_display()
    read_in_a_window(session)
