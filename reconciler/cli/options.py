"""Options that several commands share, and the click command that takes the global ones before or after its name."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from reconciler import __version__
from reconciler.cli.streams import echo_data

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """The global options as given, before or after the command."""

    config: Path | None = None
    env: str | None = None
    no_color: bool = False
    verbose: int = 0

    def color(self, stream: Any = None) -> bool:
        """True for colour: only on a terminal, and not where --no-color or NO_COLOR forbids it."""
        target = sys.stdout if stream is None else stream
        return not self.no_color and not os.environ.get("NO_COLOR") and target is not None and bool(target.isatty())


def _config() -> click.Option:
    return click.Option(
        ["--config"],
        type=click.Path(path_type=Path),
        envvar="RECONCILER_CONFIG",
        help="The configuration file instead of the nearest reconciler.yaml.",
        metavar="FILE",
    )


def _env() -> click.Option:
    return click.Option(["--env"], help="The environment in reconciler.yaml to use.", metavar="NAME")


def _no_color() -> click.Option:
    return click.Option(["--no-color"], is_flag=True, help="No colour (so does NO_COLOR, and a pipe).")


def _verbose() -> click.Option:
    return click.Option(["-v", "--verbose"], count=True, help="Say more, on stderr; -vv tells every request too.")


GLOBAL_OPTIONS: Final = (_config, _env, _no_color, _verbose)


def version_option() -> click.Option:
    """`--version`."""
    return click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show_version,
        help="Show the version and exit.",
    )


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        echo_data(f"reconciler, version {__version__}")
        ctx.exit()


def _show_help(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        echo_data(ctx.get_help())
        ctx.exit()


class Helpful(click.Command):
    """A command whose help is written like any other answer: an error of stdout is reported."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_help
        return option


class Command(Helpful):
    """A command that takes the global options too and hands them on as `GlobalOptions`, the context's object."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(option() for option in (*GLOBAL_OPTIONS, version_option))

    def invoke(self, ctx: click.Context) -> Any:
        earlier = ctx.parent.obj if ctx.parent is not None and isinstance(ctx.parent.obj, dict) else {}
        own = {name: ctx.params.pop(name) for name in ("config", "env", "no_color", "verbose")}
        ctx.obj = GlobalOptions(**{**earlier, **{name: value for name, value in own.items() if value}})
        with _traffic(ctx.obj.verbose):
            return super().invoke(ctx)


def _traffic(verbose: int) -> AbstractContextManager[None]:
    """With -vv, log every request while this is open. Without it, nothing of logging is imported."""
    if verbose < 2:
        return nullcontext()
    requests: AbstractContextManager[None] = importlib.import_module("reconciler.cli.traffic").logged_requests()
    return requests


def format_option(*formats: str, default: str = "text") -> Callable[[Decorated], Decorated]:
    """`--format`, one of these."""
    help_text = f"How to answer ({default} if not given)."
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(formats),
        default=default,
        help=help_text,
        metavar="|".join(formats),
    )


def output_option(command: Decorated) -> Decorated:
    """`--output FORMAT=FILE`, several times."""
    return click.option(
        "--output",
        "outputs",
        multiple=True,
        metavar="FORMAT=FILE",
        help="Also write the answer in another format to a file. May be repeated.",
    )(command)


revision_option = click.option(
    "--revision",
    metavar="N",
    help="As revision N left it; `history` lists them. Only where the registry keeps a history.",
)

allow_secrets_option = click.option(
    "--allow-secrets",
    is_flag=True,
    help="Send secrets to endpoints also for a pull request, where `secrets.allow` does not say which goes where.",
)


def scope_options(command: Decorated) -> Decorated:
    """PATH, --registry and --select: what a plan is about."""
    for decorate in (
        click.option(
            "--select",
            "selections",
            multiple=True,
            metavar="SELECTOR",
            help="Only models whose labels meet it: a=b, a!=b, a, !a, commas between. Repeated: all must hold.",
        ),
        click.option(
            "--registry", "registries", multiple=True, metavar="NAME", help="Only this registry. May be repeated."
        ),
        click.argument("paths", nargs=-1, metavar="[PATH]..."),
    ):
        command = decorate(command)
    return command


def consent_options(command: Decorated) -> Decorated:
    """Add the options of the consents: --prune, --allow-deletes and the others."""
    count = click.IntRange(min=0)
    for decorate in (
        click.option(
            "--rotate", multiple=True, metavar="KEY", help="Write this object's secrets again. May be repeated."
        ),
        click.option(
            "--take-ownership", multiple=True, metavar="OWNER", help="Take over objects that bear this owner's mark."
        ),
        click.option(
            "--allow-replaces", type=count, metavar="N", help="Allow at most N objects to be deleted and created again."
        ),
        click.option(
            "--allow-deletes",
            type=count,
            metavar="N",
            help="Allow at most N deletions in the whole run, beyond the guards.",
        ),
        click.option("--prune", is_flag=True, help="Delete what is ours and no longer declared."),
    ):
        command = decorate(command)
    return command
