"""Text from headers made harmless: one line, no control characters."""

from __future__ import annotations

import unicodedata


def printable(text: object) -> str:
    r"""Text without control characters, line breaks or unpaired surrogates.

    >>> printable("LUMBAR\r\n\x1b[31mSPINE\x00")
    'LUMBAR[31mSPINE'
    """
    return "".join(
        character
        for character in str(text)
        if unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
    )


def one_line(text: object) -> str:
    r"""Text on one line: any white space becomes a single space, control characters go.

    >>> one_line("no such file:\n  'a'")
    "no such file: 'a'"
    """
    return printable(" ".join(str(text).split()))


def number(value: float, decimals: int) -> str:
    """A number with fixed decimals and no negative zero.

    >>> number(-0.0001, 3), number(8.25, 1)
    ('0.000', '8.2')
    """
    text = f"{value:.{decimals}f}"
    return text[1:] if text.startswith("-") and float(text) == 0 else text
