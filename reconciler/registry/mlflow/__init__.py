"""MLflow, its model registry and its AI Gateway: its offline half, which speaks to nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.registry.driver import Driver, ModelFacts, RemoteDriver, Resolver, location_of
from reconciler.registry.mlflow.compile import compile_model
from reconciler.registry.mlflow.facts import describe
from reconciler.registry.mlflow.kinds import KINDS
from reconciler.registry.mlflow.settings import Settings


class MlflowDriver(RemoteDriver):
    """The driver `mlflow`."""

    def location(self, settings: Settings, resolver: Resolver) -> str:
        """The canonical URL, and the workspace where the entry names one."""
        return location_of(settings.url, resolver, below=f"#{settings.workspace}" if settings.workspace else "")

    def normalize(self, settings: Settings, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """`spec` with the numbers of versions as text, as the server has them."""
        aliases = spec.get("aliases")
        if kind != "RegisteredModel" or not isinstance(aliases, Mapping):
            return spec
        texts = {name: str(value) if isinstance(value, int) else value for name, value in aliases.items()}
        return {**spec, "aliases": texts}

    def describe(self, kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts:
        """Facts of a model in a native object."""
        return describe(kind, spec)


DRIVER: Final[Driver] = MlflowDriver(
    "mlflow", KINDS.values(), Settings, store=f"{__name__}.store", compile=compile_model
)
