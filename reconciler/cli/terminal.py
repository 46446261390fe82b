"""The terminal behind a stream: whether colour is wanted on it, and how many columns it has."""

from __future__ import annotations

import os
from typing import Any, Final

_WIDTH: Final = 100  # where nothing says how wide the output is: a file, a pipe
_OFF: Final = ("0", "false")  # values of FORCE_COLOR that Node's tools take for a no


def is_terminal(stream: Any) -> bool:
    """True for a terminal that moves its cursor; a closed stream is None."""
    return stream is not None and bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


def wants_color(stream: Any, *, no_color: bool = False) -> bool:
    """True where text on this stream is to be coloured. The first of these that says something:

    `--no-color`, NO_COLOR, FORCE_COLOR, and what the stream is: a terminal, and not a dumb one. An empty variable says
    nothing.
    """
    if no_color or os.environ.get("NO_COLOR") or stream is None:
        return False
    forced = os.environ.get("FORCE_COLOR")
    return forced.lower() not in _OFF if forced else is_terminal(stream)


def width_of(stream: Any) -> int:
    """The width of a stream in columns: what COLUMNS says, else the terminal's own, else 100."""
    if said := _said():
        return said
    try:
        return (
            os.get_terminal_size(stream.fileno()).columns if stream is not None and stream.isatty() else 0
        ) or _WIDTH
    except OSError:
        return _WIDTH


def has_width(stream: Any) -> bool:
    """True where lines are to fit a screen: on a terminal, and where COLUMNS says how wide it is, as before a pager."""
    return is_terminal(stream) or _said() > 0


def _said() -> int:
    """The columns that COLUMNS says, or 0."""
    said = os.environ.get("COLUMNS", "")
    return int(said[:6]) if said.isascii() and said.isdigit() else 0
