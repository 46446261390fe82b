"""The words of the API's operations: a call, its reply, a refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from registry.aigo.behaviour import Behaviour
from registry.aigo.rules import NEWER, Strict, mistakes
from registry.aigo.state import Row, State


class Reply(NamedTuple):
    """An HTTP status and the JSON beside it."""

    status: int
    body: Any


class RefusedError(Exception):
    """The answer is `{"message": ...}` with this status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Call:
    """One request whose path is known. `item` is the id or name in the path; `body` the JSON sent, None without."""

    state: State
    behaviour: Behaviour
    item: str
    query: Mapping[str, str]
    body: Any

    def checked(self, shape: type[Strict]) -> Row:
        """The body. Raises RefusedError (400) unless it is exactly of this shape, but for what a newer server takes, too."""
        wrong = mistakes(shape, _without_newer(self.body))
        if wrong:
            raise RefusedError(400, wrong)
        body: Row = self.body
        return body


def _without_newer(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_newer(item) for name, item in value.items() if not name.startswith(NEWER)}
    return [_without_newer(item) for item in value] if isinstance(value, list) else value


Operation = Callable[[Call], Reply]


def done(what: str) -> Reply:
    return Reply(200, {"message": what})
