"""Questions asked on a terminal: yes or no before anything is written, and which of several."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import click

from reconciler.core.errors import UsageError
from reconciler.core.schema.findings import nearest
from reconciler.render.escape import printable

_YES: Final = ("y", "yes")
_MOST_LISTED: Final = 20


def has_terminal() -> bool:
    """True where a question can be asked: stdin is a terminal. A closed stdin is None."""
    return sys.stdin is not None and sys.stdin.isatty()


def on_terminal() -> bool:
    """True where one can be talked with: stdin and stdout are terminals, so that no program reads the answer."""
    return has_terminal() and sys.stdout is not None and sys.stdout.isatty()


def confirmed(question: str) -> bool:
    """Ask on stderr, and wait for a line on stdin. True for `y` and `yes` in any case, False for all else.

    Raises click.Abort for Ctrl-C and Ctrl-D, UsageError where the terminal cannot be read.
    """
    return answer(f"{question} [y/N]: ", hint="--yes applies without asking").lower() in _YES


def answer(question: str, *, hint: str) -> str:
    """Ask on stderr, and wait for a line on stdin: its text. `hint` is how to do without the question.

    Raises click.Abort for Ctrl-C and Ctrl-D, UsageError where the terminal cannot be read.
    """
    try:
        with _interruptible() as woken:
            _show(question)
            _wait(woken)
            line = sys.stdin.buffer.readline()
    except KeyboardInterrupt as error:
        _show("\n")
        raise click.Abort from error
    except OSError as error:
        raise UsageError(f"the answer cannot be read from the terminal: {error.strerror}", hint=hint) from error
    if not line:
        _show("\n")
        raise click.Abort
    return line.decode(errors="replace").strip()


def choose(noun: str, names: Sequence[str], *, hint: str) -> str | None:
    """Ask for one of these names until there is one: by the whole name, or by a part that only one has.

    None for an empty line. Raises what `answer` raises.
    """
    while True:
        text = answer(f"{noun} (a name, or a part of one; nothing to leave): ", hint=hint)
        if not text or text in names:
            return text or None
        like = [name for name in names if text.casefold() in name.casefold()]
        if len(like) == 1:
            return like[0]
        if not like:
            close = nearest(text, names)
            _show(f"there is no {printable(text)!r}{f'; did you mean {printable(close)!r}?' if close else ''}\n")
        for name in like[:_MOST_LISTED]:
            _show(f"  {printable(name)}\n")
        if len(like) > _MOST_LISTED:
            _show(f"  ... and {len(like) - _MOST_LISTED:,} more\n")


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
