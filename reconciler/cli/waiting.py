"""What a command waits for, shown on a terminal while it takes long."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import click

from reconciler.cli.options import GlobalOptions
from reconciler.cli.streams import logs_json
from reconciler.cli.terminal import is_terminal, wants_color
from reconciler.render.escape import printable

PATIENCE: Final = 1.0  # seconds until something is shown


@contextmanager
def reading(names: Iterable[str], *, patience: float = PATIENCE) -> Iterator[None]:
    """While registries are read: their names and the time on stderr, once it takes longer than a moment.

    Only on a terminal, and gone when they are read. rich is imported only then. For a running event loop.
    """
    if logs_json() or not is_terminal(sys.stderr):
        yield
        return
    text = f"reading {', '.join(map(printable, sorted(names)))}"
    with ExitStack() as shown:
        timer = asyncio.get_running_loop().call_later(patience, _show, text, shown)
        try:
            yield
        finally:
            timer.cancel()


def _show(text: str, shown: ExitStack) -> None:
    context = click.get_current_context(silent=True)
    options = context.find_object(GlobalOptions) if context is not None else None
    color = wants_color(sys.stderr, no_color=options is not None and options.no_color)
    shown.enter_context(importlib.import_module("reconciler.cli.progress").reading(text, color=color))
