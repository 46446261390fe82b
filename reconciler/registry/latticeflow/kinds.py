"""The native kinds of AI GO!: models, adapters, secrets and integrations, as its own client 3.17 knows them.

Nothing has room for a mark: what is ours is what `owns` in reconciler.yaml says. Keys with `$` come with the platform.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.core.schema.types import END
from reconciler.registry.driver import (
    USUAL,
    AdapterForm,
    Default,
    KeyRule,
    Kind,
    Number,
    OpenChoice,
    SecretText,
    WriteOnly,
)
from reconciler.registry.latticeflow.connections import BY_TYPE, IDENTITY, PROVIDERS, Config
from reconciler.registry.latticeflow.values import SECRET_KEY, Code

TASKS: Final = ("chat_completion", "embeddings", "custom")
LONGEST_KEY: Final = 250
PLATFORM: Final = "latticeflow$"  # begins the keys of adapters that come with AI GO!

_PLAIN: Final = "letters, digits, '_' and '-'"
_LENGTH: Final = KeyRule(rf"^[\s\S]{{0,{LONGEST_KEY}}}{END}", f"it has more than {LONGEST_KEY} characters")
_MODEL_RULES: Final = (
    _LENGTH,
    KeyRule(
        rf"^(?:(?:{'|'.join(PROVIDERS)})\$)?[a-zA-Z0-9_-]+{END}",
        f"it must be {_PLAIN}, behind a provider and '$' if it is a provider's",
    ),
)
_ADAPTER_RULES: Final = (
    _LENGTH,
    KeyRule(
        rf"^(?:latticeflow\$)?[a-zA-Z0-9_-]+{END}",
        f"it must be {_PLAIN}, behind 'latticeflow$' if it is the platform's",
    ),
)
_SECRET_RULES: Final = (_LENGTH, KeyRule(SECRET_KEY + END, f"it must be {_PLAIN}"))
_INTEGRATION_RULES: Final = (
    KeyRule(rf"^(?:{'|'.join(PROVIDERS)}){END}", f"it must be a provider: {', '.join(PROVIDERS)}"),
)


class Model(Record):
    """A model of AI GO!."""

    display_name: Annotated[str, Field(min_length=1)] = Field(
        description="The name that people see.", examples=["Support chat"]
    )
    description: str | None = Field(None, description="What it is for.", examples=["Answers customer questions."])
    rate_limit: Annotated[int | None, Number(integer=True), USUAL["requests_per_minute"]] = Field(
        None, description="The most requests in a minute.", examples=[60]
    )
    max_concurrent_requests: Annotated[int | None, Number(minimum=1, integer=True), USUAL["max_concurrency"]] = Field(
        None, description="The most requests at one time.", examples=[4]
    )
    task: Annotated[str | None, OpenChoice(TASKS), Default("chat_completion", "so AI GO!'s own client has it")] = Field(
        None, description="What the model does. `chat_completion` if absent.", examples=["chat_completion"]
    )
    config: Annotated[Config, BY_TYPE] = Field(
        description="How the model is reached.",
        examples=[{"url": "https://llm.example.com/v1/chat/completions", "api_key": {"name": "LLM_KEY"}}],
    )


class Transformation(Record):
    """A template that turns one form of data into another."""

    language: Literal["jinja"] = Field(description="The template's language.", examples=["jinja"])
    source_code: Code = Field(description="The template.", examples=["${file:adapter.jinja}"])


class Adapter(Record):
    """An adapter of AI GO!: turns requests and answers of an endpoint into the standard form."""

    display_name: Annotated[str, Field(min_length=1)] = Field(
        description="The name that people see.", examples=["My adapter"]
    )
    description: str | None = Field(None, description="What it does.", examples=["Speaks our gateway's dialect."])
    long_description: str | None = Field(None, description="The same at length, in Markdown.", examples=["# Adapter"])
    provider: Annotated[
        str | None, OpenChoice(("user", "latticeflow")), Default("user", "so AI GO!'s own client has it")
    ] = Field(None, description="Whose it is. `user` if absent.", examples=["user"])
    process_input: Transformation = Field(description="Turns the standard form into what the endpoint takes.")
    process_output: Transformation = Field(description="Turns what the endpoint answers into the standard form.")


class SecretValue(Record):
    """A secret that AI GO! keeps. Its value is never given back, so a new one is written only with `--rotate`."""

    value: Annotated[SecretText, WriteOnly("AI GO! never gives it back")] = Field(
        description="The secret.", examples=["${env:LLM_KEY}"]
    )


class Integration(Record):
    """A provider's credentials. The key is the provider's name. AI GO! has no way to delete one through its API."""

    api_key: Annotated[SecretText, WriteOnly("AI GO! never gives it back")] = Field(
        description="The key of the account at the provider.", examples=["${env:OPENAI_API_KEY}"]
    )
    org_id: Annotated[SecretText | None, WriteOnly("AI GO! does not say whether it gives it back")] = Field(
        None, description="The organization of the account; `openai` only.", examples=["${env:OPENAI_ORG_ID}"]
    )


def platform_key(key: str) -> bool:
    """Whether an object of that key comes with the platform."""
    return "$" in key


HINTS: Final[Mapping[str, Mapping[str, str]]] = {
    "Model": {
        "/name": "key",
        "/config/adapter_id": "adapter: {key: KEY}",
        "/$provider": "`reconciler models PROVIDER --add MODEL` writes the manifest, and `reconciler import FILE` reads files of `lf`",
    },
    "Integration": {"/name": "key", "/id": "key", "/provider": "key"},
}


def _kind(form: Any, title: str, **traits: Any) -> Kind:
    """A kind of AI GO!'s, none of which has room for a mark."""
    hints = HINTS.get(form.__name__, {"/name": "key"})
    return Kind(form, title, **{"markable": False, "is_builtin": platform_key, "hints": hints, **traits})


_KEPT: Final = "AI GO! cannot delete an integration through its API: remove it in Settings > Integrations"
KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        _kind(Model, "AI GO! model", key_rules=_MODEL_RULES),
        _kind(Adapter, "AI GO! adapter", key_rules=_ADAPTER_RULES, counts_in_guards=False),
        _kind(
            SecretValue,
            "AI GO! secret",
            name="Secret",
            key_rules=_SECRET_RULES,
            unique_ids=False,
            counts_in_guards=False,
            upserts=True,
            takes_unmanaged=False,
        ),
        _kind(
            Integration,
            "AI GO! integration",
            key_rules=_INTEGRATION_RULES,
            unique_ids=False,
            counts_in_guards=False,
            deletable=False,
            not_deletable_reason=_KEPT,
            upserts=True,
            takes_unmanaged=False,
        ),
    )
}


def _templates(spec: Mapping[str, Any]) -> tuple[str, str]:
    before, after = (str(spec[name]["source_code"]) for name in ("process_input", "process_output"))
    return before, after


ADAPTERS: Final = AdapterForm(
    kind=Adapter.__name__, templates=_templates, builtin=PLATFORM, identity=IDENTITY, platform="AI GO!"
)
