"""What every command needs: the workspace of the command line's options, and stdout and stderr kept apart."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from reconciler import render
from reconciler.cli.options import Globals
from reconciler.errors import InputError, UsageError
from reconciler.render.terminal import Style
from reconciler.state import Address, Resource
from reconciler.workspace import Workspace, open_workspace


def workspace(options: Globals) -> Workspace:
    """The workspace that the global options name. Raises ConfigError."""
    return open_workspace(options.config, environment=options.env)


def style(options: Globals, stream: Any = None, *, strict: bool = False) -> Style:
    """How to render for stdout, or for another stream: with colour and the width of a terminal, if it is one."""
    target = sys.stdout if stream is None else stream
    width = shutil.get_terminal_size((100, 24)).columns if target.isatty() else 100
    return Style(options.color(target), max(width, 40), strict)


def answer(text: str) -> None:
    """Data, to stdout."""
    click.echo(text, color=True)


def say(text: str) -> None:
    """Talk, to stderr."""
    click.echo(text, err=True, color=True)


def answer_json(data: Mapping[str, Any]) -> None:
    """One JSON object, to stdout."""
    answer(json.dumps({"format_version": "1.0", **data}, ensure_ascii=False, indent=2))


@dataclass(frozen=True, slots=True)
class Outputs:
    """`--format` and `--output FORMAT=FILE`: one answer in several formats. Checked before any work is done."""

    family: Mapping[str, str]
    main: str
    files: tuple[tuple[str, Path], ...]

    @classmethod
    def parse(cls, family: Mapping[str, str], main: str, outputs: Sequence[str]) -> Outputs:
        """Raises UsageError where an output is not FORMAT=FILE with a format of the family."""
        files = []
        for text in outputs:
            name, _, file = text.partition("=")
            if name not in family or not file:
                raise UsageError(f"--output {text!r} is not FORMAT=FILE", hint=f"the formats here: {', '.join(family)}")
            files.append((name, Path(file)))
        return cls(family, main, tuple(files))

    def write(self, value: Any, options: Globals, *, strict: bool = False) -> None:
        """The answer to stdout and to every file. Raises InputError where a file cannot be written."""
        answer(self.text(self.main, value, style(options, strict=strict)))
        for name, file in self.files:
            write_text(file, self.text(name, value, Style(color=False)) + "\n")

    def text(self, name: str, value: Any, how: Style) -> str:
        rendered: str = render.load(self.family[name])(value, how)
        return rendered


def write_text(path: Path, text: str) -> None:
    """Writes a file. Raises InputError, with the path, where it cannot."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error


def read_file(path: Path, limit: int) -> str:
    """A file's text. Raises InputError where it is missing, no regular file, too large or not UTF-8."""
    try:
        if not path.is_file():
            raise InputError(f"{path} is missing, or not a regular file")
        if path.stat().st_size > limit:
            raise InputError(f"{path} is larger than {limit // 1024 // 1024} MiB")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text") from error


def one(key: str, resources: Iterable[Resource]) -> Resource:
    """The one stored object that a key or an address names. Raises InputError for none, UsageError for several."""
    every = list(resources)
    found = [resource for resource in every if key in (str(resource.address), resource.address.key)]
    exact = [resource for resource in found if str(resource.address) == key]
    found = exact or found
    if not found:
        raise InputError(f"no registry holds {key!r}", hint="`reconciler list` shows what there is")
    if len(found) > 1:
        raise UsageError(f"{key!r} names {len(found)} objects: {_listed(resource.address for resource in found)}", hint="give the address")
    return found[0]


def _listed(addresses: Iterable[Address]) -> str:
    return ", ".join(sorted(map(str, addresses)))


def confirmed(question: str) -> bool:
    """Asks on stderr. False for no; the answer must be typed."""
    return click.confirm(question, default=False, err=True)


def has_terminal() -> bool:
    return sys.stdin.isatty()


def stdin_bytes() -> bytes:
    return sys.stdin.buffer.read()
