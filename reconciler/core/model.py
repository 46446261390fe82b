"""The portable Model: one manifest for every registry.

The classes are the single truth of the manifest's form: `load` validates with them, `schema` generates the JSON Schema from them. What they accept is a document *before* its references are resolved.
Titles, descriptions and examples are for the people who meet them in an editor.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from reconciler.core.providers import NAMES as PROVIDER_NAMES
from reconciler.core.rules import Unordered, WriteOnly
from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.core.schema.types import (
    END,
    NOT_BLANK,
    Boolean,
    Choice,
    HeaderMap,
    Key,
    Name,
    Number,
    OpenName,
    Pattern,
    PointerText,
    SecretText,
    Texts,
    Url,
    sensitive_header,
)
from reconciler.core.schema.unions import TextOrList
from reconciler.core.usual import USUAL

TASKS: Final = ("chat_completion", "completion", "embeddings", "rerank", "custom")
FORMATS: Final = ("openai", "anthropic", "custom")


class Tls(Record):
    """How the connection to an endpoint is secured."""

    verify: Annotated[bool | None, Boolean()] = Field(
        None, description="Whether the server's certificate is checked. Checked unless this is false.", examples=[True]
    )
    ca: str | None = Field(
        None,
        description="The certificates (PEM) that are trusted instead of the system's.",
        examples=["${file:ca.pem}"],
    )


class Endpoint(Record):
    """A model behind a URL."""

    url: Url = Field(
        description="The base URL. With format openai, `<url>/chat/completions` exists.",
        examples=["https://llm.example.com/v1"],
    )
    model: str | None = Field(None, description="The model's name at the endpoint.", examples=["gpt-oss-120b"])
    format: Annotated[str | None, Choice(FORMATS)] = Field(
        "openai", description="The wire format that the endpoint speaks.", examples=["openai"]
    )
    adapter: str | None = Field(None, description="The registry's I/O adapter, by key.", examples=["my-adapter"])
    api_key: Annotated[SecretText | None, WriteOnly("a secret", keeps="reference")] = Field(
        None,
        description="The API key, sent as a bearer token. A reference: `${env:NAME}`, `${file:path}` or `${cmd:NAME/REST}`.",
        examples=["${env:SUPPORT_LLM_KEY}"],
    )
    headers: (
        Annotated[
            dict[
                str,
                Annotated[
                    str,
                    WriteOnly(
                        "a secret where it is a reference",
                        keeps="reference",
                        only_references=True,
                        names=sensitive_header,
                    ),
                ],
            ],
            HeaderMap(),
        ]
        | None
    ) = Field(
        None,
        description="Headers sent with every request. Values that hold a reference are secrets.",
        examples=[{"X-Tenant": "acme", "X-Token": "${env:TENANT_TOKEN}"}],
    )
    tls: Tls | None = Field(None, description="How the connection is secured.")
    timeout: Annotated[float | None, Number(above=0), USUAL["timeout"]] = Field(
        None, description="Seconds until a request is given up.", examples=[30]
    )


class Provider(Record):
    """A hosted provider's model."""

    name: Annotated[str, OpenName(PROVIDER_NAMES)] = Field(
        description="The provider, as the registries call it.", examples=["openai", "anthropic"]
    )
    model: Annotated[str, Field(min_length=1)] = Field(
        description="The model's name at the provider.", examples=["gpt-5-nano"]
    )


class Parameters(Record):
    """Inference parameters that are sent unless a request says otherwise."""

    temperature: Annotated[float | None, Number(minimum=0), USUAL["temperature"]] = Field(
        None, description="Sampling temperature. 0 is the most predictable.", examples=[0.2]
    )
    top_p: Annotated[float | None, Number(minimum=0, maximum=1), USUAL["top_p"]] = Field(
        None, description="Nucleus sampling: the share of probability that is considered.", examples=[0.95]
    )
    top_k: Annotated[int | None, Number(minimum=-1, integer=True), USUAL["top_k"]] = Field(
        None, description="How many of the likeliest tokens are considered; -1 for all.", examples=[40]
    )
    n: Annotated[int | None, Number(minimum=1, integer=True), USUAL["n"]] = Field(
        None, description="How many answers are generated.", examples=[1]
    )
    max_completion_tokens: Annotated[int | None, Number(minimum=1, integer=True), USUAL["max_completion_tokens"]] = (
        Field(None, description="The most tokens of an answer.", examples=[1024])
    )
    stop: Annotated[str | list[str] | None, Texts()] = Field(
        None, description="Text, or texts, at which generation stops.", examples=[["\n\n"]]
    )
    seed: Annotated[int | None, Number(integer=True)] = Field(
        None, description="Seed for repeatable sampling.", examples=[7]
    )
    presence_penalty: Annotated[float | None, Number(minimum=-2, maximum=2), USUAL["presence_penalty"]] = Field(
        None, description="Penalty for tokens that occurred already.", examples=[0]
    )
    frequency_penalty: Annotated[float | None, Number(minimum=-2, maximum=2), USUAL["frequency_penalty"]] = Field(
        None, description="Penalty by how often a token occurred.", examples=[0]
    )
    reasoning_effort: str | None = Field(
        None, description="How hard a reasoning model thinks.", examples=["low", "medium", "high"]
    )


class Limits(Record):
    """What callers may ask of the model."""

    requests_per_minute: Annotated[int | None, Number(minimum=1, integer=True), USUAL["requests_per_minute"]] = Field(
        None, description="The most requests in a minute.", examples=[60]
    )
    max_concurrency: Annotated[int | None, Number(minimum=1, integer=True), USUAL["max_concurrency"]] = Field(
        None, description="The most requests at one time.", examples=[4]
    )
    context_length: Annotated[int | None, Number(minimum=1, integer=True), USUAL["context_length"]] = Field(
        None, description="The tokens of the model's context: of a question and its answer together.", examples=[131072]
    )


class ModelSpec(Record):
    """What a model is: the fields that go to registries."""

    display_name: str | None = Field(None, description="The name that people see.", examples=["Support chat"])
    description: str | None = Field(
        None, description="What the model is for.", examples=["Answers customer questions."]
    )
    task: Annotated[str | None, Choice(TASKS)] = Field(
        "chat_completion", description="What the model does.", examples=["chat_completion"]
    )
    endpoint: Endpoint | None = Field(None, description="A model behind a URL. Never together with `provider`.")
    provider: Provider | None = Field(None, description="A hosted provider's model. Never together with `endpoint`.")
    parameters: Parameters | None = Field(None, description="Inference parameters.")
    limits: Limits | None = Field(None, description="What callers may ask of the model.")
    tags: Annotated[list[str] | None, Unordered("tags are a set")] = Field(
        None, description="Words to find the model by.", examples=[["support", "prod"]]
    )
    labels: dict[str, str] | None = Field(
        None, description="Names with values, for `--select` and for people.", examples=[{"team": "cx"}]
    )
    metadata: dict[str, Any] | None = Field(
        None, description="Anything else, kept as it is.", examples=[{"cost_centre": 42}]
    )


class Override(Record, extra="allow"):
    """One registry's own terms, merge-patched over the compiled model."""

    key: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="The key in this registry, where it differs from the manifest's.",
        examples=["support-chat-v2"],
    )
    ignore: list[PointerText] | None = Field(
        None,
        description="Fields that are managed elsewhere in this registry, as JSON pointers.",
        examples=[["/description"]],
    )


_LEAP_YEAR: Final = r"2[0-9](?:0[48]|[2468][048]|[13579][26])|2[048]00"
DAY: Final = (  # a day of the years 2000 to 2999
    r"^(?:2[0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    rf"|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:{_LEAP_YEAR})-02-29)" + END
)


class Waiver(Record):
    """An exception from a policy for this document, with an end."""

    policy: Name = Field(description="The name of the policy.", examples=["owner-label"])
    reason: Annotated[str, Pattern(NOT_BLANK, "bad_length", "must say why the policy does not apply here")] = Field(
        description="Why the policy does not apply here.", examples=["The owner is decided in January."]
    )
    until: Annotated[str, Pattern(DAY, "bad_date", "must be a day, written as 2027-01-31")] = Field(
        description="The last day on which this holds, in UTC.", examples=["2027-01-31"]
    )


class Shared(Record):
    """What documents and templates alike may say, whatever their kind."""

    schema_: Annotated[str | None, Field(alias="$schema")] = Field(
        None, description="The JSON Schema for editors (in JSON files)."
    )
    format_version: Literal["1.0"] | None = Field(
        None, description="The version of the manifest's form, as `export --format json` writes it.", examples=["1.0"]
    )
    protected: Annotated[bool | None, Boolean()] = Field(
        None,
        description="Forbids delete, replace and rename by re-creation, even after the manifest is gone. Lifted by `false` and one apply.",
        examples=[True],
    )
    ignore: list[PointerText] | None = Field(
        None,
        description="Fields of the native object that are managed elsewhere, as JSON pointers.",
        examples=[["/description"]],
    )
    waivers: list[Waiver] | None = Field(
        None,
        description="Exceptions from policies for this document.",
        examples=[[{"policy": "owner-label", "reason": "The owner is decided in January.", "until": "2027-01-31"}]],
    )


class Common(Shared):
    """What every document that declares an object may say, whatever its kind."""

    state: Literal["present", "absent"] | None = Field(
        "present", description="`absent` deletes the object.", examples=["absent"]
    )


class Inherited(ModelSpec):
    """What a Model says of itself, and may take over from templates."""

    registries: Annotated[dict[Name, Override | None], Field(min_length=1)] | None = Field(
        None,
        description="The registries it goes to, each with overrides in that registry's own terms. Absent: every registry marked default.",
        examples=[{"local": {}}],
    )


class Template(Inherited, Shared):
    """Fields that several Models share: each names it with `extends`. It goes to no registry itself."""

    kind: Literal["Template"] = Field(description="Fields for Models to extend.", examples=["Template"])
    key: Key = Field(description="The name that Models give in `extends`.", examples=["gateway"])


class Model(Inherited, Common):
    """A model, in the terms that all registries share."""

    kind: Literal["Model"] = Field(description="The portable kind.", examples=["Model"])
    key: Key = Field(description="The model's identity in every registry.", examples=["support-chat"])
    extends: Annotated[str | list[str] | None, TextOrList(Key)] = Field(
        None,
        description="The template whose fields it takes over, or several: merged in order (JSON Merge Patch), this document last. "
        "Null removes what is inherited.",
        examples=["gateway"],
    )
    previous_keys: list[Key] | None = Field(
        None,
        description="Keys that the model had before: it is renamed, not created again.",
        examples=[["support-bot"]],
    )


class NativeCommon(Common):
    """What every native document says beside the registry's own fields."""

    kind: str = Field(description="The native kind, `<driver>/<Kind>`.")
    key: Annotated[str, Field(min_length=1)] = Field(
        description="The object's identity in the registry, under its own rule."
    )
    registry: Name | None = Field(None, description="The registry, where several use the driver.")
    previous_keys: list[Annotated[str, Field(min_length=1)]] | None = Field(
        None, description="Keys that the object had before."
    )
    unmanaged: Annotated[dict[str, Any] | None, Field(alias="x-unmanaged")] = Field(
        None,
        description="Members of the object that reconciler does not know, as `export` found them. Sent when the object is created; never compared, and otherwise left as the registry has them.",
        examples=[{"guardrails": ["pii"]}],
    )


# what newcomers call a field elsewhere, and what it is called here (see `core.kind.Kind.hints`)
HINTS: Final = {
    "/name": "key",
    "/id": "key",
    "/title": "display_name",
    "/workspace": "a workspace is a registry's: `workspace` of its entry in reconciler.yaml",
    "/base_url": "endpoint.url",
    "/api_base": "endpoint.url",
    "/model_name": "write `endpoint: {url, model}` for a model behind a URL, `provider: {name, model}` for a provider's",
    "/model": "write `endpoint: {url, model}` for a model behind a URL, `provider: {name, model}` for a provider's",
    "/api_key_env": 'write `endpoint: {api_key: "${env:NAME}"}`',
    "/max_tokens": "parameters.max_completion_tokens",
    "/parameters/max_tokens": "max_completion_tokens",
}
# what a template is not given: it is no object, and no template extends another
TEMPLATE_HINTS: Final = HINTS | {
    "/extends": "a template extends none: a Model may extend several, as a list",
    "/state": "it is for the Models that extend the template: a template is in no registry",
    "/previous_keys": "they are for the Models that extend the template: a template is in no registry",
}
SPEC_FIELDS: Final = tuple(ModelSpec.model_fields)
