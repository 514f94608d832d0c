"""HTML pages that contain their styles and pictures and load nothing from the network.

A template extends ``discmri.core/page.html.j2``, which holds the head and the styles that all
pages share, and fills its blocks ``title``, ``style`` and ``body``.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, /, **content: object) -> str:
    """A page as HTML; every text of ``content`` is escaped.

    A template is named by its package and its file in the folder ``templates``, such as
    ``discmri.trial/report.html.j2``.  Raises ``jinja2.UndefinedError`` if it uses a variable that
    ``content`` lacks.
    """
    return _environment().get_template(template).render(content)


def render_scripted(template: str, script: str, data: object, /, **content: object) -> str:
    """A page with one script and its data; no other script may run in it.

    The script is named like a template.  The template uses ``data`` (embedded as JSON), ``script``
    and ``script_hash``.
    """
    text = resource(script)
    return render(
        template,
        data=_embedded(data),
        script=text,
        script_hash=base64.b64encode(hashlib.sha256(text.encode()).digest()).decode(),
        **content,
    )


def _embedded(data: object) -> str:
    """JSON that cannot end the HTML element around it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def resource(name: str) -> str:
    """Text of a file in a package's folder ``templates``, named as in :func:`render`."""
    package, _, file = name.partition("/")
    return resources.files(package).joinpath("templates", file).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
