"""The native kinds of watsonx Orchestrate: virtual models, policies over them, and the connections that hold their credentials.

No server could be reached, so what nobody knows is declared as what does no harm: see the rules. Names are not unique: two models of one name are a conflict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.registry.driver import (
    Boolean,
    Cel,
    Constraint,
    Default,
    Kind,
    Normalized,
    Number,
    OpenChoice,
    Ref,
    SecretText,
    ServerDefault,
    Unordered,
    WriteOnly,
)
from reconciler.registry.watsonx.inference import Config, Real, Whole
from reconciler.registry.watsonx.marks import refuses_tags
from reconciler.registry.watsonx.names import APP_RULE, MODEL, MODEL_RULE, POLICY_RULE, provider_of, unless_name
from reconciler.registry.watsonx.options import ProviderConfig, said_twice

# the values of IBM's client 2.19.1 (`tests/registry/test_watsonx_values.py` holds them against it); servers are ahead of it
MODEL_TYPES: Final = ("chat", "chat_vision", "completion", "embedding")
KEY_VALUE: Final = "key_value_creds"
SECURITY_SCHEMES: Final = (KEY_VALUE, "basic_auth", "bearer_token", "api_key_auth", "oauth2", "custom_schema")
AUTH_TYPES: Final = (
    "oauth2_auth_code", "oauth2_password", "oauth2_client_creds", "oauth_on_behalf_of_flow", "oauth2_token_exchange",
    "oauth2_direct_accesstoken", "oauth2_jwt_bearer",
)  # fmt: skip
STRATEGY_MODES: Final = ("loadbalance", "fallback", "single")
PREFERENCES: Final = ("team", "member")
ENVIRONMENTS: Final = ("draft", "live")

_NAMED: Final = Normalized(unless_name, "its name is shown where there is none")
DisplayName = Annotated[str | None, _NAMED]


def or_absent(value: Any) -> Any:
    """None for an empty list."""
    return None if value == [] else value


class Model(Record):
    """A virtual model."""

    display_name: DisplayName = Field(None, description="The name that people see.", examples=["Support chat"])
    description: DisplayName = Field(None, description="What it is for.", examples=["Answers customer questions."])
    provider_config: Annotated[ProviderConfig | None, Constraint(said_twice, "an option has one name at a time")] = (
        Field(None, description="How the provider is reached. Which provider it is follows from the model's name.")
    )
    config: Config | None = Field(None, description="Inference parameters.")
    tags: Annotated[
        list[str] | None,
        Normalized(or_absent, "an empty list is as good as none"),
        Unordered("tags are a set"),
        Constraint(refuses_tags, "some tags are kept for whose the model is, and for what the server says of it"),
    ] = Field(None, description="Words to find it by. `default` makes it the tenant's default.", examples=[["support"]])
    model_type: Annotated[str | None, OpenChoice(MODEL_TYPES), Default("chat", "so the API has it")] = Field(
        None, description="What the model does. `chat` if absent.", examples=["chat"]
    )
    app_id: Annotated[
        str | None,
        Field(min_length=1),
        Ref(
            "Connection", hint="declare a watsonx/Connection of that key, or add one with `orchestrate connections add`"
        ),
    ] = Field(
        None, description="The connection that holds its credentials, by its `app_id`.", examples=["openai_creds"]
    )


class Strategy(Record):
    """How one of the targets is chosen."""

    mode: Annotated[str | None, OpenChoice(STRATEGY_MODES)] = Field(None, description="The way.", examples=["fallback"])
    on_status_codes: list[Annotated[int, Number(integer=True)]] | None = Field(
        None, description="The answers after which the next target is tried.", examples=[[503]]
    )


class Retry(Record):
    """When a target is tried again."""

    attempts: Whole = Field(None, description="How often.", examples=[3])
    on_status_codes: list[Annotated[int, Number(integer=True)]] | None = Field(
        None, description="The answers after which it is tried again.", examples=[[503]]
    )


def elsewhere(name: str) -> bool:
    """Whether a target is no virtual model: one that comes with the platform, or another policy."""
    return not name.startswith(MODEL)


ModelName = Annotated[
    str | None, Field(min_length=1), Ref("Model", hint="declare a watsonx/Model of that name", elsewhere=elsewhere)
]


def _one_form(target: Any) -> str | None:
    if not isinstance(target, Mapping):
        return None
    single, several = target.get("model_name") is not None, target.get("targets") is not None
    return None if single != several else "must hold either model_name, or targets of its own"


_FORM: Final = Constraint(
    _one_form, "a target is a model, or has targets of its own", Cel("has(self.model_name) != has(self.targets)")
)


class InnerTarget(Record):
    """One of the models of a target."""

    model_name: ModelName = Field(None, description="The model.", examples=["virtual-model/openai/gpt-4o"])
    weight: Real = Field(None, description="Its share, with `loadbalance`.", examples=[1])


class Target(Record):
    """A model, or several that are one target together."""

    model_name: ModelName = Field(None, description="The model.", examples=["virtual-model/openai/gpt-4o"])
    weight: Real = Field(None, description="Its share, with `loadbalance`.", examples=[0.5])
    strategy: Strategy | None = Field(None, description="How one of the targets of its own is chosen.")
    retry: Retry | None = Field(None, description="When they are tried again.")
    targets: list[InnerTarget] | None = Field(None, description="The targets of its own.")


class Rules(Record):
    """What a policy says."""

    strategy: Strategy | None = Field(None, description="How one of the targets is chosen.")
    retry: Retry | None = Field(None, description="When a target is tried again.")
    targets: list[Annotated[Target, _FORM]] = Field(description="What is chosen from, in order.")


class Policy(Record):
    """A policy: several models that look like one. The server has no room for a mark in it."""

    display_name: DisplayName = Field(None, description="The name that people see.", examples=["Support chat"])
    description: DisplayName = Field(None, description="What it is for.", examples=["Falls back to a smaller model."])
    policy: Rules = Field(description="What it says.")


def _team_only(environment: Any) -> str | None:
    if not isinstance(environment, Mapping) or environment.get("preference") != "member":
        return None
    key_value = environment.get("security_scheme") in (None, KEY_VALUE)
    return "cannot be for members: credentials of the scheme key_value_creds belong to the team" if key_value else None


_ENTERED: Final = ServerDefault("without `credentials` here, they are entered elsewhere")


class Environment(Record):
    """A connection as one environment has it."""

    security_scheme: Annotated[str | None, OpenChoice(SECURITY_SCHEMES), Default(KEY_VALUE, "what models take")] = (
        Field(None, description="The kind of the credentials. `key_value_creds` if absent.", examples=[KEY_VALUE])
    )
    auth_type: Annotated[str | None, OpenChoice(AUTH_TYPES)] = Field(
        None, description="How tokens are had, with `oauth2`.", examples=["oauth2_client_creds"]
    )
    preference: Annotated[str | None, OpenChoice(PREFERENCES), Default("team", "what models take")] = Field(
        None, description="Whose the credentials are. `team` if absent.", examples=["team"]
    )
    credentials: (
        Annotated[
            dict[str, Annotated[SecretText, WriteOnly("the server tells only whether there are any")]],
            Field(min_length=1),
        ]
        | None
    ) = Field(
        None,
        description="The credentials by name. With `key_value_creds` they are added to the `provider_config` of each model that uses them. Left alone where absent.",
        examples=[{"api_key": "${env:OPENAI_API_KEY}"}],
    )
    credentials_entered: Annotated[bool | None, Boolean(), _ENTERED] = Field(
        None, description="Whether there are any. True where `credentials` are declared.", examples=[True]
    )


_KEPT: Final = ServerDefault("the API takes no environment away")
_TEAM: Final = Constraint(
    _team_only,
    "credentials of the scheme key_value_creds belong to the team",
    Cel(
        "!has(self.preference) || self.preference != 'member' || "
        f"(has(self.security_scheme) && self.security_scheme != '{KEY_VALUE}')"
    ),
)


class Environments(Record):
    """The two environments of an agent."""

    draft: Annotated[Environment | None, _KEPT, _TEAM] = Field(None, description="While an agent is being built.")
    live: Annotated[Environment | None, _KEPT, _TEAM] = Field(None, description="Once it is deployed.")


class Connection(Record):
    """A connection: where credentials are kept. The key is its `app_id`. The server has no room for a mark in it."""

    environments: Environments = Field(description="What it holds for each environment.")


_SERVERS: Final = "the server makes it up: leave it out"
_ACCOUNT: Final = "keep the JSON in a file beside the manifest that git ignores, and write ${file:sa.json}"
_MADE_UP: Final = {
    f"/{name}": _SERVERS
    for name in ("id", "tenant_id", "tenant_name", "created_on", "created_by", "updated_at", "provider", "model_name")
}
_MODEL_HINTS: Final = {
    "/name": "key",
    "/connection_id": "app_id",
    "/provider_config/provider": "the provider is part of the key: virtual-model/<provider>/<model>",
    "/provider_config/apiKey": "api_key",
    "/provider_config/vertexServiceAccountJson": _ACCOUNT,
    "/provider_config/vertex_service_account_json": _ACCOUNT,
    **_MADE_UP,
}
_POLICY_HINTS: Final = {"/name": "key", **_MADE_UP}
_CONNECTION_HINTS: Final = {
    "/app_id": "key",
    "/connection_id": _SERVERS,
    "/environments/*/kind": "security_scheme",
    "/environments/*/type": "preference",
}
_BESIDE: Final[dict[str, Any]] = {"markable": False, "counts_in_guards": False}
KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(
            Model,
            "watsonx virtual model",
            key_rules=(MODEL_RULE,),
            unique=False,
            found_by_mark=True,
            provider_of=provider_of,
            hints=_MODEL_HINTS,
        ),
        Kind(
            Policy,
            "watsonx model policy",
            key_rules=(POLICY_RULE,),
            unique=False,
            hints=_POLICY_HINTS,
            **_BESIDE,
        ),
        Kind(Connection, "watsonx connection", key_rules=(APP_RULE,), hints=_CONNECTION_HINTS, **_BESIDE),
    )
}
