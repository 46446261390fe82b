"""Adapters' templates, rendered as AI GO! says that it does: jinja, in a sandbox, with a few filters more."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, Final

import jinja2
from jinja2.sandbox import SandboxedEnvironment


def render(source: str, **variables: Any) -> str:
    """The text that a template gives. Raises ValueError, with the reason, if it gives none."""
    try:
        return _template(source).render(**variables)
    except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"the template cannot be rendered: {error}") from error


def _merge(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {**one, **other}


def _replace(text: str, pattern: str, by: str) -> str:
    return re.sub(pattern, by, text)


def _escape(text: Any) -> str:
    return json.dumps(str(text), ensure_ascii=False)[1:-1]


def _environment() -> SandboxedEnvironment:
    environment = SandboxedEnvironment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True)
    environment.filters |= {
        "tojson": lambda value: json.dumps(value, ensure_ascii=False),
        "fromjson": json.loads,
        "json_escape": _escape,
        "zip": lambda one, other: list(zip(one, other, strict=False)),
        "merge": _merge,
        "regex_replace": _replace,
    }
    return environment


_ENVIRONMENT: Final = _environment()


@lru_cache(maxsize=256)
def _template(source: str) -> jinja2.Template:
    return _ENVIRONMENT.from_string(source)
