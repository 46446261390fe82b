"""The native kinds of MLflow: the model registry's, and the AI Gateway's. Every field as version 3.17.2 behaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.registry.driver import (
    Boolean,
    CannotClear,
    Choice,
    Constraint,
    Default,
    Immutable,
    Kind,
    Normalized,
    Number,
    OpenChoice,
    Ref,
    SecretText,
    Unordered,
    WriteOnly,
)
from reconciler.registry.mlflow.forms import (
    ENDPOINT_RULES,
    LONGEST_TEXT,
    LONGEST_VERSION_TAG,
    MODEL_RULES,
    NAME_RULES,
    SERVED,
    SOURCE,
    VERSION_RULES,
    VersionNumber,
    empty_is_absent,
    no_longer,
    refuses_aliases,
    refuses_auth_config,
    refuses_longer,
    refuses_models,
    refuses_source,
    refuses_tags,
    single_precision,
)
from reconciler.registry.mlflow.marks import SIGNED

_UNTOLD: Final = "the server cannot tell it from absent"

Description = Annotated[
    str | None,
    Normalized(empty_is_absent, _UNTOLD),
    Constraint(refuses_longer(LONGEST_TEXT), "PostgreSQL takes no more", no_longer(LONGEST_TEXT)),
]


class VersionName(Record):
    """A version by the name that its manifest gives it."""

    version: Annotated[str, Field(min_length=1), Ref("ModelVersion", nested=True, ordered=False, must_exist=False)] = (
        Field(
            description="The name of a version of this model, as its own manifest has it behind the slash.",
            examples=["summer"],
        )
    )


class RegisteredModel(Record):
    """A registered model. Deleting it deletes its versions, so that needs `--allow-deletes`; where an alias names one of them only `state: absent` does."""

    description: Description = Field(None, description="What it is for.", examples=["Who is about to leave us."])
    tags: Annotated[
        dict[str, str] | None,
        Normalized(empty_is_absent, _UNTOLD),
        Constraint(refuses_tags(LONGEST_TEXT), "the server's form of tags, and PostgreSQL's length"),
    ] = Field(None, description="Names with values, all of them text.", examples=[{"team": "cx"}])
    aliases: Annotated[
        dict[
            str,
            Annotated[
                Annotated[int | str, VersionNumber()] | VersionName,
                Ref("ModelVersion", nested=True, ordered=False, must_exist=False),
            ],
        ]
        | None,
        Normalized(empty_is_absent, _UNTOLD),
        Constraint(refuses_aliases, "the server's form of aliases"),
    ] = Field(
        None,
        description="Which version each alias names: by its number, or by the name of a declared one.",
        examples=[{"champion": {"version": "summer"}, "previous": 3}],
    )


class ModelVersion(Record):
    """A version of a registered model; its key is `MODEL/NAME`, with a name of your own. A version never changes where it comes from: another
    `source`, `run_id` or `run_link` makes a new one, to which name and aliases move, and the old one stays as history."""

    source: Annotated[str, Field(min_length=1), Constraint(refuses_source, "the server's form of sources", SOURCE)] = (
        Field(
            description="Where its files are. Without a `run_id` it is in a store of its own: a local path or http:// is refused.",
            examples=["s3://models/churn/2026-11"],
        )
    )
    run_id: Annotated[str | None, Normalized(empty_is_absent, _UNTOLD)] = Field(
        None, description="The run that made it.", examples=["8d1c0f2e6b7a4c5d9e0f1a2b3c4d5e6f"]
    )
    run_link: Annotated[str | None, Normalized(empty_is_absent, _UNTOLD)] = Field(
        None, description="Where to look that run up.", examples=["https://mlflow.example.com/#/runs/8d1c"]
    )
    description: Description = Field(None, description="What is new in it.", examples=["Trained on the summer's data."])
    tags: Annotated[
        dict[str, str] | None,
        Normalized(empty_is_absent, _UNTOLD),
        Constraint(refuses_tags(LONGEST_VERSION_TAG), "the server's form of tags, and PostgreSQL's length"),
    ] = Field(None, description="Names with values, all of them text.", examples=[{"accuracy": "0.93"}])


class SecretValue(Record):
    """A secret of the AI Gateway: what it says to a provider. It is written whole, so all of its members are needed when one changes."""

    provider: Annotated[str, Field(min_length=1), Immutable("the server ignores another one")] = Field(
        description="The provider that it is for.", examples=["openai"]
    )
    secret_value: Annotated[
        dict[
            str,
            Annotated[
                SecretText,
                WriteOnly("shown as a mask only", keeps="presence"),
                CannotClear("the last one cannot be taken away"),
            ],
        ]
        | None,
        Normalized(empty_is_absent, _UNTOLD),
    ] = Field(
        None, description="The credentials, each as a reference.", examples=[{"api_key": "${env:OPENAI_API_KEY}"}]
    )
    auth_config: Annotated[
        dict[str, str] | None,
        Normalized(empty_is_absent, _UNTOLD),
        CannotClear("the server keeps the last one"),
        Constraint(refuses_auth_config, "the server shows it in plain text"),
    ] = Field(
        None,
        description="What else reaching the provider takes, shown to everybody.",
        examples=[{"api_base": "https://llm.example.com/v1"}],
    )


class ModelDefinition(Record):
    """A provider's model, and the secret with which it is asked."""

    provider: Annotated[str, Field(min_length=1)] = Field(description="The provider.", examples=["openai"])
    model_name: Annotated[str, Field(min_length=1, max_length=256)] = Field(
        description="The model's name at the provider.", examples=["gpt-5-nano"]
    )
    secret: Annotated[str, Field(min_length=1), Ref("Secret", hint="declare a mlflow/Secret")] = Field(
        description="The secret, by name.", examples=["openai"]
    )


class EndpointModel(Record):
    """One of the models that an endpoint may ask."""

    definition: Annotated[str, Field(min_length=1), Ref("ModelDefinition", hint="declare a mlflow/ModelDefinition")] = (
        Field(description="The model definition, by name.", examples=["gpt-5-nano"])
    )
    linkage: Annotated[str | None, Choice(("PRIMARY", "FALLBACK")), Default("PRIMARY", "most are")] = Field(
        None, description="Asked in the first place, or where those fail. PRIMARY if absent.", examples=["FALLBACK"]
    )
    weight: Annotated[
        float | None,
        Number(minimum=0),
        Default(1.0, "so the server has it"),
        Normalized(single_precision, "the server keeps 32 bits of it"),
    ] = Field(None, description="Its share of the traffic among the primary ones. 1 if absent.", examples=[0.9])
    fallback_order: Annotated[int | None, Number(integer=True, minimum=0)] = Field(
        None, description="Its place among the fallbacks: the lowest is asked first.", examples=[1]
    )


class FallbackConfig(Record):
    """How an endpoint falls back."""

    strategy: Annotated[str | None, OpenChoice(("SEQUENTIAL",))] = Field(
        None, description="In which way the fallbacks are asked.", examples=["SEQUENTIAL"]
    )
    max_attempts: Annotated[int | None, Number(integer=True, minimum=0)] = Field(
        None, description="The most attempts in all.", examples=[3]
    )


class Endpoint(Record):
    """An endpoint of the AI Gateway: a name under which one or several models are asked."""

    models: Annotated[
        list[EndpointModel],
        Field(min_length=1),
        Unordered("weights and `fallback_order` say what the order might"),
        Constraint(refuses_models, "the server takes what it cannot serve", SERVED),
    ] = Field(description="The models that it may ask.")
    routing_strategy: Annotated[
        str | None, OpenChoice(("REQUEST_BASED_TRAFFIC_SPLIT",)), CannotClear("the server keeps the last one")
    ] = Field(None, description="How requests are shared out.", examples=["REQUEST_BASED_TRAFFIC_SPLIT"])
    fallback_config: Annotated[
        FallbackConfig | None, Normalized(empty_is_absent, "it can be cleared to an empty map only")
    ] = Field(None, description="How it falls back.")
    usage_tracking: Annotated[bool | None, Boolean(), Default(False, "else the server makes an experiment")] = Field(
        None,
        description="Whether its use is recorded, in an experiment of that name. False if absent.",
        examples=[True],
    )
    tags: Annotated[
        dict[str, str] | None,
        Normalized(empty_is_absent, _UNTOLD),
        Constraint(refuses_tags(LONGEST_TEXT, plain=True), "PostgreSQL takes no more"),
    ] = Field(None, description="Names with values, all of them text.", examples=[{"team": "cx"}])


_SERVERS: Final = "the server makes it up: leave it out"
_COMMON_HINTS: Final = {
    "/name": "key",
    **{
        f"/{name}": _SERVERS
        for name in ("creation_timestamp", "last_updated_timestamp", "created_by", "last_updated_by")
    },
}
_STAGE: Final = "stages are deprecated: name the version by an alias of its mlflow/RegisteredModel"
HINTS: Final[Mapping[str, Mapping[str, str]]] = {
    "RegisteredModel": {"/latest_versions": "declare a mlflow/ModelVersion for each"},
    "ModelVersion": {
        "/stage": _STAGE,
        "/current_stage": _STAGE,
        "/aliases": "they belong to its mlflow/RegisteredModel",
    },
    "SecretValue": {"/secret_name": "key", "/api_key": "secret_value.api_key", "/api_base": "auth_config.api_base"},
    "ModelDefinition": {"/secret_name": "secret", "/secret_id": "secret", "/model": "model_name"},
    "Endpoint": {"/model_configs": "models", "/model_mappings": "models"},
}


def _kind(form: Any, title: str, **traits: Any) -> Kind:
    """A kind whose objects are updated field by field: whatever no manifest says of one stays as it is."""
    hints = {**_COMMON_HINTS, **HINTS.get(form.__name__, {})}
    return Kind(form, title, **{"partial_update": True, "hints": hints, **traits})


KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        # the first of those that count as models: what a portable Model becomes
        _kind(
            Endpoint,
            "MLflow gateway endpoint",
            key_rules=ENDPOINT_RULES,
            replace_note="meanwhile requests to it fail",
        ),
        _kind(RegisteredModel, "MLflow registered model", key_rules=MODEL_RULES, unique_ids=False),
        _kind(
            ModelVersion,
            "MLflow model version",
            key_rules=VERSION_RULES,
            unique_ids=False,
            within="RegisteredModel",
        ),
        _kind(
            SecretValue,
            "MLflow gateway secret",
            name="Secret",
            key_rules=NAME_RULES,
            marked_at=frozenset(SIGNED),
            counts_in_guards=False,
            renamable=False,
            replace_note="meanwhile the definitions that use it have no secret",
        ),
        _kind(
            ModelDefinition,
            "MLflow gateway model definition",
            key_rules=NAME_RULES,
            marked_at=frozenset(SIGNED),
            counts_in_guards=False,
        ),
    )
}
