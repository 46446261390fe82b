"""Every path of the API that is emulated, as a literal table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.aigo import checks, objects
from registry.aigo.calls import Call, Operation, Reply

EMPTY: Final = (  # lists that `lf` reads for a run configuration or a dump, and that are no business of ours
    "ai-apps",
    "dataset-generators",
    "datasets",
    "domains",
    "evaluations",
    "frameworks",
    "providers",
    "risk-scorers",
    "risk-scoring-methodologies",
    "tags",
    "tasks",
    "use-cases",
    "users",
)


def _empty(name: str) -> Operation:
    def operation(call: Call) -> Reply:
        return Reply(200, {name.replace("-", "_"): []})

    return operation


# By path below /api, with * for an id, then by method.
ROUTES: Final[Mapping[tuple[str, ...], Mapping[str, Operation]]] = {
    ("models",): {"GET": objects.list_models, "POST": objects.create_model},
    ("models", "*"): {"GET": objects.get_model, "PUT": objects.replace_model, "DELETE": objects.delete_model},
    ("models", "*", "check-connection"): {"POST": checks.check_connection},
    ("models", "*", "check-status"): {"POST": checks.check_status},
    ("models", "*", "transform-input"): {"POST": checks.transform_input},
    ("models", "*", "run-inference"): {"POST": checks.run_inference},
    ("models", "*", "transform-output"): {"POST": checks.transform_output},
    ("model-adapters",): {"GET": objects.list_adapters, "POST": objects.create_adapter},
    ("model-adapters", "*"): {
        "GET": objects.get_adapter,
        "PUT": objects.replace_adapter,
        "DELETE": objects.delete_adapter,
    },
    ("model-adapter-providers",): {"GET": objects.list_adapter_providers},
    ("model-adapter-providers", "*"): {"GET": objects.get_adapter_provider},
    ("model-providers",): {"GET": objects.list_model_providers},
    ("model-providers", "*"): {"GET": objects.get_model_provider},
    ("integrations",): {"GET": objects.list_integrations},
    ("integrations", "*"): {"GET": objects.get_integration, "PUT": objects.put_integration},
    ("integrations", "*", "test"): {"GET": objects.test_integration},
    ("secrets",): {"GET": objects.list_secrets, "POST": objects.put_secret},
    ("secrets", "*"): {"DELETE": objects.delete_secret},
    **{(name,): {"GET": _empty(name)} for name in EMPTY},
}

# What a query may hold, by method and the form of the path; anything else is a mistake of the caller's.
QUERIES: Final[Mapping[tuple[str, ...], frozenset[str]]] = {
    ("GET", "models"): frozenset({"key"}),
    ("GET", "models", "*"): frozenset({"task_result_id"}),
    ("GET", "model-adapters"): frozenset({"key"}),
    ("GET", "model-adapters", "*"): frozenset({"task_result_id"}),
}


def tries(parts: tuple[str, ...]) -> bool:
    """Whether a POST to this path only tries a model out, and writes nothing."""
    return len(parts) == 3 and parts[0] == "models"
