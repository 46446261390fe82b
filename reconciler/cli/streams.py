"""stdout for data, stderr for talk."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress

import click

from reconciler.core.errors import InputError
from reconciler.render.escape import without_commands


def encode_streams() -> None:
    """What a machine reads is UTF-8, whatever the locale; what a terminal cannot show is shown as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def answer(text: str, *, exact: bool = False) -> None:
    """Data, to stdout. What a pipeline's runner would obey in it is escaped once more, unless it is `exact`: safe already, or meant to be obeyed. A reader that went away stops nothing: what is to be done is done, and the exit code tells of it.

    Raises InputError where stdout cannot take it.
    """
    if sys.stdout is None:  # closed by whoever started us
        return
    try:
        click.echo(text if exact else without_commands(text), color=True)
        sys.stdout.flush()
    except BrokenPipeError:
        quiet_stdout()
    except OSError as error:
        quiet_stdout()
        raise InputError(f"the answer cannot be written to stdout: {error.strerror}") from error


def answer_if_possible(text: str) -> None:
    """An error as data, to stdout: where stdout cannot take it, stderr tells it anyway."""
    with suppress(InputError):
        answer(text, exact=True)


def quiet_stdout() -> None:
    """Nobody reads stdout any more: what is still written to it goes nowhere, and Python does not complain when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str) -> None:
    """Talk, to stderr. Nobody need listen."""
    with suppress(OSError):
        click.echo(without_commands(text), err=True, color=True)
