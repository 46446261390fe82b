"""CEL expressions: compiled once, judged for each case. Runs in the process that is bounded, and only there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cel_expr_python import cel
from cel_expr_python.ext import ext_strings

from reconciler.manifest.policies.verdicts import TOO_MUCH, Failed, Unusable

VARIABLES: Final = {
    "object": cel.Type.DYN,
    "manifest": cel.Type.DYN,
    "registry": cel.Type.STRING,
    "environment": cel.Type.STRING,
}
_FOREIGN: Final = (RuntimeError, ValueError, TypeError, OverflowError, MemoryError)  # what the library raises
_ERROR: Final = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.+)")
_NOISE: Final = re.compile(r" \(in container ''\)| expecting \{.*| when parsing\b.*")
_NOT_FOUND: Final = re.compile(r'Key not found in map : "(.*)"', re.DOTALL)
_OVERLOAD: Final = re.compile(r"No matching overloads found : ([^\s\"'][^\n\"']*)")  # names and types, no values
_INT64: Final = 2**63


@dataclass(frozen=True)
class Expression:
    """A compiled expression, with its text."""

    text: str
    program: Any

    def broken(self, case: Mapping[str, Any]) -> list[str] | Failed | None:
        """An empty list of pointers where the expression is false, None where it is true, Failed where it is neither."""
        try:
            result = self.program.eval(data=plain(case))
            kind, value = result.type(), result.plain_value()
        except MemoryError:
            return Failed(TOO_MUCH)
        except _FOREIGN as error:
            return _failed(str(error), self.text)
        if kind == cel.Type.ERROR:
            return _failed(str(value), self.text)
        if kind != cel.Type.BOOL:
            return Failed(f"it gives {_named(kind)}, where true or false is needed")
        return None if value else []


def compiled(text: str) -> Expression | list[Unusable]:
    """The expression, or all that is wrong with it, at lines and columns of its own from 1."""
    environment = cel.NewEnv(variables=VARIABLES, extensions=[ext_strings.ExtStrings()])
    try:
        program = environment.compile(text)
        kind = program.return_type()
    except _FOREIGN as error:
        return _unusable(str(error))
    if kind not in (cel.Type.BOOL, cel.Type.DYN):
        return [Unusable(f"it gives {_named(kind)}, where true or false is needed", line=1, column=1)]
    return Expression(text, program)


def plain(value: Any) -> Any:
    """JSON data as CEL takes it: integers beyond 64 bits as doubles, halves of surrogate pairs replaced."""
    if isinstance(value, dict):
        return {plain(name): plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, int) and not isinstance(value, bool) and not -_INT64 <= value < _INT64:
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    return value


def _unusable(text: str) -> list[Unusable]:
    found = [
        Unusable(_NOISE.sub("", message).strip(), line=max(int(line), 1), column=max(int(column), 1))
        for line, column, message in _ERROR.findall(text)
    ]
    return found or [Unusable(text.split("\n", maxsplit=1)[0].partition(" [")[0], line=1, column=1)]


def _failed(text: str, expression: str) -> Failed:
    """Why an expression has no value. The library's texts may quote values, which may be anything, so they are not repeated."""
    missing = _NOT_FOUND.search(text)
    if missing is not None:
        name = missing[1]
        # a name that the expression does not write was made of values
        shown = name if name and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", expression) else ""
        return Failed(f"there is no {shown!r}" if shown else "a member is not there", missing=shown)
    if "Iteration budget" in text:
        return Failed("it needs more than the 10,000 steps that an expression may take")
    overload = _OVERLOAD.search(text)
    if overload is not None:
        return Failed(f"values are of the wrong types: {overload[1]}")
    if "Index error" in text or "out of bound" in text.lower():
        return Failed("an index is beyond the end of its list")
    return Failed("a value is not what the expression takes it for")


def _named(kind: Any) -> str:
    return f"a value of the type {kind.name().lower().partition('<')[0]}"
