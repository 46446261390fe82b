"""LiteLLM Proxy: its offline half, which speaks to nobody. The mark is in a model's `model_info`. There is no rename."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.registry.driver import Driver, ModelFacts, RemoteDriver
from reconciler.registry.litellm.compile import compile_model
from reconciler.registry.litellm.facts import describe
from reconciler.registry.litellm.kinds import KINDS
from reconciler.registry.litellm.settings import Settings


class LitellmDriver(RemoteDriver):
    """The driver `litellm`."""

    def describe(self, kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts:
        """Facts of a model in a native object."""
        return describe(kind, key, spec)


DRIVER: Final[Driver] = LitellmDriver(
    "litellm", KINDS.values(), Settings, store=f"{__name__}.store", compile=compile_model
)
