"""What the driver `mlflow` is exercised with: every native kind with every field, and portable Models."""

from __future__ import annotations

from typing import Any, Final

from world import Document, model

from reconciler.testing.sample import Sample


def native(kind: str, key: str, **fields: Any) -> Document:
    """A native document of the driver: `native("RegisteredModel", "churn", description="…")`."""
    return {"kind": f"mlflow/{kind}", "key": key, **fields}


CHURN: Final = native("RegisteredModel", "churn")
VERSIONS: Final = (
    native("ModelVersion", "promoted/summer", source="s3://models/promoted/summer"),
    native("ModelVersion", "promoted/autumn", source="s3://models/promoted/autumn"),
)

REGISTERED: Final = Sample(
    native(
        "RegisteredModel",
        "registered",
        description="Who is about to leave us.\n",
        tags={"team": "cx", "empty": "", "a b/c:d.e-f_g": "é\n"},
    ),
    {
        "/description": ("Who leaves.", ""),
        "/tags/team": ("dx", ""),
        "/tags": ({"other": "1"}, {}),
    },
)
PROMOTED: Final = Sample(  # its versions would go with it, so it is in no test that deletes it
    native("RegisteredModel", "promoted", aliases={"champion": {"version": "summer"}, "rival": {"version": "autumn"}}),
    {
        "/aliases/champion": ({"version": "autumn"}, "1", 2),
        "/aliases": ({"champion": {"version": "summer"}, "Old-é_1": {"version": "autumn"}}, {}),
    },
    beside=VERSIONS,
)
VERSION: Final = Sample(
    native(
        "ModelVersion",
        "churn/summer",
        source="s3://models/churn/1?y=1#z",
        run_id="8d1c0f2e6b7a4c5d9e0f1a2b3c4d5e6f",
        run_link="https://mlflow.example.com/#/runs/8d1c",
        description="Trained on the summer's data.",
        tags={"accuracy": "0.93", "empty": ""},
    ),
    {
        "/description": ("Trained again.", ""),
        "/tags/accuracy": ("0.94",),
        "/tags": ({"f1": "0.9"}, {}),
        "/source": ("s3://models/churn/2",),
        "/run_id": ("0d1c0f2e6b7a4c5d9e0f1a2b3c4d5e6f",),
        "/run_link": ("https://mlflow.example.com/#/runs/0d1c",),
    },
    required=("/source",),
    beside=(CHURN,),
)
SECRET: Final = Sample(
    native(
        "Secret",
        "secret",
        provider="openai",
        secret_value={"api_key": "${env:KEY}"},
        auth_config={"api_base": "https://llm.example.com/v1", "api_version": "1"},
    ),
    {
        "/auth_config/api_base": ("https://other.example.com/v1",),
        "/auth_config/api_version": ("2",),
        "/auth_config": ({"api_base": "https://other.example.com"},),
        "/secret_value": ({"api_key": "${env:KEY}", "api_token": "${env:TOKEN}"},),
        "/provider": ("anthropic",),
    },
    required=("/provider",),
)
SECRETS: Final = (
    native("Secret", "openai", provider="openai", secret_value={"api_key": "${env:KEY}"}),
    native("Secret", "other", provider="openai", secret_value={"api_key": "${env:TOKEN}"}),
)
DEFINITION: Final = Sample(
    native("ModelDefinition", "definition", provider="openai", model_name="gpt-5-nano", secret="openai"),
    {"/provider": ("anthropic",), "/model_name": ("gpt-5",), "/secret": ("other",)},
    required=("/provider", "/model_name", "/secret"),
    beside=SECRETS,
)
DEFINITIONS: Final = (
    *SECRETS,
    native("ModelDefinition", "small", provider="openai", model_name="gpt-5-nano", secret="openai"),
    native("ModelDefinition", "large", provider="openai", model_name="gpt-5", secret="openai"),
)
ENDPOINT: Final = Sample(
    native(
        "Endpoint",
        "endpoint",
        models=[
            {"definition": "small", "weight": 0.25},
            {"definition": "large", "linkage": "FALLBACK", "fallback_order": 1},
        ],
        routing_strategy="REQUEST_BASED_TRAFFIC_SPLIT",
        fallback_config={"strategy": "SEQUENTIAL", "max_attempts": 2},
        usage_tracking=False,
        tags={"team": "cx", "empty": ""},
    ),
    {
        "/models": (
            [{"definition": "large"}],
            [{"definition": "large", "weight": 0.5}, {"definition": "small", "weight": 0.5}],
            [{"definition": "large", "weight": 1 / 3}, {"definition": "small", "weight": 0.66666667}],
        ),
        "/fallback_config/max_attempts": (3,),
        "/fallback_config": ({"strategy": "SEQUENTIAL"},),
        "/routing_strategy": (),
        "/usage_tracking": (True,),
        "/tags/team": ("dx",),
        "/tags": ({"other": "1"}, {}),
    },
    required=("/models",),
    beside=DEFINITIONS,
)
PORTABLE: Final = Sample(
    model(
        "support-chat",
        display_name="Support chat",
        description="Answers questions.",
        endpoint={
            "url": "https://llm.example.com/v1",
            "model": "gpt-oss-120b",
            "format": "openai",
            "api_key": "${env:KEY}",
        },
        tags=["support", "prod"],
        labels={"team": "cx"},
        metadata={"cost_centre": 42, "nothing": None},
    ),
    {
        "/description": ("Answers more.",),
        "/display_name": ("Support",),
        "/endpoint/url": ("https://other.example.com",),
        "/endpoint/model": ("other",),
        "/endpoint/format": ("anthropic",),
        "/tags": (["prod"],),
        "/labels/team": ("dx",),
        "/metadata/cost_centre": (43, None),
    },
    required=("/endpoint/url",),
    native=False,
)
