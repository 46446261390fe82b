"""One entry of `registries` in reconciler.yaml, with its driver and checked settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reconciler.core.kind import Kind
from reconciler.core.resource import RegistryFacts
from reconciler.core.rules import Node
from reconciler.registry.capabilities import HasContainer, NamesProviders, Normalizes
from reconciler.registry.protocol import Driver


def portable_kind(driver: Driver) -> Kind:
    """The kind of a driver that a portable Model becomes: the one that counts as a model."""
    kinds = driver.kinds.values()
    first, *_ = (*(kind for kind in kinds if kind.portable), *(kind for kind in kinds if kind.counts_in_guards))
    return first


@dataclass(frozen=True)
class RegistryEntry:
    """One entry of `registries`. `settings` is the driver's model, with references still in it."""

    name: str
    driver: Driver
    settings: Any
    facts: RegistryFacts
    default: bool

    @property
    def portable(self) -> Kind:
        """The kind that a portable Model becomes: the one that counts as a model."""
        return portable_kind(self.driver)

    # A capability is a question to the whole of a driver, and these are asked for every object.

    @cached_property
    def container(self) -> HasContainer | None:
        """The driver as one whose objects are in another, or None."""
        return self.driver if isinstance(self.driver, HasContainer) else None

    @cached_property
    def normalizing(self) -> Normalizes | None:
        """The driver as one that normalizes specs, or None."""
        return self.driver if isinstance(self.driver, Normalizes) else None

    @cached_property
    def own_providers(self) -> frozenset[str]:
        """The providers that only this driver's registries have."""
        return frozenset(self.driver.providers if isinstance(self.driver, NamesProviders) else ())

    @cached_property
    def override(self) -> Node:
        """The fields that an override of this registry may set, with their rules."""
        return self.portable.root
