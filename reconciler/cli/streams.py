"""stdout for data, stderr for talk: text for people or, with `--log-format json`, one JSON object a line."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

import click

from reconciler.core.errors import InputError, Problem, ReconcilerError
from reconciler.render.error import error_text, hint_of, message_of
from reconciler.render.escape import json_text, without_commands
from reconciler.render.jsontext import answer_json
from reconciler.render.terminal import Style

LOG_FORMATS: Final = ("text", "json")
_log_format: Final = ContextVar("log_format", default="text")
_PAINT: Final = re.compile(r"\x1b\[[0-9;]*m")


def encode_streams() -> None:
    """Set stdout and stderr to UTF-8 for machines, whatever the locale.

    What a terminal cannot show becomes an escape.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def echo_data(text: str, *, exact: bool = False, end: str = "\n") -> None:
    """Write data to stdout, and `end` behind it.

    What a pipeline's runner would obey in it is escaped once more, unless it is `exact`: safe already, or meant to be
    obeyed. A reader that went away stops nothing: what is to be done is done, and the exit code tells of it.

    Raises InputError where stdout cannot take it.
    """
    if sys.stdout is None:  # closed by whoever started us
        return
    try:
        click.echo((text if exact else without_commands(text)) + end, nl=False, color=True)
        sys.stdout.flush()
    except BrokenPipeError:
        quiet_stdout()
    except OSError as error:
        quiet_stdout()
        raise InputError(f"the answer cannot be written to stdout: {error.strerror}") from error


def echo_json(data: Mapping[str, Any]) -> None:
    """Write the JSON answer of a command to stdout, with the version of the format."""
    echo_data(answer_json(data), exact=True)


def echo_data_if_possible(text: str, *, exact: bool = True) -> None:
    """Write an error as data to stdout, unless stdout cannot take it: stderr tells it anyway."""
    with suppress(InputError):
        echo_data(text, exact=exact)


def quiet_stdout() -> None:
    """Lead stdout nowhere once its reader is gone, so that Python does not complain when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def log_format(name: str) -> Iterator[None]:
    """While this is open, talk has this one of LOG_FORMATS."""
    token = _log_format.set(name)
    try:
        yield
    finally:
        _log_format.reset(token)


def logs_json() -> bool:
    """True where talk is for a machine."""
    return _log_format.get() == "json"


def say(text: str, level: str = "info", **facts: Any) -> None:
    """Write talk to stderr, which may be closed. `facts` are what JSON says beside `time`, `level` and `message`."""
    with suppress(OSError):
        click.echo(_record(text, level, facts) if logs_json() else without_commands(text), err=True, color=True)


def warn(text: str) -> None:
    """Write a warning to stderr."""
    say(text if logs_json() else f"warning: {text}", "warning")


def tell_error(error: ReconcilerError, style: Style) -> None:
    """Write an error to stderr: what is wrong, where, and what to do next."""
    if logs_json():
        say(message_of(error), "error", code=error.code, hint=hint_of(error))
    else:
        say(error_text(error, style), "error")


def tell_problem(problem: Problem, text: str) -> None:
    """Write a problem in a file to stderr: as `text`, which shows its place, or as its own facts."""
    if logs_json():
        place = {"rule": problem.rule, "file": problem.file, "line": problem.line, "column": problem.column}
        say(problem.text, problem.severity, **place, hint=problem.suggestion)
    else:
        say(text + "\n", problem.severity)


def _record(text: str, level: str, facts: Mapping[str, Any]) -> str:
    """One line of the JSON log. Facts that are None are left out."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = _PAINT.sub("", text).strip("\n")
    given = {name: value for name, value in facts.items() if value is not None}
    return json_text(json.dumps({"time": now, "level": level, "message": message, **given}, ensure_ascii=False))
