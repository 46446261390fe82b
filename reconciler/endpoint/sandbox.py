"""Renders one template, as a process of its own: `python -m reconciler.endpoint.sandbox`, a request as JSON on stdin, the result as JSON on stdout.

jinja2's sandbox keeps a template from Python's insides, but not from endless loops or from filling the memory. A process can be
bounded in both, and has neither our environment nor our secrets.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

from jinja2 import TemplateError
from jinja2.sandbox import SandboxedEnvironment

from reconciler.core.bounded_process import bound

SECONDS: Final = 2  # of work
MEMORY: Final = 1024 * 1024 * 1024  # bytes
LARGEST: Final = 4 * 1024 * 1024  # characters of a result


def _tojson(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _json_escape(value: Any) -> str:
    """Text as it stands between the quotes of a JSON string."""
    return json.dumps(str(value), ensure_ascii=False)[1:-1]


def _zip(first: Any, *others: Any) -> list[tuple[Any, ...]]:
    return list(zip(first, *others, strict=False))


def _merge(first: Mapping[str, Any], *others: Mapping[str, Any]) -> dict[str, Any]:
    """One map of several; the later ones win."""
    return {name: value for one in (first, *others) for name, value in one.items()}


def _regex_replace(value: Any, pattern: str, replacement: str = "") -> str:
    return re.sub(pattern, replacement, str(value))


FILTERS: Final = {
    "tojson": _tojson,
    "fromjson": json.loads,
    "json_escape": _json_escape,
    "zip": _zip,
    "merge": _merge,
    "regex_replace": _regex_replace,
}


def render(source: str, variables: Mapping[str, Any]) -> dict[str, str]:
    """`{"text": …}`, or `{"error": …}` in words."""
    environment = SandboxedEnvironment(autoescape=False)  # it makes JSON, not HTML
    environment.filters.update(FILTERS)
    parts: list[str] = []
    size = 0
    try:
        for part in environment.from_string(source).generate(**variables):
            size += len(part)
            if size > LARGEST:
                return {"error": f"it makes more than {LARGEST // 1024 // 1024} MiB"}
            parts.append(part)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        return {"error": f"line {line}: {error.message}" if line else str(error.message)}
    except MemoryError:
        return {"error": "it needs too much memory"}
    except RecursionError:
        return {"error": "it calls itself without end"}
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, re.error) as error:
        return {"error": f"{type(error).__name__}: {error}"}  # of what the template does with its variables
    return {"text": "".join(parts)}


def main() -> None:
    """One request, one result."""
    request = json.load(sys.stdin.buffer)
    bound(seconds=SECONDS, memory=MEMORY)
    result = render(request["source"], request["variables"])
    sys.stdout.buffer.write(json.dumps(result).encode("ascii"))


if __name__ == "__main__":
    main()
