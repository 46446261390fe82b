"""What the bounded process says of policies: values that both sides of the pipe know."""

from __future__ import annotations

from typing import Final, NamedTuple

TOO_MUCH: Final = "it needs too much time or memory"


class Unusable(NamedTuple):
    """A mistake in a policy itself: at a pointer in its schema, or at a line and column, from 1, of its expression."""

    message: str
    pointer: str = ""
    at_key: bool = False
    line: int = 0
    column: int = 0
    suggestion: str | None = None


class Failed(NamedTuple):
    """A case for which a policy has no verdict, and why. `missing` is the member that was not there, if that is known."""

    message: str
    missing: str = ""
