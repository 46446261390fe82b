"""Observation of a run: spans of work and measured values, for whoever listens. Nobody does unless the command line says so.

What is told are names, counts and addresses: never a value of a field, never the text of an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Final, Protocol

Attributes = Mapping[str, str | int | bool]


class Observer(Protocol):
    """Somebody who listens to a run. Nothing of it raises."""

    # a piece of work, for as long as the context is open; an error that passes through marks it as failed
    def span(self, name: str, attributes: Attributes) -> AbstractContextManager[None]: ...

    # a piece of work of so many seconds that has just ended
    def ended(self, name: str, seconds: float, attributes: Attributes) -> None: ...

    # a fact of the piece of work that is open; `failed` marks it
    def note(self, name: str, value: int, *, failed: bool) -> None: ...

    # a measured value
    def value(self, name: str, value: int, attributes: Attributes) -> None: ...


_observer: Final[ContextVar[Observer | None]] = ContextVar("observer", default=None)


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """While this is open, that observer is told."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def span(name: str, **attributes: str | int | bool) -> AbstractContextManager[None]:
    """The context of a piece of work."""
    observer = _observer.get()
    return nullcontext() if observer is None else observer.span(name, attributes)


def ended(name: str, seconds: float, **attributes: str | int | bool) -> None:
    """Tell of a piece of work that has just ended."""
    observer = _observer.get()
    if observer is not None:
        observer.ended(name, seconds, attributes)


def value(name: str, number: int, **attributes: str | int | bool) -> None:
    """Tell a measured value."""
    observer = _observer.get()
    if observer is not None:
        observer.value(name, number, attributes)
