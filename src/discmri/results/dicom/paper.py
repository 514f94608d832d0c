r"""One A4 page of text, lines and grey images, as PDF or as pixels.

It is written without a drawing library, whose import takes longer than the page.  The PDF
(ISO 32000-1) uses the standard fonts (9.6.2.2) and has no date, so the same page gives the same bytes.
Characters that these fonts lack are printed as their code, such as ``\u0416``, so that different
names remain different.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import Array
from discmri.results.pictures.canvas import font

WIDTH, HEIGHT = 595.0, 842.0
"""A4 in points; x from the left, y from the top."""
PagePixels = NDArray[np.uint8]

_ENCODING = "cp1252"
# Advance of the characters 32 to 126 of Helvetica in thousandths (Adobe's metrics of 1997).
_ADVANCES = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
_OTHER_ADVANCE = 556
_SUPERSAMPLING = 2
_WIDER = 0.86  # DejaVu Sans, which pixels are drawn with, is wider than Helvetica by its inverse


@dataclass(frozen=True)
class Words:
    """One line of text; ``x, y`` is the start of its base line, or the end where ``right``."""

    x: float
    y: float
    text: str
    size: float = 9.0
    bold: bool = False
    right: bool = False
    grey: float = 0.0

    @property
    def printed(self) -> str:
        """The text in characters that the fonts have."""
        encoded = self.text.encode(_ENCODING, "backslashreplace")
        return encoded.decode(_ENCODING, "replace")


@dataclass(frozen=True, eq=False)
class Line:
    """A polyline through (n, 2) points; colour ``#rrggbb``."""

    points: Array
    width: float = 0.5
    colour: str = "#000000"
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class PagePicture:
    """A (rows, columns) grey image in a box whose upper left corner is (x, y)."""

    x: float
    y: float
    width: float
    height: float
    pixels: PagePixels


PageItem = Words | Line | PagePicture


def text_width(text: str, size: float) -> float:
    """Width of a text in Helvetica, in points.

    >>> round(text_width("12.4 mm", 10.0), 2)
    38.9
    """
    advances = (
        _ADVANCES[ord(one) - 32] if 32 <= ord(one) < 127 else _OTHER_ADVANCE for one in text
    )
    return sum(advances) * size / 1000


def wrapped(text: str, width: float, size: float) -> list[str]:
    """Break a text into lines of at most ``width`` points; words are not broken."""
    lines: list[str] = []
    for word in text.split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def pdf(items: Sequence[PageItem], title: str) -> bytes:
    """The page as a PDF, later items over earlier ones."""
    pictures = [one for one in items if isinstance(one, PagePicture)]
    names = {id(one): f"/P{n}" for n, one in enumerate(pictures)}
    content = "\n".join(_drawn(one, names) for one in items).encode(_ENCODING)
    held = " ".join(f"/P{n} {n + 7} 0 R" for n in range(len(pictures)))
    described = "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (en) >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH:g} {HEIGHT:g}] /Contents 6 0 R "
        f"/Resources << /Font << /F0 4 0 R /F1 5 0 R >> /XObject << {held} >> >> >>".encode(),
        described.format("Helvetica").encode(),
        described.format("Helvetica-Bold").encode(),
        _stream("", content),
        *(
            _stream(
                f"/Type /XObject /Subtype /Image /Width {one.pixels.shape[1]} "
                f"/Height {one.pixels.shape[0]} /ColorSpace /DeviceGray /BitsPerComponent 8 ",
                one.pixels.tobytes(),
            )
            for one in pictures
        ),
        f"<< /Title ({_escaped(title)}) >>".encode(_ENCODING),
    ]
    return _file(objects)


def pixels(items: Iterable[PageItem], dots_per_inch: float) -> PagePixels:
    """The page as (rows, columns, 3) pixels."""
    from PIL import Image, ImageDraw

    scale = dots_per_inch / 72 * _SUPERSAMPLING
    image = Image.new("RGB", (round(WIDTH * scale), round(HEIGHT * scale)), "white")
    draw = ImageDraw.Draw(image)
    for one in items:
        if isinstance(one, Words):
            face = font(one.size * scale * _WIDER, one.bold)
            grey = (round(255 * one.grey),) * 3
            anchor = "rs" if one.right else "ls"
            draw.text((one.x * scale, one.y * scale), one.printed, grey, face, anchor)
        elif isinstance(one, Line):
            points = [(x * scale, y * scale) for x, y in one.points.tolist()]
            draw.line(points, one.colour, max(1, round(one.width * scale)), joint="curve")
        else:
            size = round(one.width * scale), round(one.height * scale)
            shown = Image.fromarray(one.pixels).resize(size, Image.Resampling.BICUBIC)
            image.paste(shown, (round(one.x * scale), round(one.y * scale)))
    return np.asarray(image.reduce(_SUPERSAMPLING))


def _drawn(one: PageItem, names: dict[int, str]) -> str:
    """Operators of one item (ISO 32000-1, annex A)."""
    if isinstance(one, Words):
        x = one.x - (text_width(one.printed, one.size) if one.right else 0.0)
        return (
            f"BT /F{one.bold:d} {one.size:g} Tf {one.grey:g} g "
            f"1 0 0 1 {x:.2f} {HEIGHT - one.y:.2f} Tm ({_escaped(one.printed)}) Tj ET"
        )
    if isinstance(one, Line):
        red, green, blue = (int(one.colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
        points = [f"{x:.2f} {HEIGHT - y:.2f}" for x, y in one.points.tolist()]
        dash = "[3 2] 0 d" if one.dashed else "[] 0 d"
        return (
            f"{red:.3f} {green:.3f} {blue:.3f} RG {one.width:g} w {dash} "
            f"{points[0]} m {' '.join(f'{point} l' for point in points[1:])} S"
        )
    box = f"{one.width:.2f} 0 0 {one.height:.2f} {one.x:.2f} {HEIGHT - one.y - one.height:.2f}"
    return f"q {box} cm {names[id(one)]} Do Q"


def _escaped(text: str) -> str:
    """The content of a literal string (7.3.4.2)."""
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _stream(entries: str, content: bytes) -> bytes:
    packed = zlib.compress(content, 9)
    head = f"<< {entries}/Filter /FlateDecode /Length {len(packed)} >>\nstream\n"
    return head.encode() + packed + b"\nendstream"


def _file(objects: Sequence[bytes]) -> bytes:
    """A file of objects (7.5), the last of which is the document information."""
    made = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start, count = len(made), len(objects) + 1
    made += b"xref\n0 %d\n0000000000 65535 f \n" % count
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    made += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\n" % (count, len(objects))
    made += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(made)
