"""`reconciler`: the group, its commands loaded by name, and errors turned into exit codes."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from reconciler import __version__
from reconciler.cli.lazy_group import LazyGroup
from reconciler.cli.options import GLOBAL_OPTIONS, given_in, version_option
from reconciler.cli.streams import (
    LOG_FORMATS,
    echo_data_if_possible,
    encode_streams,
    log_format,
    logs_json,
    quiet_stdout,
    say,
)
from reconciler.core.errors import ReconcilerError
from reconciler.core.exit_codes import EXIT_CODES
from reconciler.core.problem_json import FORMAT_VERSION
from reconciler.render.escape import json_text

# by what they are for: name → (module:command, the line in --help). A command's module is imported when it runs, not before.
GROUPS: Final = {
    "Day by day": {
        "validate": ("reconciler.cli.validate:command", "Check manifests, without any registry."),
        "plan": ("reconciler.cli.plan:command", "Show what apply would do. Writes nothing."),
        "apply": ("reconciler.cli.apply:command", "Make the registries say what the manifests say."),
        "drift": ("reconciler.cli.drift:command", "Show what changed in the registries behind our back."),
        "show": ("reconciler.cli.show:command", "Show a saved plan, without any registry."),
    },
    "Look": {
        "list": ("reconciler.cli.list:command", "List what the registries hold."),
        "get": ("reconciler.cli.get:command", "Show one object as its registry holds it."),
        "compare": ("reconciler.cli.compare:command", "Show in what two environments differ."),
        "history": ("reconciler.cli.history:command", "Show the revisions of one object."),
        "info": ("reconciler.cli.info:command", "Tell what a model is, from its manifest or its endpoint."),
        "explain": (
            "reconciler.cli.explain:command",
            "Explain a kind, a field, a word of an answer, an exit code.",
        ),
        "test": ("reconciler.cli.test:command", "Try a model out, at its endpoint or through its registry."),
    },
    "Bring in and take out": {
        "init": ("reconciler.cli.init:command", "Write a starting project."),
        "import": ("reconciler.cli.import_:command", "Turn other tools' files into manifests."),
        "models": ("reconciler.cli.models:command", "List what a provider offers, and write manifests of it."),
        "export": ("reconciler.cli.export:command", "Write stored objects as manifests."),
        "delete": ("reconciler.cli.delete:command", "Delete one object."),
    },
    "In a cluster": {
        "controller": ("reconciler.cli.controller:command", "Reconcile continuously, from objects of Kubernetes."),
    },
    "CI, editors and the shell": {
        "fmt": ("reconciler.cli.fmt:command", "Bring manifests into canonical form."),
        "schema": ("reconciler.cli.schema:command", "Write the JSON Schemas for editors."),
        "completion": (
            "reconciler.cli.completion:command",
            "Print the script that completes words in a shell.",
        ),
    },
}
COMMANDS: Final = {name: entry for group in GROUPS.values() for name, entry in group.items()}
COMPLETING: Final = "_RECONCILER_COMPLETE"  # the variable by which the scripts of `completion` say which shell asks
FIRST: Final = ("init", "validate", "plan", "apply")  # what `reconciler` alone shows

ISSUES: Final = "https://github.com/model-reconciler/reconciler/issues"


class Commands(LazyGroup):
    """All our commands, by groups in the help."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What can be done first, then how, then how it ends."""
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl([(f"{code:<3}", meaning) for code, meaning in EXIT_CODES.items()])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, COMMANDS))  # the groups are one table
        for title, group in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), line) for name, (_, line) in group.items()])


@click.group(
    cls=Commands,
    table=COMMANDS,
    params=[option() for option in (*GLOBAL_OPTIONS, version_option)],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.pass_context
def cli(ctx: click.Context, /, **options: Any) -> None:
    """Models as code: YAML manifests in, plan, apply, and registries that match."""
    ctx.obj = given_in(ctx)


def main() -> int:
    """Runs the command line of the process, or answers a shell that completes one. Returns its exit code."""
    encode_streams()
    if COMPLETING in os.environ:
        answered: int = importlib.import_module("reconciler.cli.completer").main()
        return answered
    code = run(sys.argv[1:])
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:  # its reader went away
        quiet_stdout()
    return code


def run(words: Sequence[str]) -> int:
    """The exit code of one run. Everything that can go wrong ends here."""
    wanted = _last_value(words, "--log-format")
    with log_format(wanted if wanted in LOG_FORMATS else "text"):
        if any(name.startswith("OTEL_") for name in os.environ):
            observed = importlib.import_module("reconciler.cli.observed")
            if observed.is_wanted(os.environ):
                code: int = observed.run(words, COMMANDS, lambda: _run(words))
                return code
        return _run(words)


def _run(words: Sequence[str]) -> int:
    try:
        result = cli.main(args=list(words), prog_name="reconciler", standalone_mode=False)
    except click.ClickException as error:
        return _usage(error, words)
    except ReconcilerError as error:
        return _refused(error, words)
    except click.exceptions.Abort:  # at the question
        return _failed(130, "interrupted", "interrupted: nothing was written", words)
    except KeyboardInterrupt:
        return _failed(130, "interrupted", "interrupted: `reconciler plan` shows what is left to do", words)
    except BrokenPipeError:
        quiet_stdout()
        return 0
    except Exception:  # noqa: BLE001  # the last resort: a bug of ours, told as one
        return _bug(words)
    return result if isinstance(result, int) else 0


def _usage(error: click.ClickException, words: Sequence[str]) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(_short_help() if error.ctx is None or error.ctx.parent is None else error.ctx.get_help())  # not as an error
        return 64
    context = getattr(error, "ctx", None)
    usage = f"{context.get_usage()}\n\n" if context is not None else ""
    hint = f"\nhint: {context.command_path} --help" if context is not None else ""
    message = _printable(_without_option(error) if isinstance(error, click.NoSuchOption) else error.format_message())
    return _failed(64, "usage", message, words, f"{usage}error: {message}{hint}")


def _short_help() -> str:
    """What is shown to who types just the name: the way to begin, and where the rest is."""
    lines = [f"reconciler {__version__}: {cli.help}", ""]
    lines += [f"  reconciler {name:<9} {COMMANDS[name][1]}" for name in FIRST]
    return "\n".join(
        [*lines, "", "All commands: reconciler --help. One of them, with examples: reconciler plan --help"]
    )


def _without_option(error: click.NoSuchOption) -> str:
    """The message for an unknown option. click would suggest any near name, also one that deletes."""
    known = [name for option in error.ctx.command.params for name in option.opts] if error.ctx is not None else []
    hint: str | None = importlib.import_module("reconciler.cli.suggestions").for_option(error.option_name, known)
    return f"No such option: {error.option_name}{f' ({hint})' if hint else ''}"


def _failed(code: int, word: str, message: str, words: Sequence[str], text: str | None = None) -> int:
    """Print an error without places: as JSON on stdout if asked for, and on stderr as `text` or as the message."""
    if _wants_json(words):
        error = {"code": word, "message": message, "hint": None}
        echo_data_if_possible(json_text(json.dumps({"format_version": FORMAT_VERSION, "error": error})))
    say(message if logs_json() else text or message, "error", code=word, exit_code=code)
    return code


def _printable(text: str) -> str:
    """Each line without what a terminal obeys: click repeats what was typed, and that may be the name of a stranger's file.

    It indents its lists by tabs, which become spaces.
    """
    lines = [f"  {line[1:]}" if line.startswith("\t") else line for line in text.split("\n")]
    return "\n".join(line if line.isprintable() else ascii(line)[1:-1] for line in lines)


def _refused(error: ReconcilerError, words: Sequence[str]) -> int:
    errors = importlib.import_module("reconciler.cli.errors")
    code: int = errors.report(error, as_json=_wants_json(words), no_color="--no-color" in words)
    return code


def _bug(words: Sequence[str]) -> int:
    lines = _printable(importlib.import_module("traceback").format_exc())
    message = f"this is a bug in reconciler {__version__} (Python {sys.version.split()[0]}), not in your manifests"
    report = f"Please report it with the lines above: {ISSUES}"
    return _failed(3, "bug", message, words, f"{lines}\nerror: {message}.\n{report}")


def _wants_json(words: Sequence[str]) -> bool:
    """True where the answer was asked for as JSON."""
    return _last_value(words, "--format") == "json"


def _last_value(words: Sequence[str], option: str) -> str:
    """The value that counts of an option, even on a command line that cannot be parsed; else nothing."""
    value = ""
    for index, word in enumerate(words):
        if word == "--":
            break
        if word.startswith(f"{option}="):
            value = word.removeprefix(f"{option}=")
        elif word == option:
            value = next(iter(words[index + 1 :]), "")
    return value
