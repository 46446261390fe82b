"""Values in, text out: one module per format, named here and imported only when asked for.

A function of the validation family takes `(Validation, Style)`, of the plan and drift families `(Plan, Style)`, of
the report family `(Report, Style)`. All return text without a last newline; none prints, reads a clock or a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

VALIDATION: Final[Mapping[str, str]] = {
    "text": "reconciler.render.validation_text:render",
    "json": "reconciler.render.validation_json:render",
    "github": "reconciler.render.github:render",
    "sarif": "reconciler.render.sarif:render",
    "junit": "reconciler.render.junit:render",
    "codequality": "reconciler.render.codequality:render",
    "html": "reconciler.render.html.validation:render",
}
REPORTS: Final = frozenset(
    {"github", "sarif", "junit", "codequality"}
)  # formats of `validate` that other programs take errors from, too
PLAN: Final[Mapping[str, str]] = {
    "text": "reconciler.render.plan_text:plan",
    "json": "reconciler.render.plan_json:render",
    "markdown": "reconciler.render.plan_markdown:plan",
    "html": "reconciler.render.html.plan:plan",
}
DRIFT: Final[Mapping[str, str]] = {
    "text": "reconciler.render.plan_text:drift",
    "json": "reconciler.render.plan_json:render",
    "markdown": "reconciler.render.plan_markdown:drift",
    "html": "reconciler.render.html.plan:drift",
}
REPORT: Final[Mapping[str, str]] = {
    "text": "reconciler.render.report_text:render",
    "json": "reconciler.render.report_json:render",
    "markdown": "reconciler.render.report_markdown:render",
    "html": "reconciler.render.html.report:render",
}
COMPARISON: Final[Mapping[str, str]] = {
    "text": "reconciler.render.comparison:render_text",
    "json": "reconciler.render.comparison:render_json",
    "markdown": "reconciler.render.comparison:render_markdown",
}


def load(spec: str) -> Callable[..., Any]:
    """The function that `module:function` names. Raises ImportError or AttributeError where there is none."""
    module, _, name = spec.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found
