"""The page of the Python interface: every public name with the first sentence of its docstring."""

from __future__ import annotations

import inspect
from typing import Any

from markdown import cell, code, page, paragraph, sentence, table

import reconciler
from reconciler.project.explain.fields import first_paragraph


def python_page() -> str:
    """Functions with their signatures, then classes, then constants."""
    names = {name: getattr(reconciler, name) for name in sorted(reconciler.API)}
    functions = {name: value for name, value in names.items() if inspect.isfunction(value)}
    classes = {name: value for name, value in names.items() if inspect.isclass(value)}
    others = names.keys() - functions.keys() - classes.keys()
    intro = "What `import reconciler` offers. [Python](../python.md) shows it in use."
    blocks = [paragraph(intro), "## Functions"]
    for name, function in functions.items():
        blocks += [f"### {name}", f"```text\n{_signature(name, function)}\n```", paragraph(_told(function))]
    blocks += [
        "## Classes",
        table(["Name", "Is"], ([_anchored(name), cell(_told(value))] for name, value in classes.items())),
    ]
    blocks += [
        "## Values",
        table(["Name", "Is"], ([_anchored(name), cell(_constant(names[name]))] for name in sorted(others))),
    ]
    return page("Python interface", *blocks)


def _signature(name: str, function: Any) -> str:
    """How it is called, each parameter on a line of its own where all of them are too long for one."""
    signature = inspect.signature(function)
    inner = getattr(function, "__wrapped__", function)
    managed = inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner)
    word = "async " if inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner) else ""
    result = str(signature.return_annotation)
    call = f"{word}{'with ' if managed else ''}{name}"
    given = result.partition("[")[2].removesuffix("]") if managed else result
    end = f" as {given}" if managed else f" -> {given}"
    parameters: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not any(one.startswith("*") for one in parameters):
            parameters.append("*")
        parameters.append(_parameter(parameter))
    short = f"{call}({', '.join(parameters)}){end}"
    return short if len(short) <= 100 else "\n    ".join([f"{call}(", *(f"{one}," for one in parameters)]) + f"\n){end}"


def _parameter(parameter: inspect.Parameter) -> str:
    star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
    text = f"{star}{parameter.name}: {parameter.annotation}"
    if parameter.default is parameter.empty:
        return text
    plain = parameter.default is None or isinstance(parameter.default, str | int | float | bool)
    return f"{text} = {parameter.default!r}" if plain else f"{text} = {type(parameter.default).__name__}()"


def _told(value: Any) -> str:
    return sentence(first_paragraph(inspect.getdoc(value) or ""))


def _constant(value: Any) -> str:
    return sentence(first_paragraph(type(value).__doc__ or ""))


def _anchored(name: str) -> str:
    return f'<a id="{name}"></a>{code(name)}'
