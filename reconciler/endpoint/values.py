"""Subjects of tests, and the errors with which a step ends: values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reconciler.core.errors import ReconcilerError
from reconciler.core.model import Endpoint
from reconciler.core.resource import Address


class Adapter(NamedTuple):
    """Templates between the standard form and an endpoint's own: `before` makes the request, `after` the answer."""

    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A declared model behind an endpoint.

    `addresses` are where it goes, sorted; the first names it in answers. `parameters` are the manifest's own, under their portable names. `adapter` is what
    its manifest names, where the same manifests declare it; `adapter_missing` says why the one that it names cannot be applied here. `locate`
    tells `file:line` of a pointer into its manifest.
    """

    key: str
    addresses: tuple[Address, ...]
    endpoint: Endpoint
    task: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    adapter: Adapter | None = None
    adapter_missing: str = ""
    locate: Callable[[str], str] = field(default=lambda pointer: "", compare=False, repr=False)

    @property
    def format(self) -> str:
        return self.endpoint.format or "openai"


class FailedError(Exception):
    """A step that ended badly. Its text says how; a failed check is made of it."""


class RefusedError(FailedError):
    """The endpoint answered with a status of 400 or above. `reason` holds its own words alone, or nothing."""

    def __init__(self, message: str, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class DegradedError(Exception):
    """A step that the endpoint cannot do, though it does the rest. Its text says why; a degraded check is made of it."""


def with_hint(error: ReconcilerError) -> str:
    """An error as one text. The HTTP layer words its hints for registries."""
    hint = (error.hint or "").replace("registry", "endpoint")
    return f"{error.message} ({hint})" if hint else error.message
