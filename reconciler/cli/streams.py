"""stdout for data, stderr for talk."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click

from reconciler.core.errors import InputError
from reconciler.render.escape import without_commands
from reconciler.render.jsontext import answer_json


def encode_streams() -> None:
    """Set stdout and stderr to UTF-8 for machines, whatever the locale.

    What a terminal cannot show becomes an escape.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def echo_data(text: str, *, exact: bool = False) -> None:
    """Write data to stdout.

    What a pipeline's runner would obey in it is escaped once more, unless it is `exact`: safe already, or meant to be
    obeyed. A reader that went away stops nothing: what is to be done is done, and the exit code tells of it.

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


def echo_json(data: Mapping[str, Any]) -> None:
    """Write the JSON answer of a command to stdout, with the version of the format."""
    echo_data(answer_json(data), exact=True)


def echo_data_if_possible(text: str) -> None:
    """Write an error as data to stdout, unless stdout cannot take it: stderr tells it anyway."""
    with suppress(InputError):
        echo_data(text, exact=True)


def quiet_stdout() -> None:
    """Lead stdout nowhere once its reader is gone, so that Python does not complain when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str) -> None:
    """Write talk to stderr, which may be closed."""
    with suppress(OSError):
        click.echo(without_commands(text), err=True, color=True)
