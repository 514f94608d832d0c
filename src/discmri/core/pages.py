"""Pages for a person: HTML with styles and pictures inside, nothing from the network.

A template extends ``discmri.core/page.html.j2``, which holds the head and the styles that all
pages share, and fills its blocks ``title``, ``style`` and ``body``.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, /, **content: object) -> str:
    """A page as HTML, every text from the input escaped.

    Parameters
    ----------
    template
        Package and file of its folder ``templates``, such as ``discmri.trial/report.html.j2``.
    content
        What the template names.

    Raises
    ------
    jinja2.UndefinedError
        Where the template names what ``content`` does not hold.
    """
    return _environment().get_template(template).render(content)


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
