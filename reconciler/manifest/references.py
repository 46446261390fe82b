"""References in manifests: `${var:NAME}`, `${file:path}` and, in secret fields, `${env:NAME}` and `${cmd:NAME/REST}`.

A secret field keeps its reference; everything else is replaced here. `${env:…}` outside secret fields is an error, so
that no pull request can print a CI secret. `$${` is a plain `${`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, Final

from reconciler.core import document, presence
from reconciler.core import pointer as pointers
from reconciler.core.errors import Problem
from reconciler.core.rules import OPAQUE, Node, WriteOnly
from reconciler.core.schema.findings import Finding, nearest
from reconciler.core.schema.types import Resolved
from reconciler.core.secret_commands import command_of, wrong_form
from reconciler.core.spec import REFERENCE
from reconciler.manifest.private_files import private_content, private_name

_TOKEN: Final = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_BARE: Final = (int, float, NoneType)  # bool is an int
_UNTOUCHED: Final = re.compile(r"/(?:kind|key|\$schema|registries/[^/]+/key)")
_PRIVATE: Final = "private-file"
_PRIVATE_WAY_OUT: Final = (
    "a credential goes into a secret field, such as api_key; other text into a file that is not hidden"
)
# Neither says what was found: who writes `${env:NAME:-default}` may have written a secret down.
_DEFAULT: Final = "a reference takes a name and no default"
_BAD_VARIABLE: Final = f"{_DEFAULT}: ${{env:NAME}}, where NAME is letters, digits and '_', and begins with no digit"


@dataclass(frozen=True, slots=True)
class Scope:
    """The scope of references: `folder` is the manifest's own, for relative paths.

    No path leaves the project `root`. `commands` are the names of the secret commands; None where they are not to be looked up.
    """

    root: Path
    folder: str
    variables: Mapping[str, str]
    files: dict[Path, str | Problem] = field(default_factory=dict)  # texts read so far, shared by one load
    commands: frozenset[str] | None = None


def escape(text: str) -> str:
    """Plain text as it must be written in a manifest, so that nothing in it reads as a reference."""
    return text.replace("${", "$${")


def resolve(data: Any, node: Node, scope: Scope) -> tuple[Any, list[Finding]]:
    """`data` with its references resolved, and what is wrong with them. The findings' pointers lead into `data`."""
    found: list[Finding] = []
    return _walk(data, node, (), scope, found), found


def _walk(value: Any, node: Node, path: tuple[str, ...], scope: Scope, found: list[Finding]) -> Any:
    """The value with its references resolved: the very same object where there are none, which most values are."""
    if isinstance(value, str):
        return _string(value, node, path, scope, found) if "${" in value else value
    if isinstance(value, dict):
        new = {}
        for name, item in value.items():
            if ("${" not in item) if item.__class__ is str else isinstance(item, _BARE):
                continue
            resolved = _walk(item, node.child(name) or OPAQUE, (*path, name), scope, found)
            if resolved is not item:
                new[name] = resolved
        return {**value, **new} if new else value
    if isinstance(value, list):
        if all(item.__class__ is str and "${" not in item for item in value):
            return value
        each = node.each or OPAQUE
        items = [_walk(item, each, (*path, str(place)), scope, found) for place, item in enumerate(value)]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def _string(value: str, node: Node, path: tuple[str, ...], scope: Scope, found: list[Finding]) -> str:
    where = pointers.join(path)
    if _UNTOUCHED.fullmatch(where):
        return value
    secret = node.rule(WriteOnly)
    if secret is not None and REFERENCE.fullmatch(value):
        return _secret(value, where, scope, found)
    if secret is not None and _holds_secret(value):
        message = (
            "a secret is one whole reference, ${env:NAME}, ${file:path} or ${cmd:NAME/REST}, with nothing around it"
        )
        found.append(Finding("secret-reference", message, where))
        return value
    text = _text(value, where, scope, found)
    if secret is not None and REFERENCE.fullmatch(text):
        message = "plain text of this form could not be told from a secret: a header cannot hold it"
        found.append(Finding("bad-reference", message, where))
    return text


def _holds_secret(value: str) -> bool:
    return any(
        match[1] is not None and match[1].startswith(("env:", "file:", "cmd:")) for match in _TOKEN.finditer(value)
    )


def _secret(value: str, where: str, scope: Scope, found: list[Finding]) -> str:
    """The reference as the rest of the program knows it: paths are relative to the project root there."""
    scheme, _, name = value[2:-1].partition(":")
    if scheme == "env":
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            found.append(Finding("bad-reference", _BAD_VARIABLE, where))
        return value
    if scheme == "cmd":
        found.extend(command_findings(value, where, scope.commands))
        return value
    if ":-" in name:
        found.append(Finding("bad-reference", _DEFAULT, where))
        return value
    path = _inside(name, where, scope, found)
    if path is None:
        return value
    if not presence.is_file(path):
        found.append(Finding("missing-file", f"{value}: there is no such file, or it is no regular one", where))
    return "${file:" + path.relative_to(scope.root).as_posix() + "}"


def command_findings(value: str, where: str, known: Collection[str] | None) -> Iterator[Finding]:
    """Find what is wrong with a reference to a secret command, of which `known` has the names, if anybody knows them. Nothing is run."""
    wrong = wrong_form(value)
    if wrong is not None:
        yield Finding("bad-reference", wrong, where)
    elif known is not None and (name := command_of(value)) not in known:
        message = f"`secret_commands` in reconciler.yaml has no {name!r}"
        yield Finding("unknown-command", message, where, suggestion=nearest(name, known))


def _text(value: str, where: str, scope: Scope, found: list[Finding]) -> str:
    whole = _TOKEN.fullmatch(value)
    parts: list[str] = []
    last = 0
    for match in _TOKEN.finditer(value):
        parts.append(value[last : match.start()])
        last = match.end()
        if match[0] == "$${":
            parts.append("${")
        elif match[1] is None:
            found.append(
                Finding("bad-reference", "'${' opens a reference that is not closed: write $${ for a plain ${", where)
            )
        else:
            parts.append(_referenced(match[1], where, scope, found))
    text = "".join([*parts, value[last:]])
    return Resolved(text) if whole is not None and whole[1] is not None else text


def _referenced(body: str, where: str, scope: Scope, found: list[Finding]) -> str:
    scheme, _, name = body.partition(":")
    if ":-" in name and scheme in ("var", "file"):
        found.append(Finding("bad-reference", _DEFAULT, where))
        return ""
    if scheme == "var" and name:
        return _variable(name, where, scope, found)
    if scheme == "file" and name:
        return _file(name, where, scope, found)
    if scheme == "env":
        message = "${env:…} is for secret fields only: anywhere else a pull request could print a secret"
        found.append(
            Finding("env-outside-secret", message, where, suggestion="${var:NAME} with `variables` in reconciler.yaml")
        )
    elif scheme == "cmd":
        message = (
            "${cmd:…} is for secret fields only, as their whole value: anywhere else a plan would print the secret"
        )
        found.append(Finding("command-outside-secret", message, where))
    else:
        message = (
            "a reference is ${var:NAME}, ${file:path} or, in a secret field, ${env:NAME} or ${cmd:NAME/REST}; "
            "write $${ for a plain ${"
        )
        found.append(Finding("bad-reference", message, where))
    return ""


def _variable(name: str, where: str, scope: Scope, found: list[Finding]) -> str:
    if name in scope.variables:
        return scope.variables[name]
    message = f"the variable {name!r} is not set: add it to `variables` in reconciler.yaml"
    found.append(Finding("unset-variable", message, where, suggestion=nearest(name, scope.variables)))
    return ""


def _file(name: str, where: str, scope: Scope, found: list[Finding]) -> str:
    path = _inside(name, where, scope, found)
    if path is None:
        return ""
    private = _private_path(name, path, scope)
    text = _private(private) if private is not None else _text_of(path, scope)
    if not isinstance(text, Problem):
        return text
    if text.rule == _PRIVATE:
        message = f"${{file:{name}}} is not read into this field, which plans and logs show: {text.message}"
        found.append(Finding(_PRIVATE, message, where, suggestion=_PRIVATE_WAY_OUT))
    else:
        found.append(Finding("missing-file", f"${{file:{name}}}: {text.message}", where))
    return ""


def _text_of(path: Path, scope: Scope) -> str | Problem:
    """The text of a file, read once for all references to it, with LF ends on every machine, however git checked it out."""
    if path not in scope.files:
        text = document.read_text(path, path.name)
        if isinstance(text, str):
            private = private_content(text)
            text = document.lf_only(text) if private is None else _private(private)
        scope.files[path] = text
    return scope.files[path]


def _private(why: str) -> Problem:
    return Problem("", 1, 1, _PRIVATE, why)


def _private_path(name: str, path: Path, scope: Scope) -> str | None:
    """The reason why a file must not be read, by the names on its path, as it is written and as links lead; or None."""
    written = Path(os.path.abspath(os.path.join(scope.folder, name)))
    root = Path(os.path.abspath(scope.root))
    by_name = private_name(written, root) if written.is_relative_to(root) else None
    return by_name or private_name(path, scope.root)


def _inside(name: str, where: str, scope: Scope, found: list[Finding]) -> Path | None:
    """The real path that `name` leads to, or None where it leaves the project."""
    try:
        path = Path(os.path.realpath(os.path.join(scope.folder, name)))
    except ValueError:  # a NUL in the name
        found.append(Finding("bad-reference", "that is not the name of a file: it holds a NUL", where))
        return None
    if path.is_relative_to(scope.root):
        return path
    found.append(
        Finding(
            "file-outside-project", f"${{file:{name}}} leads outside the project, the folder of reconciler.yaml", where
        )
    )
    return None
