"""Options that several commands share, and the click command that takes the global ones before or after its name."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

import click
from click.core import ParameterSource

from reconciler import __version__
from reconciler.cli.streams import LOG_FORMATS, echo_data
from reconciler.cli.terminal import wants_color

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
EXAMPLE_WIDTH: Final = 54  # columns of an example's command line, before what it is for moves to the next line


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """The global options as given, before or after the command."""

    config: Path | None = None
    env: str | None = None
    no_color: bool = False
    no_cache: bool = False
    verbose: int = 0
    log_format: str = "text"
    from_variables: frozenset[str] = frozenset()  # the options whose value is that of an environment variable

    def name_of(self, option: str) -> str:
        """The flag that an option was given by, or its environment variable."""
        return f"RECONCILER_{option.upper()}" if option in self.from_variables else f"--{option}"

    def color(self, stream: Any = None) -> bool:
        """True where text on stdout, or on another stream, is to be coloured."""
        return wants_color(sys.stdout if stream is None else stream, no_color=self.no_color)


class NotEmpty(click.ParamType[str]):
    """Text with something in it: what a script's unset variable leaves means nothing, and never all or the default."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.strip():
            self.fail("it is empty: leave it out, or set the variable that it comes from", param, ctx)
        return value


NOT_EMPTY: Final = NotEmpty()


def _config() -> click.Option:
    return click.Option(
        ["--config"],
        type=click.Path(path_type=Path, readable=False),
        envvar="RECONCILER_CONFIG",
        help="The configuration file instead of the nearest reconciler.yaml.",
        metavar="FILE",
    )


def _env() -> click.Option:
    return click.Option(
        ["--env"],
        type=NOT_EMPTY,
        envvar="RECONCILER_ENV",
        help="The environment in reconciler.yaml to use.",
        metavar="NAME",
    )


def _no_color() -> click.Option:
    help_text = "No colour; so with NO_COLOR, with TERM=dumb, and in a pipe unless FORCE_COLOR is set."
    return click.Option(["--no-color"], is_flag=True, help=help_text)


def _no_cache() -> click.Option:
    help_text = "Read every manifest anew, and keep nothing for the next command."
    return click.Option(["--no-cache"], is_flag=True, help=help_text)


def _verbose() -> click.Option:
    return click.Option(["-v", "--verbose"], count=True, help="Say more, on stderr; -vv tells every request too.")


def _log_format() -> click.Option:
    return click.Option(
        ["--log-format"],
        type=click.Choice(LOG_FORMATS),
        metavar="|".join(LOG_FORMATS),
        help="How stderr talks: text, or one JSON object a line.",
    )


GLOBAL_OPTIONS: Final = (_config, _env, _no_color, _no_cache, _verbose, _log_format)
GLOBAL_NAMES: Final = ("config", "env", "no_color", "no_cache", "verbose", "log_format")


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
    """A command that takes the global options too and hands them on as `GlobalOptions`, the context's object.

    `examples` are command lines, each with what it is for.
    """

    def __init__(self, *args: Any, examples: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = dict(examples or {})
        self.params.extend(option() for option in (*GLOBAL_OPTIONS, version_option))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options, then those of every command, then the examples."""
        shared = (*GLOBAL_NAMES, "version", "help")
        options = [option for option in self.get_params(ctx) if isinstance(option, click.Option)]
        records = [(option.name in shared, option.get_help_record(ctx)) for option in options]
        told = [(everywhere, record) for everywhere, record in records if record is not None]
        for title, wanted in (("Options", False), ("Options of every command", True)):
            if rows := [record for everywhere, record in told if everywhere is wanted]:
                with formatter.section(title):
                    formatter.write_dl(rows)
        if self.examples:
            with formatter.section("Examples"):
                formatter.write_dl([*self.examples.items()], col_max=min(EXAMPLE_WIDTH, formatter.width // 2))

    def invoke(self, ctx: click.Context) -> Any:
        before = ctx.parent.obj if ctx.parent is not None and isinstance(ctx.parent.obj, Given) else Given()
        flags, variables = before.then(given_in(ctx))
        for name in GLOBAL_NAMES:
            ctx.params.pop(name)
        ctx.obj = GlobalOptions(**{**variables, **flags}, from_variables=frozenset(variables))
        with _traffic(ctx.obj.verbose):
            return super().invoke(ctx)


class Given(NamedTuple):
    """The global options of one part of the command line: those of its flags, and those of environment variables.

    A flag wins over a variable wherever it stands.
    """

    flags: Mapping[str, Any] = MappingProxyType({})
    variables: Mapping[str, Any] = MappingProxyType({})

    def then(self, later: Given) -> Given:
        """These, and those of a later part of the command line, which win."""
        flags = {**self.flags, **later.flags}
        variables = {**self.variables, **later.variables}
        return Given(flags, {name: value for name, value in variables.items() if name not in flags})


def given_in(ctx: click.Context) -> Given:
    """The global options that stand before the command's name, or after it. Those that say nothing are left out."""
    said = {name: ctx.params[name] for name in GLOBAL_NAMES if ctx.params.get(name)}
    variables = {name for name in said if ctx.get_parameter_source(name) is ParameterSource.ENVIRONMENT}
    return Given(
        {name: value for name, value in said.items() if name not in variables},
        {name: value for name, value in said.items() if name in variables},
    )


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


full_option = click.option("--full", is_flag=True, help="Every field and every name, nothing cut or folded.")

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
            "--registry",
            "registries",
            type=NOT_EMPTY,
            multiple=True,
            metavar="NAME",
            help="Only this registry. May be repeated.",
        ),
        click.argument("paths", type=NOT_EMPTY, nargs=-1, metavar="[PATH]..."),
    ):
        command = decorate(command)
    return command


changed_since_option = click.option(
    "--changed-since",
    type=NOT_EMPTY,
    metavar="REF",
    help="Only the manifests that changed since HEAD and this commit parted, as git tells. Deletes nothing.",
)


def consent_options(command: Decorated) -> Decorated:
    """Add the options of the consents: --prune, --allow-deletes and the others."""
    count = click.IntRange(min=0)
    for decorate in (
        click.option(
            "--rotate",
            type=NOT_EMPTY,
            multiple=True,
            metavar="KEY",
            help="Write this object's secrets again. May be repeated.",
        ),
        click.option(
            "--take-ownership",
            type=NOT_EMPTY,
            multiple=True,
            metavar="OWNER",
            help="Take over objects that bear this owner's mark.",
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
