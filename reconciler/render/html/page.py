"""The page that every report is: templates in which each value is escaped, our own style and script, and nothing else.

The policy in the page's head forbids all that is not ours by its hash: no value, however hostile, can run or load anything.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reconciler import __version__
from reconciler.render import escape

_PACKAGE: Final = "reconciler.render.html"
_ANCHOR: Final = "/:@!$&'()*+,;=-._~"  # what a fragment may hold as it is
# before anything is shown: with a script, rows are closed until they are asked for
_MARK: Final = 'document.documentElement.className = "js";'


def safe(value: object) -> Markup:
    """Any value as HTML for an element or a quoted attribute. Only what this module made is taken as it is."""
    return value if isinstance(value, Markup) else Markup(escape.html(str(value)))  # noqa: S704 -- escaped just now


def lines(texts: Iterable[str]) -> Markup:
    """Texts as the lines of an element that keeps its line breaks."""
    return Markup("\n").join(map(safe, texts))


def anchor(name: str) -> str:
    """The id of what has this name: the name itself, without the spaces that no id may hold."""
    return escape.printable(name).replace(" ", "\u00b7") or "\u00b7"


def link(name: str) -> str:
    """The link to what has this name, in the same page."""
    return "#" + quote(anchor(name), safe=_ANCHOR)


def render(template: str, **values: Any) -> str:
    """Render a template with these values, without a last newline."""
    mark = Markup(_MARK)  # noqa: S704 -- our own text
    style, script = _asset("report.css"), _asset("report.js")
    policy = f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(mark)} {_digest(script)}; base-uri 'none'; form-action 'none'"
    page = _environment().get_template(template)
    return page.render(style=style, mark=mark, script=script, policy=policy, version=__version__, **values).rstrip("\n")


def fragment(template: str, **values: Any) -> str:
    """Render a template that is a part of somebody else's page, without a last newline."""
    return _environment().get_template(template).render(**values).rstrip("\n")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        finalize=safe,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(lines=lines, anchor=anchor, link=link)
    return environment


@cache
def _asset(name: str) -> Markup:
    """A file of ours, as it stands in the page."""
    return Markup((resources.files(_PACKAGE) / "templates" / name).read_text("utf-8"))  # noqa: S704 -- our own file


def _digest(text: str) -> Markup:
    """The source expression of the policy that allows this text alone."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return Markup(f"'sha256-{digest}'")  # noqa: S704 -- base64
