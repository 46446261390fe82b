"""The question before anything is written, asked on a terminal."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import click

from reconciler.core.errors import UsageError

_YES: Final = (b"y", b"yes")


def has_terminal() -> bool:
    """True where a question can be asked: stdin is a terminal. A closed stdin is None."""
    return sys.stdin is not None and sys.stdin.isatty()


def confirmed(question: str) -> bool:
    """Ask on stderr, and wait for a line on stdin. True for `y` and `yes` in any case, False for all else.

    Raises click.Abort for Ctrl-C and Ctrl-D, UsageError where the terminal cannot be read.
    """
    try:
        with _interruptible() as woken:
            _show(f"{question} [y/N]: ")
            _wait(woken)
            line = sys.stdin.buffer.readline()
    except KeyboardInterrupt as error:
        _show("\n")
        raise click.Abort from error
    except OSError as error:
        hint = "--yes applies without asking"
        raise UsageError(f"the answer cannot be read from the terminal: {error.strerror}", hint=hint) from error
    if not line:
        _show("\n")
        raise click.Abort
    return line.strip().lower() in _YES


@contextmanager
def _interruptible() -> Iterator[int | None]:
    """Ctrl-C raises KeyboardInterrupt, and makes a file descriptor readable: the one that is given, None on Windows.

    asyncio's own handler would keep the first Ctrl-C until the question is answered. And Python's handlers run between
    its steps: a signal that comes just before a read blocks is only noted, and would wait for the next key. What was
    written to the descriptor stays there, so that no moment is too early.
    """
    if sys.platform == "win32":  # whose consoles wake the read themselves, and whose select takes sockets only
        yield None
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    descriptor = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(descriptor)
        signal.signal(signal.SIGINT, before)
        os.close(reading)
        os.close(writing)


def _wait(woken: int | None) -> None:
    """Until a line, or the end of input, can be read without waiting. Raises KeyboardInterrupt for Ctrl-C."""
    while woken is not None:
        ready, _, _ = select.select([sys.stdin, woken], [], [])
        if woken in ready:  # Python raises KeyboardInterrupt here; any other signal was not for us
            os.read(woken, 64)
        if sys.stdin in ready:
            return


def _show(text: str) -> None:
    with suppress(OSError):
        click.echo(text, nl=False, err=True)
