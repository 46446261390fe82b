"""A question whose declared parameters an endpoint refuses, asked again with those that it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from reconciler.endpoint.dialects import BUDGET
from reconciler.endpoint.probing import ABOUT_THE_REQUEST
from reconciler.endpoint.values import RefusedError

Found = TypeVar("Found")


class Refusal(NamedTuple):
    """A declared parameter, under its portable name, that the endpoint refuses, and its words."""

    name: str
    reason: str


async def ask_narrowed(
    ask: Callable[[Mapping[str, Any]], Awaitable[Found]], declared: Mapping[str, Mapping[str, Any]]
) -> tuple[Found, dict[str, Any], list[Refusal]]:
    """The answer, the parameters that it was given for, and those that are refused.

    `ask` sends parameters under the format's names; `declared` are they by their portable name. Raises RefusedError where the question is
    refused without any of them, too, with the words of the first refusal.
    """
    everything = {name: value for one in declared.values() for name, value in one.items()}
    try:
        return await ask(everything), everything, []
    except RefusedError as error:
        if error.status not in ABOUT_THE_REQUEST or not everything:
            raise
        first = error
    try:
        found = await ask({})
    except RefusedError:
        raise first from None
    taken: dict[str, Any] = {}
    refused: list[Refusal] = []
    # one after the other, the budget first: it makes the other answers cheaper; and two may only be refused together
    for name in sorted(declared, key=lambda one: one != BUDGET):
        try:
            found = await ask({**taken, **declared[name]})
            taken |= declared[name]
        except RefusedError as error:
            if error.status not in ABOUT_THE_REQUEST:
                raise
            refused.append(Refusal(name, error.reason))
    return found, taken, refused
