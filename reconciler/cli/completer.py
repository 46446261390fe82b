"""Answer a shell that asks what may follow: quickly, and without a word where anything is wrong.

Imported only then: see `completion` for the scripts that ask. click finds out what the cursor is at; the names come from
the manifests and reconciler.yaml.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Final

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from reconciler import render
from reconciler.cli.lazy_group import LazyGroup
from reconciler.cli.main import COMMANDS, COMPLETING, cli
from reconciler.core.providers import NAMES as PROVIDERS
from reconciler.project.explain.fields import children, find
from reconciler.project.explain.find import Explanations
from reconciler.project.known_names import Budget, KnownNames, known_names
from reconciler.project.workspace import Workspace, open_workspace
from reconciler.registry import catalog

SECONDS: Final = 1.0  # for reading manifests
_LAST_SECONDS: Final = 5  # for everything: a shell hangs until there is an answer
_MOST: Final = 1_000  # answers
# what may be put into a command line as it is: nothing in it means anything to a shell
_SAFE: Final = re.compile(r"[\w./:@+,=*-]*")
FILE: Final = "file"


def main() -> int:
    """Print the answer for the shell. Always 0: whoever presses Tab wants no error message."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if hasattr(signal, "alarm"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_LAST_SECONDS)
    try:
        lines = answer(os.environ.get(COMPLETING, ""), os.environ)
    except Exception:  # noqa: BLE001  # broken manifests, a broken driver, a bug: there is nobody to tell
        return 0
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def answer(shell: str, environ: Mapping[str, str]) -> list[str]:
    """The lines for a shell: `plain`, a word and its help, or `file`."""
    text = environ.get("_RECONCILER_WORDS", "")
    if shell == "bash":
        words = split_arg_string(text)
        incomplete = "" if text[-1:].isspace() or not words else words.pop()
    else:
        *words, incomplete = text.split("\n")
    group = _Group("reconciler", table=COMMANDS, params=[_completed(param) for param in cli.params])
    found = ShellComplete(group, {}, "reconciler", COMPLETING).get_completions(words[1:], incomplete)
    if any(item.type in (FILE, "dir") for item in found):
        return [FILE]
    cut = _already_there(incomplete, environ.get("_RECONCILER_BREAKS", "")) if shell == "bash" else ""
    whole = (_whole(item.value, incomplete) for item in found)
    helps = ((item.help or "").replace("\t", " ").replace("\n", " ") for item in found)
    lines = [f"plain\t{word.removeprefix(cut)}\t{said}" for word, said in zip(whole, helps, strict=True)]
    return lines[:_MOST]


def _whole(value: str, incomplete: str) -> str:
    """The value as the whole word that a shell replaces: with the option before it in `--registry=lo`."""
    option, found, typed = incomplete.partition("=")
    return f"{option}={value}" if found and option.startswith("--") and value.startswith(typed) else value


def _already_there(incomplete: str, breaks: str) -> str:
    """The part of a word that bash takes for a word of its own, and does not replace: up to the last `=` or `:`."""
    ends = [incomplete.rfind(char) for char in "=:" if char in breaks]
    return incomplete[: max(ends, default=-1) + 1]


@dataclass(frozen=True)
class Request:
    """What is completed: the context with the parameters given so far, and what stands before the cursor."""

    context: click.Context
    incomplete: str

    def option(self, name: str) -> Any:
        """The value of a global option, wherever it stands."""
        contexts: list[click.Context] = [self.context]
        while contexts[-1].parent is not None:
            contexts.append(contexts[-1].parent)
        return next((one.params[name] for one in contexts if one.params.get(name)), None)

    @property
    def workspace(self) -> Workspace:
        return open_workspace(self.option("config"), environment=self.option("env"))

    @property
    def known(self) -> KnownNames:
        end = time.monotonic() + SECONDS
        return known_names(self.workspace, Budget(goes_on=lambda: time.monotonic() < end))


def _keys(request: Request) -> Iterable[str]:
    """Keys; addresses, which are many, once something is typed."""
    known = request.known
    return [*sorted(known.keys), *(sorted(known.addresses) if request.incomplete else ())]


def _registries(request: Request) -> Iterable[str]:
    return sorted(request.workspace.entries)


def _environments(request: Request) -> Iterable[str]:
    return sorted(open_workspace(request.option("config")).project.environments)


def _kinds(request: Request) -> Iterable[str]:
    drivers = {entry.driver.name: entry.driver for entry in request.workspace.entries.values()}
    kinds = [(name, kind) for name, driver in sorted(drivers.items()) for kind in driver.kinds]
    return dict.fromkeys(["Model", *(kind for _, kind in kinds), *(f"{name}/{kind}" for name, kind in kinds)])


def _selectors(request: Request) -> Iterator[str]:
    """`team=`, then `team=cx`; after a comma once more."""
    before, comma, part = request.incomplete.rpartition(",")
    start = before + comma + ("!" if part.startswith("!") else "")
    for label, values in sorted(request.known.labels.items()):
        if part.removeprefix(label).startswith(("=", "!=")):
            sign = "!=" if part.removeprefix(label).startswith("!=") else "="
            yield from (f"{start}{label}{sign}{value}" for value in sorted(values))
        elif part.startswith("!"):
            yield f"{start}{label}"
        else:
            yield f"{start}{label}="


def _outputs(request: Request) -> Iterator[str | CompletionItem[str]]:
    """`markdown=`, then a file."""
    if "=" in request.incomplete:
        yield CompletionItem("", type=FILE)
        return
    family = {"validate": render.VALIDATION, "drift": render.DRIFT, "apply": render.REPORT}
    yield from (f"{name}=" for name in family.get(request.context.command.name or "", render.PLAN))


def _names(request: Request) -> Iterator[str]:
    """Words and kinds; behind a kind's name its fields, one step at a time."""
    explanations = Explanations(catalog.built_in())
    for subject in explanations.subjects.names:
        for separator in ".:":
            if request.incomplete.startswith(subject + separator):
                path = request.incomplete[len(subject) + 1 :].rpartition(".")[0]
                place = find(explanations.subjects.root(subject), path.split(".") if path else [])
                start = f"{subject}{separator}{path}{'.' if path else ''}"
                yield from (f"{start}{one.path[-1]}" for one in (children(place) if place is not None else ()))
                return
    yield from dict.fromkeys(name for names in explanations.names().values() for name in names)


def _providers(request: Request) -> Iterable[str]:
    return PROVIDERS


def _files(request: Request) -> Iterator[CompletionItem[str]]:
    yield CompletionItem("", type=FILE)


def _nothing(request: Request) -> Iterable[str]:
    return ()


# by the name of the parameter; a choice, a flag and a path need none
COMPLETERS: Final[Mapping[str, Callable[[Request], Iterable[str | CompletionItem[str]]]]] = {
    "key": _keys,
    "keys": _keys,
    "rotate": _keys,
    "registry": _registries,
    "registries": _registries,
    "env": _environments,
    "one": _environments,
    "other": _environments,
    "kinds": _kinds,
    "selections": _selectors,
    "outputs": _outputs,
    "name": _names,
    "provider": _providers,
    "paths": _files,
    "source": _files,
    "folder": _files,
    "target": _files,
    "config": _files,
    # what only a human knows, or what should be looked up before it is agreed to
    "allow_deletes": _nothing,
    "allow_replaces": _nothing,
    "take_ownership": _nothing,
    "concurrency": _nothing,
    "namespace": _nothing,  # only the cluster knows
    "listen": _nothing,
    "lease_duration": _nothing,
    "replicas": _nothing,
    "image": _nothing,
    "revision": _nothing,
    "wanted": _nothing,  # only the registry knows
    "changed_since": _nothing,  # only git knows
    "layout": lambda request: ("wide",),
}


class _Value(click.types.UnprocessedParamType):
    """The type of a parameter whose values are completed; what it takes is what the parameter's own type takes."""

    name = "value"

    def __init__(self, own: Any, completer: Callable[[Request], Iterable[str | CompletionItem[str]]]) -> None:
        self.own = own
        self.completer = completer

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self.own.convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        found = self.completer(Request(ctx, incomplete))
        items = [CompletionItem(one) if isinstance(one, str) else one for one in found]
        return [item for item in items if item.type != "plain" or _goes_on(item.value, incomplete)]


def _goes_on(value: str, incomplete: str) -> bool:
    """True for what may be put behind what was typed: what begins with a dash would be taken for an option."""
    added = value.removeprefix(incomplete)
    return value.startswith(incomplete) and not value.startswith("-") and _SAFE.fullmatch(added) is not None


def _completed(param: click.Parameter) -> click.Parameter:
    """A parameter like this one, whose values are completed from the project where the table says how."""
    twin = copy(param)
    if param.name in COMPLETERS and not isinstance(param.type, click.Choice):
        twin.type = _Value(param.type, COMPLETERS[param.name])
    return twin


class _Group(LazyGroup):
    """A group of our commands, with parameters that are completed. Their names are completed without importing them."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        if command is None:
            return None
        params = [_completed(param) for param in command.params]
        if isinstance(command, LazyGroup):
            return _Group(command.name, table=command.table, params=params)
        twin = copy(command)
        twin.params = params
        return twin

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        lines = ((name, line) for name, (_, line) in self.table.items())
        return [CompletionItem(name, help=line) for name, line in lines if name.startswith(incomplete)]
