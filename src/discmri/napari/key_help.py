"""The keys of a session, for the help over the images."""

from __future__ import annotations

KEY_HELP = (
    ("1 to 8", "grade the disc; another digit replaces it"),
    ("4 / 7", "double grade: signal, a slash, collapse"),
    ("n", "not evaluable, with a reason"),
    ("c", "comment on the grade"),
    ("l", "postpone the disc until the end"),
    ("u", "undo the last entry"),
    ("Enter", "next disc to grade; in a locked session first show the measured values"),
    ("↑ ↓", "disc above, disc below"),
    ("← →", "slice towards patient right or left"),
    ("Page Up, Page Down", "previous case, next case"),
    ("w", "worklist: not read, postponed, commented"),
    ("0", "lumbar spine or disc only"),
    ("F1, F2, …", "show or hide a series"),
    ("o", "outlines of the discs"),
    ("h", "lines, borders and names"),
    ("i", "interpolation on or off"),
    ("x", "reset brightness and contrast"),
    ("k", "criteria of the scale with examples"),
    ("p, e", "paint or erase the label of the disc"),
    ("+ -", "larger or smaller text"),
    ("?", "this help; Escape closes it"),
)
"""Keys and their actions."""
