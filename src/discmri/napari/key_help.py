"""The keys of a session in words, for the help over the pictures."""

from __future__ import annotations

KEY_HELP = (
    ("1 to 8", "grade the disc; another digit replaces it"),
    ("4 / 7", "double grade: signal, a slash, collapse"),
    ("n", "not evaluable; the reason is asked for"),
    ("c", "comment on the grade"),
    ("l", "postpone the disc: it comes again last"),
    ("u", "take back the last entry"),
    ("Enter", "next disc that is left; in a locked session first show what was measured"),
    ("↑ ↓", "disc above, disc below"),
    ("← →", "slice to the right or left side of the patient"),
    ("Page Up, Page Down", "case before, next case"),
    ("w", "worklist: not read, postponed, commented"),
    ("0", "whole lumbar spine or the disc alone"),
    ("F1, F2, …", "show or hide a series"),
    ("o", "outlines of the discs"),
    ("h", "all that is drawn over the pictures"),
    ("i", "pixels smooth or as they are"),
    ("x", "automatic brightness and contrast again"),
    ("k", "criteria of the scale with examples"),
    ("p, e", "paint or erase the label of the disc"),
    ("+ -", "larger or smaller letters"),
    ("?", "this help; Escape closes it"),
)
"""Key and what it does, in the order of use."""
