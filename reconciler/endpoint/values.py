"""What is tried out, and what became of it: values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reconciler.core.errors import ReconcilerError
from reconciler.core.model import Endpoint
from reconciler.core.resource import Address
from reconciler.registry.capabilities import Check


class Adapter(NamedTuple):
    """Templates between the standard form and an endpoint's own: `before` makes the request, `after` the answer."""

    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A declared model behind an endpoint.

    `addresses` are where it goes, sorted; the first names it in answers. `parameters` are the manifest's own, under their portable names. `adapter` is what
    its manifest names, where the same manifests declare it.
    """

    key: str
    addresses: tuple[Address, ...]
    endpoint: Endpoint
    task: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    adapter: Adapter | None = None

    @property
    def format(self) -> str:
        return self.endpoint.format or "openai"


class Step(NamedTuple):
    """What one step of a custom format gave, as text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one model: its checks, up to the first that failed, and all that was learnt on the way. No secret is in it.

    `output` is what the model answered, plain data. `capabilities` say of a parameter `accepted`, `ignored`, `refused` or `unknown`. `figures` are
    latency_ms, tokens_per_second and time_to_first_token_ms, as far as they are known.
    """

    checks: tuple[Check, ...]
    output: Any = None
    steps: tuple[Step, ...] = ()
    capabilities: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    @property
    def failure(self) -> str:
        """`check: what went wrong`, or nothing."""
        return next((f"{check.name}: {check.message}" for check in self.checks if not check.ok), "")


class FailedError(Exception):
    """A step that ended badly. Its text says how; the tester makes a failed check of it."""


def with_hint(error: ReconcilerError) -> str:
    """An error as one text. The HTTP layer words its hints for registries."""
    hint = (error.hint or "").replace("registry", "endpoint")
    return f"{error.message} ({hint})" if hint else error.message
