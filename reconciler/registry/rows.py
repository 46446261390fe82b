"""What servers list, read as far as it is understood: a newer server may say more, another one something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from reconciler.core.errors import PermanentError
from reconciler.core.resource import Address
from reconciler.core.rules import Node

Found = TypeVar("Found")


class MisreadError(ValueError):
    """A row that is not what the server is known to answer. Its text says why, and holds nothing secret of the row."""


def understood(address: Address, read: Callable[[], Found]) -> Found:
    """What `read` makes of the row at `address`. Raises PermanentError where that raises MisreadError."""
    try:
        return read()
    except MisreadError as error:
        raise PermanentError(f"{address} cannot be read: {error}") from error


def declared(value: Any, node: Node) -> Any:
    """The members that we know of, at every level."""
    if isinstance(value, Mapping) and (node.declared or node.each is not None):
        below = {name: node.child(name) for name in value}
        return {name: declared(value[name], inner) for name, inner in below.items() if inner is not None}
    if isinstance(value, list) and node.each is not None:
        return [declared(item, node.each) for item in value]
    return value
