"""The native kinds of NeMo Platform: model entities, and what stands beside them in a workspace.

Only models have room for a mark (`custom_fields.reconciler`); of the rest, what is ours is what `owns` says, or what is named after a
model of ours. One registry entry is one workspace.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.core.schema.types import END, sensitive_header
from reconciler.registry.driver import (
    EVERY_PATH,
    NO_USER_INFO,
    BaseAddress,
    Boolean,
    CannotClear,
    Constraint,
    Default,
    HeaderMap,
    Immutable,
    Kind,
    Normalized,
    Number,
    OpenChoice,
    Pattern,
    Ref,
    SecretText,
    ServerDefault,
    WriteOnly,
)
from reconciler.registry.nemo.entities import (
    EXISTS,
    FINETUNING,
    AdaptedModel,
    Description,
    InferenceParams,
    Model,
    PlacedName,
    ProjectName,
)
from reconciler.registry.nemo.forms import (
    AUTH_FORMAT,
    MARK,
    NAME_RULE,
    ONE_LIMIT,
    SENT_HEADERS,
    STORE_RULE,
    elsewhere,
    or_absent,
    refuses_auth_format,
    refuses_headers,
    refuses_tokens,
    refuses_tool_choice,
    refuses_user_info,
)

Headers = Annotated[
    dict[
        str,
        Annotated[str, WriteOnly("a secret where it holds a credential", only_references=True, names=sensitive_header)],
    ],
    HeaderMap(),
    Constraint(
        refuses_headers, "the server shows headers to everybody, and refuses Authorization and Cookie", SENT_HEADERS
    ),
]


class Provider(Record):
    """A model provider: an endpoint that serves models."""

    project: Annotated[ProjectName | None, CannotClear("the server keeps the last one")] = Field(
        None, description="The project it belongs to, which must exist.", examples=["cx"]
    )
    description: Description = Field(None, description="What it is for.", examples=["Our own gateway."])
    host_url: Annotated[
        str,
        Field(min_length=1, max_length=2048),
        Constraint(refuses_user_info, "a user name or password in it would be shown to everybody", NO_USER_INFO),
        BaseAddress(EVERY_PATH),
    ] = Field(
        description="The endpoint. The server does not check that it is one.", examples=["https://llm.example.com/v1"]
    )
    api_key_secret_name: Annotated[
        Annotated[str, Pattern(r"^[\w\-.]+" + END, "bad_key", "must be a name: a secret is in the same workspace", 255)]
        | None,
        Ref("Secret", hint="declare a nemo/Secret"),
    ] = Field(None, description="The secret with the endpoint's key.", examples=["llm-key"])
    enabled_models: list[str] | None = Field(
        None,
        description="The models that may be used, by their names at the endpoint. All if absent.",
        examples=[["m"]],
    )
    default_extra_body: dict[str, Any] | None = Field(
        None, description="Added to requests that do not say so themselves.", examples=[{"temperature": 0}]
    )
    default_extra_headers: Headers | None = Field(
        None, description="Headers added to requests that do not have them.", examples=[{"X-Tenant": "acme"}]
    )
    required_extra_body: dict[str, Any] | None = Field(
        None, description="Written over what requests say.", examples=[{"user": "nemo"}]
    )
    required_extra_headers: Headers | None = Field(
        None, description="Headers written over those of requests.", examples=[{"X-Tenant": "acme"}]
    )
    model_deployment_id: Annotated[str | None, Field(max_length=255), ServerDefault("a deployment writes it")] = Field(
        None, description="The deployment that it belongs to.", examples=["default/llama"]
    )
    auth_header_format: Annotated[
        str | None,
        Field(max_length=1024),
        Constraint(refuses_auth_format, "the server takes exactly one variable, and a header", AUTH_FORMAT),
    ] = Field(
        None,
        description="A Jinja template with the one variable `auth_secret` that gives `Name: value`. A bearer token if absent.",
        examples=["x-api-key: {{ auth_secret }}"],
    )


class SecretValue(Record):
    """A secret of the workspace. Its value is never asked for, so a new one is written only with `--rotate`."""

    value: Annotated[SecretText, WriteOnly("never read back")] = Field(
        description="The secret.", examples=["${env:LLM_KEY}"]
    )
    description: Annotated[str | None, Normalized(or_absent, "it can be cleared to empty text only")] = Field(
        None, description="What it is for.", examples=["The key of our gateway."]
    )


class Lora(Record):
    """The shape of a LoRA adapter."""

    rank: Annotated[int, Number(integer=True)] = Field(description="Its rank.", examples=[16])
    alpha: Annotated[int | None, Number(integer=True)] = Field(None, description="Its scaling.", examples=[32])


class Adapter(Record):
    """A LoRA adapter of a model. Deleting the model deletes it."""

    model: Annotated[
        AdaptedModel,
        Immutable("the server never changes it"),
        Ref("Model", hint="declare a nemo/Model", elsewhere=elsewhere),
    ] = Field(description="The model that it adapts, or workspace/name.", examples=["llama-3.1-8b"])
    fileset: Annotated[PlacedName, EXISTS] = Field(
        description="Its files, workspace/name: they must be there.", examples=["default/lora"]
    )
    finetuning_type: Annotated[str, OpenChoice(FINETUNING), Immutable("the server never changes it")] = Field(
        description="How it was tuned.", examples=["lora"]
    )
    description: Description = Field(None, description="What it is for.", examples=["Speaks like us."])
    enabled: Annotated[bool | None, Boolean(), Default(True, "so the server has it")] = Field(
        None, description="Whether it is served. True if absent.", examples=[True]
    )
    lora_config: Annotated[Lora | None, Immutable("the server never changes it")] = Field(
        None, description="Its shape."
    )


class Message(Record):
    """One message of a prompt."""

    role: Annotated[str, OpenChoice(("system", "developer", "user", "assistant"))] = Field(
        description="Who says it.", examples=["system"]
    )
    content: str = Field(description="What is said. May hold variables.", examples=["You are {{ name }}."])


class ToolFunction(Record):
    """A function that may be called."""

    name: Annotated[str, Field(max_length=255)] = Field(description="Its name.", examples=["look_up"])
    description: str | None = Field(None, description="What it does.", examples=["Looks an order up."])
    parameters: dict[str, Any] | None = Field(
        None, description="The JSON Schema of its arguments.", examples=[{"type": "object"}]
    )
    strict: Annotated[bool | None, Boolean()] = Field(
        None, description="Whether the schema is followed to the letter.", examples=[True]
    )


class Tool(Record):
    """A tool that may be called."""

    type: Annotated[str | None, OpenChoice(("function",)), Default("function", "so the server has it")] = Field(
        None, description="What it is. A function if absent.", examples=["function"]
    )
    function: ToolFunction = Field(description="The function.")


class Prompt(Record):
    """A prompt."""

    project: Annotated[ProjectName | None, CannotClear("the server keeps the last one")] = Field(
        None, description="The project it belongs to, which must exist.", examples=["cx"]
    )
    description: Description = Field(None, description="What it is for.", examples=["Greets customers."])
    messages: Annotated[list[Message] | None, Normalized(or_absent, "an empty list is as good as none")] = Field(
        None, description="What is said, in order."
    )
    input_variables: Annotated[list[str] | None, Normalized(or_absent, "an empty list is as good as none")] = Field(
        None, description="The variables of the messages.", examples=[["name"]]
    )
    tools: list[Tool] | None = Field(None, description="Tools that may be called.")
    tool_choice: Annotated[Any, Constraint(refuses_tool_choice, "the server takes a word or a map")] = Field(
        None, description="Which tool is called: a word, or a map.", examples=["auto"]
    )
    response_format: dict[str, Any] | None = Field(
        None, description="The form of the answer.", examples=[{"type": "json_object"}]
    )
    inference_params: Annotated[
        InferenceParams | None,
        Normalized(or_absent, "a map without anything in it is as good as none"),
        Constraint(refuses_tokens, "the server takes only one limit of tokens", ONE_LIMIT),
    ] = Field(None, description="Inference parameters.")
    tags: Annotated[list[str] | None, Normalized(or_absent, "an empty list is as good as none")] = Field(
        None, description="Words to find it by.", examples=[["support"]]
    )


class Project(Record):
    """A project of the workspace."""

    description: Annotated[str | None, Normalized(or_absent, "empty text is as good as none")] = Field(
        None, description="What it is for.", examples=["Customer experience."]
    )


class Workspace(Record):
    """A workspace. It is created, and never deleted: the server would delete everything in it, some time later."""

    description: Annotated[str | None, Normalized(or_absent, "it can be cleared to empty text only")] = Field(
        None, description="What it is for.", examples=["The support team's."]
    )


def _everybody(key: str) -> bool:
    """No workspace is ever ours to prune."""
    return bool(key)


_SERVERS: Final = "the server makes it up: leave it out"
_COMMON_HINTS: Final = {
    "/name": "key",
    "/workspace": "the workspace is the registry's: `workspace` of its entry in reconciler.yaml",
    **{f"/{name}": _SERVERS for name in ("id", "created_at", "updated_at")},
}
_WITH_A_KEY: Final = "a key belongs into a nemo/Secret, which a nemo/Provider names in `api_key_secret_name`"
HINTS: Final[Mapping[str, Mapping[str, str]]] = {
    "Model": {"/api_endpoint/api_key": _WITH_A_KEY, "/adapters": "declare a nemo/Adapter for each"},
    "Provider": {"/api_key": _WITH_A_KEY, "/url": "host_url", "/served_models": _SERVERS, "/status": _SERVERS},
    "SecretValue": {"/data": "value"},
}


def _kind(form: Any, title: str, **traits: Any) -> Kind:
    hints = {**_COMMON_HINTS, **HINTS.get(form.__name__, {})}
    return Kind(form, title, **{"key_rules": (NAME_RULE,), "hints": hints, **traits})


def _beside(form: Any, title: str, **traits: Any) -> Kind:
    """A kind that stands beside models: without room for a mark, and not counted in guards."""
    return _kind(form, title, **{"markable": False, "counts_in_guards": False, **traits})


_KEPT: Final = "a workspace is never deleted: everything in it would go with it"
KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        _kind(
            Model,
            "NeMo model",
            partial_update=True,
            cascades=frozenset({"Adapter"}),
            marked_at=frozenset({f"/custom_fields/{MARK}"}),
            descriptive=frozenset({"custom_fields", "description", "ownership"}),
        ),
        _beside(Provider, "NeMo provider"),
        _beside(SecretValue, "NeMo secret", name="Secret", partial_update=True),
        _beside(Adapter, "NeMo adapter", partial_update=True),
        _beside(Prompt, "NeMo prompt"),
        _beside(Project, "NeMo project", key_rules=(STORE_RULE,)),
        _beside(
            Workspace,
            "NeMo workspace",
            key_rules=(STORE_RULE,),
            deletable=False,
            not_deletable_reason=_KEPT,
            is_builtin=_everybody,
        ),
    )
}
