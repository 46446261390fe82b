"""IBM watsonx Orchestrate, virtual models: its offline half, which speaks to nobody.

The mark is in a model's tags. There is no rename.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconciler.registry.driver import Driver, ModelFacts, RemoteDriver
from reconciler.registry.watsonx.apps import completed
from reconciler.registry.watsonx.compile import compile_model
from reconciler.registry.watsonx.facts import describe
from reconciler.registry.watsonx.kinds import KINDS
from reconciler.registry.watsonx.options import canonical
from reconciler.registry.watsonx.settings import Settings

_NORMALIZED: Final[Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]] = {
    "Model": canonical,
    "Policy": lambda spec: spec,
    "Connection": completed,
}


class WatsonxDriver(RemoteDriver):
    """The driver `watsonx`."""

    def normalize(self, settings: Settings, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """`spec` with each provider option under the one name by which it is compared, and with what follows from credentials."""
        return _NORMALIZED[kind](spec)

    def describe(self, kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts:
        """Facts of a model in a native object."""
        return describe(kind, key, spec)


DRIVER: Final[Driver] = WatsonxDriver(
    "watsonx", KINDS.values(), Settings, store=f"{__name__}.store", compile=compile_model
)
