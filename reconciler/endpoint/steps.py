"""The account of one test: each step with how it ended, and everything that is shown freed from secrets."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from reconciler.core.errors import RegistryError
from reconciler.endpoint.values import DegradedError, FailedError, with_hint
from reconciler.registry.capabilities import Check, Step, TestResult
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
        """Run a step: the result of `work`, which comes with a message. Raises StoppedError where it raises FailedError or RegistryError."""
        began = time.perf_counter()
        try:
            found, message = await work()
        except (FailedError, RegistryError) as error:
            self._failed(name, time.perf_counter() - began, error)
            raise StoppedError from error
        self._add(name, time.perf_counter() - began, message, ok=True)
        return found

    async def attempt(self, name: str, work: Callable[[], Awaitable[tuple[Found, str]]]) -> Found | None:
        """Run a step that others do not depend on: None where it fails, or degrades (DegradedError)."""
        began = time.perf_counter()
        try:
            found, message = await work()
        except DegradedError as error:
            self._add(name, time.perf_counter() - began, str(error), ok=True, degraded=True)
            return None
        except (FailedError, RegistryError) as error:
            self._failed(name, time.perf_counter() - began, error)
            return None
        self._add(name, time.perf_counter() - began, message, ok=True)
        return found

    def fail(self, name: str, message: str) -> None:
        """A step that ended badly before it began."""
        self._add(name, 0.0, message, ok=False)

    def degrade(self, name: str, message: str) -> None:
        """Makes a step that passed a degraded one; `message` says why."""
        for index, check in enumerate(self._checks):
            if check.name == name:
                said = self.excerpt(f"{message}; {check.message}" if check.message else message)
                self._checks[index] = check._replace(message=said, degraded=True)

    def keep(self, name: str, text: str, *, template: str | None = None, status: int | None = None) -> None:
        """Keep the output of a step, in full; it takes the place of what the same step gave before."""
        template = self._redactor(template) if template is not None else None
        self._texts = [one for one in self._texts if one.name != name]
        self._texts.append(Step(name, self._redactor(text), template, status))

    def excerpt(self, text: str, most: int = SHOWN) -> str:
        """The beginning of a text, on one line: secrets are masked before it is cut."""
        return self._redactor.excerpt(text, most)

    def seconds(self, name: str) -> float:
        """The duration of a step that is over, in seconds."""
        return next(check.duration for check in self._checks if check.name == name)

    def end(self) -> TestResult:
        checks, output = tuple(self._checks), self._redactor.data(self.output)
        return TestResult(checks, output, tuple(self._texts), self.capabilities, self.figures)

    def _failed(self, name: str, seconds: float, error: FailedError | RegistryError) -> None:
        message = with_hint(error) if isinstance(error, RegistryError) else str(error)
        self._add(name, seconds, message, ok=False)

    def _add(self, name: str, seconds: float, message: str, *, ok: bool, degraded: bool = False) -> None:
        self._checks.append(Check(name, ok, self.excerpt(message), seconds, degraded))
