"""How NeMo Platform writes things down: names, and the forms in which it gives back what it was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from reconciler.core.schema.types import END, sensitive_header
from reconciler.core.secret_names import refuses_credentials
from reconciler.registry.driver import Cel, KeyRule, is_reference

LONGEST_NAME: Final = 63
MARK: Final = "reconciler"  # the member of a model's custom_fields that holds our mark

# the entity store's rule, and for everything of the models service its own on top
STORE_NAME: Final = r"[a-z](?!.*--)[a-z0-9\-@.+_]{1,62}(?<!-)"
_COMMENT: Final = re.compile(r"\{#.*?#\}", re.DOTALL)
# with the white space that `-` in it takes away
_EXPRESSION: Final = re.compile(r"(?:\s*\{\{-|\{\{)(?:.*?)(?:-\}\}\s*|\}\})", re.DOTALL)
_AUTH_SECRET: Final = re.compile(r"\bauth_secret\b")
_ALONE: Final = re.compile(r"\{\{-?\s*([A-Za-z_]\w*)\s*-?\}\}")  # an expression that is one variable
_LIMITS: Final = ("max_tokens", "max_completion_tokens")
_FORM: Final = (
    "it must be 2 to 63 lower-case letters, digits, {}, begin with a letter, and have no '--' and no '-' at the end"
)
# asked before anything is sent: some names the server stores and then cannot read any more
NAME_RULE: Final = KeyRule(r"^[a-z](?!.*--)[a-z0-9\-._]{1,62}(?<!-)" + END, _FORM.format("'-', '.' and '_'"))
# workspaces and projects also take '@' and '+'
STORE_RULE: Final = KeyRule(f"^{STORE_NAME}{END}", _FORM.format("'-', '.', '_', '@' and '+'"))


def elsewhere(name: str) -> bool:
    """Whether a name leads into another workspace: `workspace/name`."""
    return "/" in name


def _read_url(text: str) -> Any:
    """The URL, as pydantic reads it, which is imported where there is one. Raises its ValidationError, which is a ValueError."""
    return import_module("pydantic").AnyUrl(text)


def canonical_url(value: Any) -> Any:
    """The server reads URLs with pydantic, and so do we: lower-case host, no default port, a slash behind a bare host."""
    try:
        return str(_read_url(value)) if isinstance(value, str) else value
    except ValueError:
        return value


def or_absent(value: Any) -> Any:
    """None for what the server cannot tell from absent: empty text, an empty list, a map without anything in it."""
    if isinstance(value, Mapping):
        kept = {name: inner for name, item in value.items() if (inner := _kept(item)) is not None}
        return kept or None
    return None if value in ("", []) else value


def _kept(value: Any) -> Any:
    return or_absent(value) if isinstance(value, Mapping) else value


def map_or_absent(value: Any) -> Any:
    """None for an empty map; what is in it is the user's, nulls included."""
    return None if value == {} else value


def refuses_mark(fields: Any) -> str | None:
    """custom_fields holds our mark, which no manifest may set."""
    if isinstance(fields, Mapping) and MARK in fields:
        return f"holds the member {MARK!r}, in which reconciler keeps whose the model is: call it something else"
    return None


def refuses_tokens(params: Any) -> str | None:
    """The server takes only one of the two limits of an answer."""
    both = isinstance(params, Mapping) and all(params.get(name) is not None for name in _LIMITS)
    return f"holds both {' and '.join(_LIMITS)}: the server takes only one of them" if both else None


ONE_LIMIT: Final = Cel(f"!({' && '.join(f'has(self.{name})' for name in _LIMITS)})")


def refuses_user_info(url: Any) -> str | None:
    """The server takes any text for a URL, and shows it to everybody."""
    refused = refuses_credentials(url if not isinstance(url, str) or "://" in url else f"x://{url}")
    return None if refused is None else f"{refused}: name a secret in api_key_secret_name"


def refuses_url(url: Any) -> str | None:
    """What the server takes for no URL, or would show to everybody. It reads with pydantic, and so do we."""
    if isinstance(url, str):
        try:
            _read_url(url)
        except ValueError as error:
            told = getattr(error, "errors", None)
            first = told(include_url=False, include_input=False)[0] if told is not None else {}
            why = first.get("ctx", {}).get("error", "it cannot be read")
            return f"is no URL ({why}): write all of it, such as https://llm.example.com/v1"
    return refuses_user_info(url)


def refuses_auth_format(form: Any) -> str | None:
    """Why the server would refuse a Jinja template of a header, as far as that can be told without Jinja."""
    if not isinstance(form, str):
        return None
    plain = _COMMENT.sub("", form)
    if len(_AUTH_SECRET.findall(plain)) != 1 or any(name != "auth_secret" for name in _ALONE.findall(plain)):
        return "must have exactly one variable, `{{ auth_secret }}`, as in 'x-api-key: {{ auth_secret }}'"
    name, separator, value = _EXPRESSION.sub("x", plain).partition(": ")
    if "{%" not in plain and not ("{{" not in name + value and separator and name.strip() and value.strip()):
        return "must give `Name: value`, with a space after the colon, as in 'x-api-key: {{ auth_secret }}'"
    return None


AUTH_FORMAT: Final = Cel("self.contains('auth_secret') || self.contains('${')", whole=False)


def refuses_tool_choice(choice: Any) -> str | None:
    """The server takes a word or a map."""
    return None if choice is None or isinstance(choice, str | Mapping) else "must be a word, such as auto, or a map"


SENT_HEADERS: Final = Cel("self.all(name, !(name.lowerAscii() in ['authorization', 'cookie']))", whole=False)


def refuses_headers(headers: Any) -> str | None:
    """The server refuses some headers, and shows all the others to everybody."""
    if not isinstance(headers, Mapping):
        return None
    forbidden = [name for name in headers if name.lower() in ("authorization", "cookie")]
    if forbidden:
        return f"cannot hold {', '.join(forbidden)}: the server refuses it; name a secret in api_key_secret_name"
    raw = [name for name, value in headers.items() if is_reference(value) and not sensitive_header(name)]
    if raw:
        return f"would show the secret in {', '.join(raw)} to everybody who may read the provider"
    return None
