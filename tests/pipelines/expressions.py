"""GitHub's expressions, as far as our workflows use them: `${{ … }}` in values, and the condition of an `if`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*)|(?P<sign>&&|\|\||==|!=|!|[(),]))"
)
_SIGNS: Final = {"&&": " and ", "||": " or ", "!": " not "}
_STATUS: Final = ("always()", "success()", "failure()", "cancelled()")


def value(expression: str, contexts: Mapping[str, Any], status: str = "success") -> Any:
    """What an expression is worth. What no context holds is an empty text, as on GitHub; an unknown token is a failed test."""
    functions = {
        "contains": lambda whole, part: part in whole,
        "fromJSON": json.loads,
        "always": lambda: True,
        "success": lambda: status == "success",
        "failure": lambda: status == "failure",
        "cancelled": lambda: False,
    }
    source, place = "", 0
    text = expression.strip()
    while place < len(text):
        token = _TOKEN.match(text, place)
        assert token is not None, f"no expression: {text[place:]!r}"
        place = token.end()
        if token["text"] is not None:
            source += repr(token["text"][1:-1].replace("''", "'"))
        elif token["sign"] is not None:
            source += _SIGNS.get(token["sign"], token["sign"])
        elif token["name"] in functions:
            source += f"functions[{token['name']!r}]"
        else:
            source += f"look({token['name']!r})"
    return eval(source, {"__builtins__": {}}, {"functions": functions, "look": lambda name: _look(name, contexts)})


def _look(name: str, contexts: Mapping[str, Any]) -> Any:
    found: Any = contexts
    for part in name.split("."):
        found = found.get(part, "") if isinstance(found, Mapping) else ""
    return found


def condition(expression: str | None, contexts: Mapping[str, Any], status: str = "success") -> bool:
    """Whether a job or step runs: without a function that looks at the status, only after success."""
    plain = (expression or "").strip().removeprefix("${{").removesuffix("}}").strip()
    if not any(word in plain for word in _STATUS) and status != "success":
        return False
    return not plain or bool(value(plain, contexts, status))


def filled(text: str, contexts: Mapping[str, Any]) -> str:
    """A text with its `${{ … }}` replaced. A boolean is `true` or `false`."""

    def worth(match: re.Match[str]) -> str:
        found = value(match[1], contexts)
        return json.dumps(found) if isinstance(found, bool) else str(found)

    return re.sub(r"\$\{\{(.*?)\}\}", worth, text)
