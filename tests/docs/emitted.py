"""The words that the code can give to a problem, a guard or an outcome, read from its syntax trees.

A word counts where a literal is passed for it: to a callable that the test names, or to any function or class of the same folder
with a parameter of that name. A value that is no literal comes from elsewhere, and the test says which of these it knows.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

PACKAGE: Final = Path(__file__).resolve().parents[2] / "reconciler"


class Passed(NamedTuple):
    """A value that is passed for a word: `word` is None where it is no literal, and `expression` says what it is."""

    word: str | None
    expression: str
    place: str


def modules(folder: Path = PACKAGE) -> Iterator[tuple[str, ast.Module]]:
    """Each module of a folder by its path from the project's root."""
    for path in sorted(folder.rglob("*.py")):
        yield path.relative_to(PACKAGE.parent).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def passed(parameter: str, takers: Mapping[str, int]) -> list[Passed]:
    """Every value passed for `parameter`: to `takers`, each with its position, and to what takes it in the same folder."""
    trees = dict(modules())
    folders: dict[str, dict[str, int]] = {}
    for path, tree in trees.items():
        folders.setdefault(path.rpartition("/")[0], {}).update(_callables(tree, parameter))
    return [
        value
        for path, tree in trees.items()
        for value in _values(path, tree, parameter, {**folders[path.rpartition("/")[0]], **takers})
    ]


def _callables(tree: ast.Module, parameter: str) -> Iterator[tuple[str, int]]:
    """The functions and classes that take a text of that name, and its position in a call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            names = [
                field.target.id
                for field in node.body
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            ]
            if parameter in names:
                yield node.name, names.index(parameter)
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                    yield from ((node.name, place) for place in _position(method, parameter))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name != "__init__":
            yield from ((node.name, place) for place in _position(node, parameter))


def _position(function: ast.FunctionDef | ast.AsyncFunctionDef, parameter: str) -> Iterator[int]:
    arguments = [*function.args.posonlyargs, *function.args.args]
    bound = bool(arguments) and arguments[0].arg in ("self", "cls")
    for place, argument in enumerate(arguments):
        if argument.arg == parameter and argument.annotation is not None and ast.unparse(argument.annotation) == "str":
            yield place - bound


def _values(path: str, tree: ast.Module, parameter: str, takers: Mapping[str, int]) -> Iterator[Passed]:
    named = _named(tree)
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name not in takers:
            continue
        given = [keyword.value for keyword in call.keywords if keyword.arg == parameter]
        if takers[name] < len(call.args):
            given.append(call.args[takers[name]])
        for value in given:
            for option in _options(value, named):
                literal = option.value if isinstance(option, ast.Constant) and isinstance(option.value, str) else None
                yield Passed(literal, ast.unparse(option), f"{path}:{call.lineno}")


def _named(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """What a module's constants are, and what its functions return, by name."""
    found: dict[str, list[ast.expr]] = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = [node.value]
        elif isinstance(node, ast.FunctionDef):
            returned = [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return)]
            found[node.name] = [value for value in returned if value is not None]
    return found


def _options(value: ast.expr, named: Mapping[str, list[ast.expr]]) -> Iterator[ast.expr]:
    """What a value may be: both sides of `a if b else c`, a constant of the module, what a function of it returns."""
    name = value.func if isinstance(value, ast.Call) else value
    known = named.get(name.id, []) if isinstance(name, ast.Name) else []
    if isinstance(value, ast.IfExp):
        yield from (*_options(value.body, named), *_options(value.orelse, named))
    elif known:
        for option in known:
            yield from _options(option, named)
    else:
        yield value


def literals(folder: Path) -> dict[str, str]:
    """Every literal text in the code of a folder but its docstrings, with one place where it stands."""
    found: dict[str, str] = {}
    for path, tree in modules(folder):
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        annotated = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose | annotated:
                found.setdefault(node.value, f"{path}:{node.lineno}")
    return found
