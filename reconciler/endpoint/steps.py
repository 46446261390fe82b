"""The account of one test: each step with how it ended, and everything that is shown freed from secrets."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from reconciler.core.errors import RegistryError
from reconciler.endpoint.values import FailedError, Step, Tried, with_hint
from reconciler.registry.capabilities import Check
from reconciler.registry.http import Redactor

Found = TypeVar("Found")

SHOWN: Final = 300  # characters of a message


class StoppedError(Exception):
    """A step failed, and is told: nothing comes after it."""


class Steps:
    """Grows while a model is tested; `end` makes a value of it."""

    def __init__(self, redactor: Redactor) -> None:
        self.output: Any = None
        self.capabilities: dict[str, str] = {}
        self.figures: dict[str, float] = {}
        self._redactor = redactor
        self._checks: list[Check] = []
        self._texts: list[Step] = []

    async def run(self, name: str, work: Callable[[], Awaitable[tuple[Found, str]]]) -> Found:
        """What `work` finds; with it comes a message. Raises StoppedError where it raises FailedError or RegistryError."""
        began = time.perf_counter()
        try:
            found, message = await work()
        except (FailedError, RegistryError) as error:
            message = with_hint(error) if isinstance(error, RegistryError) else str(error)
            self._add(name, time.perf_counter() - began, message, ok=False)
            raise StoppedError from error
        self._add(name, time.perf_counter() - began, message, ok=True)
        return found

    def failed(self, name: str, message: str) -> None:
        """A step that ended badly before it began."""
        self._add(name, 0.0, message, ok=False)

    def keep(self, name: str, text: str) -> None:
        """What a step gave, in full."""
        self._texts.append(Step(name, self._redactor(text)))

    def seconds(self, name: str) -> float:
        """How long a step took that is over."""
        return next(check.duration for check in self._checks if check.name == name)

    def end(self) -> Tried:
        return Tried(tuple(self._checks), self._clean(self.output), tuple(self._texts), self.capabilities, self.figures)

    def _add(self, name: str, seconds: float, message: str, *, ok: bool) -> None:
        self._checks.append(Check(name, ok, self._redactor.excerpt(message, SHOWN), seconds))

    def _clean(self, value: Any) -> Any:
        """What a model answered, in case it repeats what it was sent."""
        if isinstance(value, str):
            return self._redactor(value)
        if isinstance(value, dict):
            return {self._redactor(name): self._clean(item) for name, item in value.items()}
        return [self._clean(item) for item in value] if isinstance(value, list) else value
