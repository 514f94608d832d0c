"""Text for output: one line, no control characters, no passwords; numbers as text."""

from __future__ import annotations

import math
import re
import unicodedata
from hashlib import sha256

NOTICE = "Research software, not a medical device. A reader decides on every suggested grade."


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
    r"""Text on one line: white space becomes a single space, control characters are removed.

    >>> one_line("no such file:\n  'a'")
    "no such file: 'a'"
    """
    return printable(" ".join(str(text).split()))


_PASSWORD = re.compile(r"(//?[^:/@\s]*:)\S*(?=@)|([?&]password=)[^&\s'\"]*", re.IGNORECASE)


def without_passwords(text: str) -> str:
    """Text with the passwords in its URLs replaced.

    >>> without_passwords("no host: postgresql://ann:se@cret@db/reads?password=x&sslmode=require")
    'no host: postgresql://ann:***@db/reads?password=***&sslmode=require'
    """
    return _PASSWORD.sub(lambda found: f"{found[1] or found[2]}***", text)


def pseudonym(text: str) -> str:
    """A short hash of a text; empty for an empty text.

    >>> pseudonym("12345"), pseudonym("")
    ('b5608203d5a5', '')
    """
    return sha256(f"discmri {text}".encode("utf-8", "replace")).hexdigest()[:12] if text else ""


def number(value: float, decimals: int) -> str:
    """A number with fixed decimals and no negative zero.

    >>> number(-0.0001, 3), number(8.25, 1)
    ('0.000', '8.2')
    """
    text = f"{value:.{decimals}f}"
    return text[1:] if text.startswith("-") and float(text) == 0 else text


def deviation(sd: float, decimals: int) -> str:
    """A standard deviation with the decimals of its value, or with one digit if that would be zero.

    >>> deviation(0.43, 1), deviation(0.046, 1)
    ('0.4', '0.05')
    """
    text = number(sd, decimals)
    return text if float(text) else significant(sd, 1)


def counted(count: int, name: str) -> str:
    """A count with a noun, in the plural unless it is 1.

    >>> counted(1, "disc"), counted(3, "disc")
    ('1 disc', '3 discs')
    """
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def significant(value: float, digits: int) -> str:
    """A number with this many significant digits, no exponent, and all its whole digits.

    >>> significant(0.06487, 2), significant(-1273.2, 2), significant(9.96, 2), significant(0.0, 2)
    ('0.065', '-1273', '10', '0.0')
    """
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = math.floor(math.log10(abs(rounded))) if rounded else 0
    return number(value, max(0, digits - 1 - exponent))
