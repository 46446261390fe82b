"""One entry of `registries` in reconciler.yaml, with its driver and checked settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel

from reconciler.core.kind import Kind
from reconciler.core.resource import RegistryFacts
from reconciler.core.rules import Node
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
    settings: BaseModel
    facts: RegistryFacts
    default: bool

    @property
    def portable(self) -> Kind:
        """The kind that a portable Model becomes: the one that counts as a model."""
        return portable_kind(self.driver)

    @cached_property
    def override(self) -> Node:
        """The fields that an override of this registry may set, with their rules."""
        return self.portable.root
