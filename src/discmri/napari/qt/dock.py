"""The grading dock: a Qt widget that shows a :class:`Panel` and emits keys and clicks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from napari.settings import get_settings
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QColor, QShowEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMainWindow,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from discmri.core.levels import DiscLevel
from discmri.napari.display import SERIES_KEYS
from discmri.napari.panel import Panel
from discmri.napari.qt.colour_bar import ColourBar
from discmri.napari.qt.criteria import Criteria
from discmri.napari.qt.flow import FlowLayout
from discmri.napari.qt.worklist_view import WorklistView

_GRADING = (
    ("Not evaluable (n)", "n", "The disc cannot be graded, with a reason"),
    ("Comment (c)", "c", "Comment on the grade"),
    ("Later (l)", "l", "Postpone the disc until all others are done"),
    ("Undo (u)", "u", "Undo the last grade, edit or numbering"),
)
_REVEAL = (("Show measured values (r)", "r", "The grade is stored; a change needs a reason"),)
_LOOKING = (
    ("◀ Case", "page up", "Previous case (Page Up)"),
    ("Case ▶", "page down", "Next case (Page Down)"),
    ("Spine / disc (0)", "0", "Show the lumbar spine with the disc framed, or the disc only"),
    ("Contrast", "layers", "Show the controls of napari for brightness and contrast"),
)
_MARKING = (
    ("Outlines (o)", "o", "Show or hide the traced borders of the discs"),
    ("Lines, names (h)", "h", "Hide or show lines, borders and names"),
    ("Smooth (i)", "i", "Interpolation on or off; the setting is recorded"),
    ("Reset contrast (x)", "x", "Reset brightness and contrast of every image"),
)
_EDITING = (
    ("Paint (p)", "p", "Add to the label of the disc"),
    ("Erase (e)", "e", "Remove from the label of the disc"),
    ("Level names ▲", "names up", "Correct the levels: L5-S1 becomes L4-L5, and so on"),
    (
        "Level names ▼",
        "names down",
        "Correct the levels: L4-L5 becomes L5-S1, and so on",
    ),
)
_PAINTING = (
    ("Keep the edit", "keep", "Record the edited label and its values besides the automatic ones"),
    ("Drop the edit (Esc)", "escape", "Restore the label"),
)
_AIDS = (
    ("Criteria (k)", "k", "Criteria of the scale with an example of each grade"),
    ("Worklist (w)", "w", "Discs that are not read, postponed or commented"),
    ("Keys (?)", "?", "List of all keys"),
)
_HELP = "1–8 grade · a double grade is 4, then /, then 7 · Enter: next disc · ?: all keys"
_COLUMNS = ("Disc", "Grade", "State")
_ALARM, _CALM = ("#ee8866", "#a33b00"), ("#99ddff", "#005f8f")
"""Colours of notices on dark and light background."""
_SCROLLED_PX = 40
_POINTS, _POINTS_MIN, _POINTS_MAX = 9, 7, 18


class GradingDock(QWidget):
    """Shows the content of a panel; has no state of its own.

    Signals
    -------
    pressed(str)
        A key, or the button that stands for it.
    picked(object)
        Level of a clicked disc.
    answered(str)
        Answer typed below the question.
    scaled(int)
        Size of the letters in points.
    closing()
        The window is being closed.
    placed(object)
        The main window, when the dock stands in it for the first time.
    """

    pressed = Signal(str)
    picked = Signal(object)
    answered = Signal(str)
    scaled = Signal(int)
    closing = Signal()
    placed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumWidth(330)
        self._keys: tuple[DiscLevel, ...] = ()
        self._placed = False
        self._points = _POINTS
        self._large: list[tuple[QLabel, float]] = []
        self.title, self.place, self.rule = self._heading(1.5), _label(), _label()
        self.progress = QProgressBar()
        self.progress.setFormat("%v of %m discs")
        self.discs = _table()
        self.discs.cellClicked.connect(lambda row, _column: self.picked.emit(self._keys[row]))
        self.at_hand = self._heading(1.8)
        self.question, self.line = _label(), QLineEdit()
        self.line.returnPressed.connect(lambda: self.answered.emit(self.line.text()))
        self.notice = _label()
        self.busy, self.busy_text = QProgressBar(), _label()
        self.busy.setTextVisible(False)
        self.help = _label()
        self.help.setText(_HELP)
        self.begin = self._button("Grade this study …", "begin", "Begin a session with this study")
        self.grading, self.reveal = self._buttons(_GRADING), self._buttons(_REVEAL)
        self.editing, self.painting = self._buttons(_EDITING), self._buttons(_PAINTING)
        self.looking = self._buttons((*_LOOKING, *_MARKING, *_AIDS))
        self.series, self.left_out, self.colours = QWidget(), _label(), ColourBar()
        self._series_row = FlowLayout(self.series)
        self._shown_series: tuple[tuple[str, bool], ...] = ()
        self.criteria, self.worklist = Criteria(), WorklistView()
        self.metrics = _label()
        self._lay_out()
        self.scale_text(0)
        self.show_panel(Panel())
        self.show_busy("", 0.0)

    def _lay_out(self) -> None:
        below = QWidget()
        inner = QVBoxLayout(below)
        inner.setContentsMargins(0, 0, 0, 0)
        for one in (self.worklist, self.criteria, self.looking, self.editing, self.metrics):
            inner.addWidget(one)
        inner.addStretch(1)
        scrolled = QScrollArea()
        scrolled.setWidgetResizable(True)
        scrolled.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scrolled.setWidget(below)
        scrolled.setMinimumHeight(_SCROLLED_PX)
        layout = QVBoxLayout(self)
        for widget in (
            self.title, self.place, self.rule, self.progress, self.discs, self.at_hand,
            self.question, self.line, self.notice, self.begin, self.reveal, self.grading, self.help,
            self.series, self.left_out, self.colours, self.painting,
        ):  # fmt: skip
            layout.addWidget(widget)
        layout.addWidget(scrolled, 1)
        layout.addWidget(self.busy_text)
        layout.addWidget(self.busy)

    def _heading(self, factor: float) -> QLabel:
        """A label with larger letters."""
        label = _label()
        self._large.append((label, factor))
        return label

    def scale_text(self, by: int) -> None:
        """Change the size of the letters by a number of points."""
        self._points = min(max(self._points + by, _POINTS_MIN), _POINTS_MAX)
        self.setStyleSheet(f"QWidget {{ font-size: {self._points}pt; }}")
        for label, factor in self._large:
            size = round(factor * self._points)
            label.setStyleSheet(f"font-size: {size}pt; font-weight: bold;")
        self.discs.verticalHeader().setDefaultSectionSize(self._row_px)
        self.scaled.emit(self._points)

    @property
    def _row_px(self) -> int:
        """Height of a line of the list of discs in pixels."""
        return round(2.4 * self._points)

    def _button(self, text: str, key: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setStyleSheet("padding: 3px 5px;")
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda: self.pressed.emit(key))
        return button

    def _buttons(self, wanted: Sequence[tuple[str, str, str]]) -> QWidget:
        """Lay out buttons in as many rows as necessary."""
        box = QWidget()
        row = FlowLayout(box)
        for text, key, tip in wanted:
            row.addWidget(self._button(text, key, tip))
        return box

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Emit the main window once, when the dock is first shown."""
        super().showEvent(event)
        above = self.parentWidget()
        while above is not None and not isinstance(above, QMainWindow):
            above = above.parentWidget()
        if above is not None and not self._placed:
            self._placed = True
            above.installEventFilter(self)
            self.placed.emit(above)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Emit a signal when the window is being closed."""
        if event.type() == QEvent.Type.Close:
            self.closing.emit()
        return bool(super().eventFilter(watched, event))

    # ------------------------------------------------------------------ showing
    def show_panel(self, panel: Panel, painting: bool = False) -> None:
        """Show the content of a panel."""
        self._keys = tuple(row.key for row in panel.rows)
        self.title.setText(escape(panel.title))
        self.place.setText(escape(panel.place))
        self.place.setVisible(panel.place not in ("", panel.title))
        alarm, calm = (one[self._light] for one in (_ALARM, _CALM))
        told = [f'<span style="color:{alarm}">{escape(one)}</span>' for one in panel.notices]
        self.rule.setText("<br>".join([escape(panel.rule), *told]))
        self.progress.setVisible(panel.total > 0)
        _set(self.progress, panel.done, max(panel.total, 1))
        self._show_rows(panel)
        self._show_question(panel)
        waiting = f"{panel.unsaved} not saved yet. " if panel.unsaved else ""
        colour = alarm if panel.alarm or panel.unsaved else calm
        self.notice.setText(f'<span style="color:{colour}">{escape(waiting + panel.notice)}</span>')
        self.begin.setVisible(not panel.can_grade and bool(panel.rows))
        for box in (self.grading, self.editing, self.help):
            box.setVisible(panel.can_grade)
        self.reveal.setVisible(panel.can_reveal)
        self.painting.setVisible(painting)
        self.metrics.setText(_metrics(panel))

    def show_busy(self, text: str, share: float) -> None:
        """Show the background task; an empty text hides it."""
        self.busy_text.setText(escape(text))
        _set(self.busy, round(100 * share), 100)
        self.busy_text.setVisible(bool(text))
        self.busy.setVisible(bool(text))

    def show_series(self, series: Sequence[tuple[str, bool]], left_out: Sequence[str] = ()) -> None:
        """List the series that can be shown, and the others with reasons."""
        self.left_out.setText(escape("; ".join(left_out)))
        self.left_out.setVisible(bool(left_out))
        if tuple(series) == self._shown_series:
            return
        self._shown_series = tuple(series)
        while (item := self._series_row.takeAt(0)) is not None:
            item.widget().deleteLater()
        for (title, shown), key in zip(series, SERIES_KEYS, strict=False):
            button = self._button(f"{title} {key.upper()}", key, f"Show or hide {title}")
            button.setCheckable(True)
            button.setChecked(shown)
            self._series_row.addWidget(button)

    @property
    def _light(self) -> bool:
        """Whether letters are dark on a light background."""
        ground = get_theme(get_settings().appearance.theme).background
        return bool(sum(ground.as_rgb_tuple()[:3]) > 3 * 128)

    def _show_rows(self, panel: Panel) -> None:
        self.discs.setRowCount(len(panel.rows))
        for number, row in enumerate(panel.rows):
            state = " · ".join(filter(None, (row.state, row.note)))
            for column, text in enumerate((row.name, row.grade, state)):
                item = QTableWidgetItem(text)
                if column == 0:
                    item.setData(Qt.ItemDataRole.DecorationRole, QColor(row.colour))
                self.discs.setItem(number, column, item)
        self.at_hand.setVisible(panel.current >= 0)
        if panel.current >= 0:
            self.discs.selectRow(panel.current)
            row = panel.rows[panel.current]
            mark = f'<span style="color:{row.colour}">■</span>'
            self.at_hand.setText(f"{mark} {escape(row.name)} {escape(row.grade)}")
        height = self.discs.horizontalHeader().height() + 4
        self.discs.setFixedHeight(height + self._row_px * max(len(panel.rows), 1))

    def _show_question(self, panel: Panel) -> None:
        asked = panel.question
        self.question.setVisible(asked is not None)
        if asked is None:
            self.line.setVisible(False)
            return
        self.question.setText(f"<b>{escape(asked.text)}</b>")
        if not self.line.isVisible() or self.line.property("asked") != asked.text:
            self.line.setProperty("asked", asked.text)
            self.line.setText(asked.given)
            self.line.setVisible(True)
            self.line.setFocus()


def _set(bar: QProgressBar, value: int, of: int) -> None:
    """Set a progress bar without the immediate repaint of the window by Qt."""
    bar.setUpdatesEnabled(False)
    bar.setRange(0, of)
    bar.setValue(value)
    bar.setUpdatesEnabled(True)


def _label() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.RichText)
    return label


def _table() -> QTableWidget:
    table = QTableWidget(0, len(_COLUMNS))
    table.setHorizontalHeaderLabels(_COLUMNS)
    table.verticalHeader().setVisible(False)
    table.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return table


def _metrics(panel: Panel) -> str:
    """Measured values as HTML, or the reason why they are hidden."""
    parts = []
    if panel.opinions:
        parts.append(f"<p><b>Grades of the readers:</b> {escape(', '.join(panel.opinions))}</p>")
    if panel.hidden:
        parts.append(f"<p><i>{escape(panel.hidden)}</i></p>")
    if panel.metrics:
        edited = any(row.edited for row in panel.metrics)
        head = '<tr><th align="left">Measured</th><th align="right">automatic</th>'
        head += '<th align="right">&nbsp;&nbsp;edited</th>' if edited else ""
        rows = "".join(
            f"<tr><td>{escape(row.name)}</td><td align='right'>&nbsp;&nbsp;{escape(row.automatic)}</td>"
            + (f"<td align='right'>&nbsp;&nbsp;{escape(row.edited)}</td>" if edited else "")
            + "</tr>"
            for row in panel.metrics
        )
        parts.append(f"<table>{head}</tr>{rows}</table>")
    if panel.reasons:
        listed = "".join(f"<li>{escape(line)}</li>" for line in panel.reasons)
        parts.append(f"<p><b>Reasons for the suggested grade</b></p><ul>{listed}</ul>")
    if panel.flags:
        listed = "".join(f"<li>{escape(line)}</li>" for line in panel.flags)
        parts.append(f"<p><b>Warnings</b></p><ul>{listed}</ul>")
    return "".join(parts)
