"""The driver contract, kept by `mlflow` on the real server: every kind, with every field."""

from __future__ import annotations

from registry.mlflow_contract import MlflowContract, MlflowFields
from registry.mlflow_samples import DEFINITION, ENDPOINT, PORTABLE, PROMOTED, REGISTERED, SECRET, VERSION


class TestModels(MlflowContract):
    """Registered models and their versions."""

    samples = (REGISTERED, VERSION)


class TestAliases(MlflowFields):
    """The aliases of a model, by number and by name."""

    samples = (PROMOTED,)


class TestGateway(MlflowContract):
    """Secrets, model definitions and endpoints."""

    samples = (SECRET, DEFINITION, ENDPOINT)


class TestPortable(MlflowContract):
    """A portable Model: an endpoint, its definition and its secret."""

    samples = (PORTABLE,)
